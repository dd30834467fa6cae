package breaks

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// certificate replaces Hubble's server certificate by one for the same key and names, from the same authority, that
// ends at another time.
func certificate(name, about string, hours int) Break {
	return Break{
		Name: name, About: about, Scope: OnCluster,
		Do: func(ctx context.Context, t *Target) error {
			found, err := t.save(ctx, ref("v1", "Secret", "kube-system", "hubble-server-certs"))
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return errors.New("there is no Secret hubble-server-certs; `lab bootstrap` installs Cilium")
			}
			ca, err := t.Kube.CoreV1().Secrets("kube-system").Get(ctx, "cilium-ca", metav1.GetOptions{})
			if err != nil {
				return fmt.Errorf("read Cilium's certificate authority: %w", err)
			}
			encoded, _, _ := unstructured.NestedString(found[0].Object, "data", "tls.crt")
			old, err := base64.StdEncoding.DecodeString(encoded)
			if err != nil {
				return fmt.Errorf("read Hubble's certificate: %w", err)
			}
			ends := time.Now().Add(time.Duration(hours) * time.Hour)
			renewed, err := reissue(old, ca.Data["ca.crt"], ca.Data["ca.key"], ends)
			if err != nil {
				return err
			}
			if err := unstructured.SetNestedField(found[0].Object, base64.StdEncoding.EncodeToString(renewed), "data", "tls.crt"); err != nil {
				return err
			}
			return t.replace(ctx, found[0], "helm")
		},
	}
}

func reissue(cert, authority, authorityKey []byte, ends time.Time) ([]byte, error) {
	old, err := parseCertificate(cert)
	if err != nil {
		return nil, err
	}
	parent, err := parseCertificate(authority)
	if err != nil {
		return nil, err
	}
	key, err := parseKey(authorityKey)
	if err != nil {
		return nil, err
	}
	next := &x509.Certificate{
		SerialNumber: old.SerialNumber, Subject: old.Subject, DNSNames: old.DNSNames, IPAddresses: old.IPAddresses,
		NotBefore: ends.Add(-365 * 24 * time.Hour), NotAfter: ends, KeyUsage: old.KeyUsage, ExtKeyUsage: old.ExtKeyUsage,
		BasicConstraintsValid: true,
	}
	raw, err := x509.CreateCertificate(rand.Reader, next, parent, old.PublicKey, key)
	if err != nil {
		return nil, fmt.Errorf("sign certificate: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw}), nil
}

func parseCertificate(text []byte) (*x509.Certificate, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("read certificate: no PEM block")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read certificate: %w", err)
	}
	return cert, nil
}

func parseKey(text []byte) (crypto.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errors.New("read private key: no PEM block")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read private key: %w", err)
	}
	return key, nil
}
