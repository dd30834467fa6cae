package control

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

func TestKeysAreMadeOnce(t *testing.T) {
	dir := state.Dir(t.TempDir())
	s := state.Settings{PortBase: 21000, AdminToken: "admin-token"}
	if err := WriteKeys(dir, s); err != nil {
		t.Fatal(err)
	}
	pki := dir.Cluster("infra", "pki")
	if _, err := tls.LoadX509KeyPair(filepath.Join(pki, "serving.crt"), filepath.Join(pki, "serving.key")); err != nil {
		t.Error(err)
	}
	first, err := os.ReadFile(dir.Kubeconfig())
	if err != nil {
		t.Fatal(err)
	}
	if err := WriteKeys(dir, s); err != nil {
		t.Fatal(err)
	}
	if again, _ := os.ReadFile(dir.Kubeconfig()); string(again) != string(first) {
		t.Error("a second writing changed the kubeconfig")
	}
	for _, c := range fleet.All() {
		if !strings.Contains(string(first), "name: "+c.Name) {
			t.Errorf("the kubeconfig has no context %s", c.Name)
		}
	}
}

func TestAuditLeavesOutTheClustersOwnPrograms(t *testing.T) {
	policy := string(auditPolicy())
	for _, u := range users() {
		if left := strings.Contains(policy, `"`+u.name+`"`); left == (u.name == adminUser) {
			t.Errorf("user %s is left out: %v", u.name, left)
		}
	}
}

func TestEverythingListensOnLoopback(t *testing.T) {
	c := Cluster{
		Cluster: fleet.All()[0], Dir: "/state", Settings: state.Settings{PortBase: 21000},
		Program: func(name string) string { return "/programs/" + name },
	}
	specs := append(c.flux(), c.etcd(), c.apiserver(), c.controllerManager(), c.scheduler(), c.kwok())
	addresses := 0
	for _, spec := range specs {
		for _, arg := range spec.Args {
			name, value, _ := strings.Cut(arg, "=")
			address := strings.HasSuffix(name, "-addr") || strings.HasSuffix(name, "-address") || strings.HasSuffix(name, "-urls")
			if address {
				addresses++
			}
			if address && !strings.Contains(value, "127.0.0.1") {
				t.Errorf("%s: %s", spec.Name, arg)
			}
		}
	}
	if addresses < len(specs) {
		t.Errorf("%d programs are given %d addresses", len(specs), addresses)
	}
}
