// Package control runs a cluster: keys, etcd, the control plane, the simulated kubelet and Flux's controllers as
// processes of this machine, all on the loopback interface.
package control

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

const tenYears = 10 * 365 * 24 * time.Hour

// ensureKeys writes a cluster's certificate authority, serving certificate and service account key, once. Pods reach
// the API server by the address of its Service.
func ensureKeys(dir, cluster string, service net.IP) error {
	last := filepath.Join(dir, "sa.key") // written last: where it is, the others are
	if _, err := os.Stat(last); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	now := time.Now()
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cluster + "-ca"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(tenYears), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make keys of %s: %w", cluster, err)
	}
	if err := writePair(dir, "ca", ca, ca, caKey, caKey); err != nil {
		return fmt.Errorf("make keys of %s: %w", cluster, err)
	}
	serving := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "kube-apiserver"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(tenYears),
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:    []string{"localhost", "kubernetes", "kubernetes.default.svc"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, service},
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return fmt.Errorf("make keys of %s: %w", cluster, err)
	}
	if err := writePair(dir, "serving", serving, ca, key, caKey); err != nil {
		return fmt.Errorf("make keys of %s: %w", cluster, err)
	}
	sa, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return fmt.Errorf("make keys of %s: %w", cluster, err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(sa)})
	return state.WriteFile(last, text, 0o600)
}

func writePair(dir, name string, cert, parent *x509.Certificate, key, signer *ecdsa.PrivateKey) error {
	raw, err := x509.CreateCertificate(rand.Reader, cert, parent, &key.PublicKey, signer)
	if err != nil {
		return err
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	keyText := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})
	certText := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	return errors.Join(
		state.WriteFile(filepath.Join(dir, name+".key"), keyText, 0o600),
		state.WriteFile(filepath.Join(dir, name+".crt"), certText, 0o644),
	)
}
