package chart

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/docker/cli/cli/config/configfile"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Access is how a place is got at: what a source's Secrets hold. It is secret; only its Host may be printed.
type Access struct {
	Host               string // that the credentials are for: "registry.example.org:5000"
	Username, Password string
	Encrypted          bool                     // the source itself is not asked over HTTP: nor is anybody with its credentials
	Everywhere         bool                     // the credentials go to other hosts, too (passCredentials)
	Pull               []*configfile.ConfigFile // docker's, from Secrets
	TLS                *tls.Config
	Proxy              *url.URL
	// Missing says what of all this could not be had, each in a sentence; it is told where fetching fails without it.
	Missing []string
	// Absent are those of them that the source itself lacks: until they are there, Flux cannot fetch.
	Absent []string
}

// explain adds to an error what was missing.
func (a Access) explain(err error) error {
	if len(a.Missing) == 0 || errors.Is(err, ErrRefused) {
		return err
	}
	return fmt.Errorf("%w (%s)", err, strings.Join(a.Missing, "; "))
}

// keychain is the source's credentials, and where it has none the user's own.
func (a Access) keychain() authn.Keychain {
	var all []authn.Keychain
	if a.Username != "" {
		all = append(all, passwordKeychain(a))
	}
	for _, file := range a.Pull {
		all = append(all, pullKeychain{file})
	}
	return authn.NewMultiKeychain(append(all, authn.DefaultKeychain)...)
}

type passwordKeychain Access

func (k passwordKeychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	if r.RegistryStr() != k.Host {
		return authn.Anonymous, nil
	}
	return &authn.Basic{Username: k.Username, Password: k.Password}, nil
}

type pullKeychain struct{ file *configfile.ConfigFile }

func (k pullKeychain) Resolve(r authn.Resource) (authn.Authenticator, error) {
	found, err := k.file.GetAuthConfig(r.RegistryStr())
	if err != nil || found.Username == "" && found.IdentityToken == "" && found.RegistryToken == "" {
		return authn.Anonymous, nil
	}
	return authn.FromConfig(authn.AuthConfig{
		Username: found.Username, Password: found.Password, IdentityToken: found.IdentityToken, RegistryToken: found.RegistryToken,
	}), nil
}

// transport is what all requests to a place go over.
func (a Access) transport(roots []byte, insecure bool) (*http.Transport, error) {
	base, ok := remote.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("there is no transport")
	}
	t := base.Clone()
	if a.Proxy != nil {
		t.Proxy = http.ProxyURL(a.Proxy)
	}
	t.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	if a.TLS != nil {
		t.TLSClientConfig = a.TLS.Clone()
	} else if insecure {
		t.TLSClientConfig.InsecureSkipVerify = true // as source-controller does where the source says insecure
	}
	if len(roots) == 0 {
		return t, nil
	}
	pool := t.TLSClientConfig.RootCAs
	if pool == nil {
		var err error
		if pool, err = x509.SystemCertPool(); err != nil {
			pool = x509.NewCertPool()
		}
	}
	if pool = pool.Clone(); !pool.AppendCertsFromPEM(roots) {
		return nil, errors.New("read the authorities: they hold no certificate in PEM; name a file that does with --ca-file")
	}
	t.TLSClientConfig.RootCAs = pool
	return t, nil
}
