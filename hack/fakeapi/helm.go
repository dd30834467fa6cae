package fakeapi

import (
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"math/big"
	weak "math/rand/v2"
	"strconv"
	"strings"
	"sync"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// records are Helm's Secrets. The one that holds the recorded release holds it; size is how large each is made, at least.
func records(l facts.Live, size int) ([]*core.Secret, error) {
	var all []*core.Secret
	for _, r := range l.Records {
		secret := &core.Secret{Type: "helm.sh/release.v1", ObjectMeta: metav1.ObjectMeta{Namespace: r.Namespace, Name: r.Secret, Labels: map[string]string{
			"owner": "helm", "name": r.Release, "version": strconv.Itoa(r.Revision), "status": r.Status, "modifiedAt": strconv.FormatInt(r.Modified.Unix(), 10),
		}}}
		contents := facts.ReleaseContents{Namespace: r.Namespace, Name: r.Release, Revision: r.Revision, Status: r.Status, Chart: r.Chart}
		if l.Release != nil && l.Release.Name == r.Release && l.Release.Namespace == r.Namespace && l.Release.Revision == r.Revision {
			contents = *l.Release
		}
		packed, err := pack(contents, size)
		if err != nil {
			return nil, err
		}
		secret.Data = map[string][]byte{"release": packed}
		all = append(all, secret)
	}
	return all, nil
}

// pack is Helm's encoding of a release: JSON, gzip, base64.
func pack(r facts.ReleaseContents, size int) ([]byte, error) {
	// A manifest of hexadecimal noise is packed to half its length by gzip, and grows by a third by base64.
	noise := make([]byte, size*3/4)
	source := weak.NewChaCha8([32]byte{})
	_, _ = source.Read(noise)
	text, err := json.Marshal(map[string]any{
		"name": r.Name, "namespace": r.Namespace, "version": r.Revision, "apply_method": r.ApplyMethod,
		"info":   map[string]any{"status": r.Status, "last_deployed": r.Deployed},
		"chart":  map[string]any{"metadata": map[string]any{"name": r.Chart, "version": r.ChartVersion, "appVersion": r.AppVersion}, "values": r.Defaults},
		"config": r.Values, "manifest": hex.EncodeToString(noise),
	})
	if err != nil {
		return nil, err
	}
	var packed bytes.Buffer
	zip, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if _, err := zip.Write(text); err != nil {
		return nil, err
	}
	if err := zip.Close(); err != nil {
		return nil, err
	}
	return []byte(base64.StdEncoding.EncodeToString(packed.Bytes())), nil
}

// key is one for all certificates: they are looked at, and never used.
var key = sync.OnceValues(func() (*ecdsa.PrivateKey, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) })

// certificates are TLS Secrets with certificates that are valid as long as the recorded ones.
func certificates(l facts.Live) ([]*core.Secret, error) {
	var all []*core.Secret
	for _, c := range l.Certificates {
		namespace, name, _ := strings.Cut(c.Secret, "/")
		if len(all) == 0 || all[len(all)-1].Name != name {
			all = append(all, &core.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}, Type: core.SecretTypeTLS, Data: map[string][]byte{}})
		}
		secret := all[len(all)-1]
		if c.Broken != "" {
			secret.Data[c.Key] = []byte("not a certificate")
			continue
		}
		der, err := certificate(c)
		if err != nil {
			return nil, err
		}
		secret.Data[c.Key] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	}
	return all, nil
}

func certificate(c facts.Certificate) ([]byte, error) {
	private, err := key()
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: c.Subject}, NotBefore: c.NotBefore, NotAfter: c.NotAfter}
	return x509.CreateCertificate(rand.Reader, t, t, &private.PublicKey, private)
}
