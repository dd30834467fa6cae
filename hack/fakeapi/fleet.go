package fakeapi

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"sync"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"
)

// Fleet is a number of API servers on loopback, each with a port of its own, and how to reach them.
type Fleet struct {
	// Plain serves without TLS: nothing then depends on how long a busy machine takes for 200 handshakes.
	Plain bool

	mu          sync.Mutex
	authority   []byte // PEM
	certificate tls.Certificate
	servers     []*http.Server
	silent      []net.Listener
	held        []net.Conn     // by those that are silent; a connection that nobody holds would be closed some time
	opened      map[string]int // connections, by context
	config      *clientapi.Config
}

// NewFleet has no cluster yet.
func NewFleet() (*Fleet, error) {
	f := &Fleet{opened: map[string]int{}, config: clientapi.NewConfig()}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "fakeapi"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &private.PublicKey, private)
	if err != nil {
		return nil, err
	}
	f.authority = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	f.certificate = tls.Certificate{Certificate: [][]byte{der}, PrivateKey: private}
	return f, nil
}

// Serve adds a cluster that answers, by that context, at that distance.
func (f *Fleet) Serve(context string, c http.Handler, roundTrip time.Duration) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{
		Handler: c, TLSConfig: &tls.Config{Certificates: []tls.Certificate{f.certificate}, NextProtos: []string{"h2", "http/1.1"}, MinVersion: tls.VersionTLS12},
		ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				f.mu.Lock()
				f.opened[context]++
				f.mu.Unlock()
			}
		},
	}
	f.servers = append(f.servers, server)
	f.add(context, l.Addr().String())
	l = Delayed(l, roundTrip)
	go func() {
		if f.Plain {
			_ = server.Serve(l)
			return
		}
		_ = server.ServeTLS(l, "", "")
	}()
	return nil
}

// Refuse adds a context behind which nobody listens.
func (f *Fleet) Refuse(context string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f.add(context, l.Addr().String())
	return l.Close()
}

// Silence adds a context behind which connections are taken and nothing is ever said.
func (f *Fleet) Silence(context string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	f.silent = append(f.silent, l)
	f.add(context, l.Addr().String())
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			f.mu.Lock()
			f.held = append(f.held, c)
			f.mu.Unlock()
		}
	}()
	return nil
}

// Hush ends those that are silent, and what they were still asked.
func (f *Fleet) Hush() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.silent {
		_ = l.Close()
	}
	for _, c := range f.held {
		_ = c.Close()
	}
	f.held = nil
}

// add names a server in the kubeconfig. Each has a user of its own, as those of a real fleet do.
func (f *Fleet) add(context, address string) {
	f.config.Clusters[context] = &clientapi.Cluster{Server: "https://" + address, CertificateAuthorityData: f.authority}
	if f.Plain {
		f.config.Clusters[context] = &clientapi.Cluster{Server: "http://" + address}
	}
	f.config.AuthInfos[context] = &clientapi.AuthInfo{Token: "token-of-" + context}
	f.config.Contexts[context] = &clientapi.Context{Cluster: context, AuthInfo: context}
	if f.config.CurrentContext == "" {
		f.config.CurrentContext = context
	}
}

// Kubeconfig is the way to all of them.
func (f *Fleet) Kubeconfig() ([]byte, error) { return clientcmd.Write(*f.config) }

// Connections are how many a cluster was opened.
func (f *Fleet) Connections(context string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opened[context]
}

// Close ends all of it.
func (f *Fleet) Close() error {
	var err error
	for _, s := range f.servers {
		err = errors.Join(err, s.Close())
	}
	f.Hush()
	return err
}
