package component

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestEveryComponentHasItsModule(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Table() {
		if seen[c.Name] {
			t.Errorf("%s is listed twice", c.Name)
		}
		seen[c.Name] = true
		if _, err := os.Stat(filepath.Join("..", c.Module, "go.mod")); err != nil && c.Upstream == "" {
			t.Errorf("%s: %v", c.Name, err)
		}
		for link, program := range c.Links {
			if c.Programs[program] == "" {
				t.Errorf("%s: %s links to %s, which is not built", c.Name, link, program)
			}
		}
	}
}

// The versions in the table are what go.mod pins: a build under another name would lie.
func TestVersionsAreThePinnedOnes(t *testing.T) {
	modules := map[string]string{
		"kubernetes": "k8s.io/kubernetes", "etcd": "go.etcd.io/etcd/server/v3", "kwok": "sigs.k8s.io/kwok", "helm4": "helm.sh/helm/v4",
		"helm3": "helm.sh/helm/v3", "registry": "github.com/google/go-containerregistry",
		"source-controller": "github.com/fluxcd/source-controller", "kustomize-controller": "github.com/fluxcd/kustomize-controller",
		"helm-controller": "github.com/fluxcd/helm-controller", "agent": "github.com/cilium/cilium", "cilium": "github.com/cilium/cilium", "coredns": "github.com/coredns/coredns", "prometheus": "github.com/prometheus/prometheus",
	}
	for name, module := range modules {
		c, ok := Of(name)
		if !ok {
			t.Errorf("no component %s", name)
			continue
		}
		raw, err := os.ReadFile(filepath.Join("..", c.Module, "go.mod"))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(raw), module+" "+c.Version) {
			t.Errorf("%s is called %s, and go.mod of %s pins another %s", name, c.Version, c.Module, module)
		}
	}
}

func TestKeyFollowsWhatIsBuiltFrom(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, "mod", name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("go.mod", "module m\n")
	write("cmd/main.go", "package main\n")
	b := Builder{Source: dir}
	c := Component{Name: "x", Version: "v1", Module: "mod", Source: []string{"cmd"}}
	key := func() string {
		k, err := b.key(c)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	first := key()
	write("cmd/main_test.go", "package main\n")
	if key() != first {
		t.Error("a test changes the key")
	}
	write("cmd/main.go", "package main // changed\n")
	if key() == first {
		t.Error("a changed source keeps the key")
	}
	if !strings.HasPrefix(first, "x-v1-") {
		t.Errorf("key %s", first)
	}
}

func TestOnceIsOnceAndWhole(t *testing.T) {
	b := Builder{Cache: t.TempDir(), Tell: io.Discard}
	var runs atomic.Int32
	fill := func(into, _ string) error {
		runs.Add(1)
		return os.WriteFile(filepath.Join(into, "a"), nil, 0o644)
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if _, err := b.once("x", "x-1", fill); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if runs.Load() != 1 {
		t.Errorf("filled %d times", runs.Load())
	}
	failed := errors.New("no compiler")
	if _, err := b.once("y", "y-1", func(string, string) error { return failed }); !errors.Is(err, failed) {
		t.Errorf("error %v", err)
	}
	entries, err := os.ReadDir(b.Cache)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "x-1" && e.Name() != "lock" {
			t.Errorf("%s is left behind", e.Name())
		}
	}
}

func TestGatewayAPIByVersion(t *testing.T) {
	for cilium, want := range map[string]string{"1.16.5": "v1.3.0", "1.18.2": "v1.3.0", "1.19.1": "v1.4.1", "1.20.2": "v1.6.1"} {
		if got := GatewayAPI(cilium); got != want {
			t.Errorf("Cilium %s: Gateway API %s, want %s", cilium, got, want)
		}
	}
}
