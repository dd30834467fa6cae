package breaks

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/play"
	"github.com/cilium-gitops/cilium-gitops/lab/site"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

func TestTableIsDocumented(t *testing.T) {
	name, seen := regexp.MustCompile(`^[a-z][a-z0-9-]*$`), map[string]bool{}
	for _, b := range Table() {
		switch {
		case !name.MatchString(b.Name) || seen[b.Name]:
			t.Errorf("name %q is malformed or taken", b.Name)
		case b.About == "" || strings.ContainsAny(b.About, "\n\t") || strings.HasSuffix(b.About, "."):
			t.Errorf("%s: say in one line, without a full stop, what is wrong afterwards: %q", b.Name, b.About)
		case b.Scope != OnCluster && b.Scope != OnNode && b.Scope != OnUser:
			t.Errorf("%s: scope %q", b.Name, b.Scope)
		case b.Do == nil:
			t.Errorf("%s breaks nothing", b.Name)
		}
		seen[b.Name] = true
	}
}

func TestREADMEListsEveryBreak(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join("..", "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range Table() {
		if !strings.Contains(string(raw), "`"+b.Name+"`") {
			t.Errorf("lab/README.md does not name %s", b.Name)
		}
	}
}

func TestAim(t *testing.T) {
	for _, c := range []struct {
		name string
		aim  Aim
		want string // of the record, or a word of the error after "!"
	}{
		{"agent-down", Aim{}, "agent-down on infra node infra-2"},
		{"agent-down", Aim{Cluster: "apps", Node: "apps-3"}, "agent-down on apps node apps-3"},
		{"agent-down", Aim{Cluster: "apps", Node: "infra-1"}, "!no node"},
		{"agent-down", Aim{Cluster: "prod"}, "!infra apps"},
		{"version-skew", Aim{}, "version-skew on apps"},
		{"kube-proxy", Aim{}, "kube-proxy on infra"},
		{"exec-forbidden", Aim{}, "!--user"},
		{"exec-forbidden", Aim{User: "bob"}, "exec-forbidden on infra user bob"},
	} {
		b, err := Find(c.name)
		if err != nil {
			t.Fatal(err)
		}
		r, err := b.aim(c.aim)
		if word, fails := strings.CutPrefix(c.want, "!"); fails {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%s %+v: error %v, want %q", c.name, c.aim, err, word)
			}
			continue
		}
		if err != nil || r.String() != c.want {
			t.Errorf("%s %+v: %v, %v; want %s", c.name, c.aim, r, err, c.want)
		}
	}
}

func TestUnknownNamesAreTold(t *testing.T) {
	if _, err := Find("no-such"); err == nil || !strings.Contains(err.Error(), "--list") {
		t.Errorf("error %v does not say where the names are", err)
	}
}

// Every fault of an agent must be undone to the very state before, whatever else is wrong with the agent.
func TestFaultsAreUndone(t *testing.T) {
	lab := &site.Lab{Dir: state.Dir(t.TempDir()), Err: io.Discard}
	c, err := lab.Cluster(state.Settings{}, "infra")
	if err != nil {
		t.Fatal(err)
	}
	other := &Target{Record: &Record{Node: "infra-2"}, Lab: lab, Cluster: c}
	if err := other.setFault(func(f *play.Fault) { f.PeersMissing = 2 }); err != nil {
		t.Fatal(err)
	}
	path := c.Path("agents", play.FaultsFile)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range agentBreaks() {
		if b.Name == "agent-down" || b.Name == "wireguard-peer-missing" { // one needs a cluster, the other is what is wrong already
			continue
		}
		target := &Target{Record: &Record{Break: b.Name, Node: "infra-2"}, Lab: lab, Cluster: c}
		if err := b.Do(context.Background(), target); err != nil {
			t.Fatal(err)
		}
		if broken, _ := os.ReadFile(path); string(broken) == string(before) {
			t.Errorf("%s changes nothing", b.Name)
		}
		if err := b.Undo(context.Background(), target); err != nil {
			t.Fatal(err)
		}
		if after, _ := os.ReadFile(path); string(after) != string(before) {
			t.Errorf("%s leaves %s, want %s", b.Name, after, before)
		}
	}
}

func TestMendOrder(t *testing.T) {
	lab := &site.Lab{Dir: state.Dir(t.TempDir()), Err: io.Discard}
	now := time.Now()
	for i, name := range []string{"api-stopped", "kube-proxy", "crd-missing"} {
		c, err := lab.Cluster(state.Settings{}, "infra")
		if err != nil {
			t.Fatal(err)
		}
		target := &Target{Record: &Record{Break: name, Cluster: "infra", Since: now.Add(time.Duration(i) * time.Second)}, Cluster: c}
		if err := target.keep(); err != nil {
			t.Fatal(err)
		}
	}
	records, err := InForce(lab)
	if err != nil {
		t.Fatal(err)
	}
	var order []string
	for _, r := range records {
		order = append(order, r.Break)
	}
	if got := strings.Join(order, " "); got != "api-stopped crd-missing kube-proxy" {
		t.Errorf("order %s", got)
	}
}

func TestOtherVersion(t *testing.T) {
	for version, want := range map[string]string{"1.18.2": "1.18.1", "1.17.6": "1.18.2", "1.16.5": "1.16.6", "1.19.0": "1.19.1", "1.20.2": "1.20.1"} {
		if got := Other(version); got != want {
			t.Errorf("beside %s is %s, want %s", version, got, want)
		}
	}
}

func TestReleaseSecretRoundTrip(t *testing.T) {
	r := release{"name": "cilium", "version": 1, "manifest": "a: b", "info": map[string]any{"status": "deployed"}}
	s, err := r.secret("kube-system", "cilium", 2, "pending-upgrade")
	if err != nil {
		t.Fatal(err)
	}
	if s.Name != "sh.helm.release.v1.cilium.v2" || s.Labels["status"] != "pending-upgrade" || revision(s) != 2 {
		t.Errorf("secret %s, labels %v", s.Name, s.Labels)
	}
	back, err := decode(s)
	if err != nil {
		t.Fatal(err)
	}
	raw, _ := json.Marshal(back["info"])
	if back["manifest"] != "a: b" || !strings.Contains(string(raw), "pending-upgrade") {
		t.Errorf("release %v", back)
	}
}

func TestReissuedCertificateEndsWhenTold(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "*.infra.hubble-grpc.cilium.io"}, IsCA: true, BasicConstraintsValid: true,
		DNSNames: []string{"*.infra.hubble-grpc.cilium.io"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: raw})
	private := pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})
	ends := time.Now().Add(-24 * time.Hour)
	renewed, err := reissue(cert, cert, private, ends)
	if err != nil {
		t.Fatal(err)
	}
	got, err := parseCertificate(renewed)
	if err != nil {
		t.Fatal(err)
	}
	if got.NotAfter.Sub(ends).Abs() > time.Second || got.DNSNames[0] != template.DNSNames[0] {
		t.Errorf("ends %s for %v, want %s", got.NotAfter, got.DNSNames, ends)
	}
}
