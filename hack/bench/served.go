package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/hack/fakeapi"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// recordedFile is what is multiplied: a cluster of the story in which nothing is wrong.
const recordedFile = "examples/fleet/facts/infra.yaml"

func recorded() (facts.Facts, error) {
	text, err := os.ReadFile(recordedFile)
	if err != nil {
		return facts.Facts{}, err
	}
	all, err := facts.Read(bytes.NewReader(text))
	if err != nil {
		return facts.Facts{}, fmt.Errorf("read %s: %w", recordedFile, err)
	}
	return all[0], nil
}

// served is a fleet that this process serves, and a world whose kubeconfig and fleet file name it.
type served struct {
	*world
	fleet    *fakeapi.Fleet
	clusters map[string]*fakeapi.Cluster
	names    []string
}

func newServed() (*served, error) {
	fleet, err := fakeapi.NewFleet()
	return &served{fleet: fleet, clusters: map[string]*fakeapi.Cluster{}}, err
}

// add serves one more cluster: the recording under another name, as shape makes it.
func (s *served) add(name string, roundTrip time.Duration, options fakeapi.Options, shape func(facts.Facts) facts.Facts) error {
	f, err := recorded()
	if err != nil {
		return err
	}
	if f, err = fakeapi.Renamed(f, name, time.Now().UTC().Truncate(time.Second)); err != nil {
		return err
	}
	if shape != nil {
		f = shape(f)
	}
	c, err := fakeapi.New(f, options)
	if err != nil {
		return err
	}
	s.clusters[name] = c
	s.names = append(s.names, name)
	return s.fleet.Serve(name, c, roundTrip)
}

// open writes what leads there, into a folder of its own.
func (s *served) open(b *bench) error {
	dir, err := os.MkdirTemp(b.local.temp, "served-")
	if err != nil {
		return err
	}
	config, err := s.fleet.Kubeconfig()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, "kubeconfig")
	if err := os.WriteFile(file, config, 0o600); err != nil {
		return err
	}
	var text strings.Builder
	text.WriteString("apiVersion: cilium-gitops.dev/v1alpha1\nkind: Fleet\nclusters:\n")
	for _, name := range s.names {
		fmt.Fprintf(&text, "- {name: %[1]s, context: %[1]s, path: kubernetes/clusters/%[1]s}\n", name)
	}
	if err := os.WriteFile(filepath.Join(dir, "fleet.yaml"), []byte(text.String()), 0o600); err != nil {
		return err
	}
	s.world = b.local.with("KUBECONFIG", file)
	s.world.temp = dir
	return nil
}

func (s *served) close() { _ = s.fleet.Close() }

// names of n clusters: c001, c002 ...
func names(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("c%03d", i+1))
	}
	return all
}

// verifying is a verify of those contexts. The fleet file leads nowhere in Git: what lies there is not what is measured.
func verifying(contexts []string, more ...string) side {
	args := append([]string{
		"kubectl-cilium_gitops", "verify", "--no-exec", "--repo", "/", "--fleet", "fleet.yaml", "--timeout", "3m", "--context", strings.Join(contexts, ","),
	}, more...)
	what := fmt.Sprintf("`verify --no-exec` of %d", len(contexts))
	if len(contexts) == 1 {
		what = "`verify --no-exec`"
	}
	return side{what: what, command: args, codes: []int{1}} // what it finds takes no other time
}

// asking is a verify whose agents are asked as well. That of what is asked by port-forward nothing answers is known.
func asking(s side) side {
	s.command = slices.DeleteFunc(slices.Clone(s.command), func(arg string) bool { return arg == "--no-exec" })
	s.codes = []int{1, 3}
	return s
}
