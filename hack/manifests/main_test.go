package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	flux "github.com/fluxcd/flux2/v2/pkg/plugin"
	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"
)

// sums are checksums of every archive of a release.
func sums(version string) map[string]string {
	all := map[string]string{}
	for i, program := range []string{"kubectl-cilium_gitops", "flux-handover"} {
		for j, platform := range []string{"darwin_amd64.tar.gz", "darwin_arm64.tar.gz", "linux_amd64.tar.gz", "linux_arm64.tar.gz", "windows_amd64.zip", "windows_arm64.zip"} {
			all[program+"_"+version+"_"+platform] = fmt.Sprintf("a%063x", 16*i+j+1)
		}
	}
	return all
}

func krewTemplate(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../.krew.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// krewPlugin is what krew reads of a manifest.
type krewPlugin struct {
	APIVersion, Kind string
	Metadata         struct{ Name string }
	Spec             struct {
		Version, Homepage, ShortDescription, Description, Caveats string

		Platforms []struct {
			Selector         struct{ MatchLabels map[string]string }
			URI, Sha256, Bin string
		}
	}
}

func TestKrew(t *testing.T) {
	r := release{version: "1.2.3", base: releases, sums: sums("1.2.3")}
	text, err := r.krew(krewTemplate(t))
	if err != nil {
		t.Fatal(err)
	}
	var plugin krewPlugin
	if err := yaml.UnmarshalStrict(text, &plugin); err != nil {
		t.Fatal(err)
	}
	if plugin.Metadata.Name != "cilium-gitops" || plugin.Spec.Version != "v1.2.3" || len(plugin.Spec.Platforms) != 6 {
		t.Errorf("%+v", plugin)
	}
	if strings.ContainsAny(plugin.Spec.ShortDescription, "\n\r") || len(plugin.Spec.ShortDescription) > 50 {
		t.Errorf("%q is no short description", plugin.Spec.ShortDescription)
	}
	for _, p := range plugin.Spec.Platforms {
		system, arch := p.Selector.MatchLabels["os"], p.Selector.MatchLabels["arch"]
		if !strings.Contains(p.URI, "/v1.2.3/kubectl-cilium_gitops_1.2.3_"+system+"_"+arch+".") || p.Sha256 != r.sums[filepath.Base(p.URI)] {
			t.Errorf("%s %s: %s %s", system, arch, p.URI, p.Sha256)
		}
		if (system == "windows") != strings.HasSuffix(p.Bin, ".exe") {
			t.Errorf("%s: bin %s", system, p.Bin)
		}
	}
}

func TestFlux(t *testing.T) {
	r := release{version: "1.2.3", base: "https://example.org/d/", sums: sums("1.2.3")}
	text, err := r.flux()
	if err != nil {
		t.Fatal(err)
	}
	var plugin flux.Manifest
	if err := yaml.UnmarshalStrict(text, &plugin); err != nil {
		t.Fatal(err)
	}
	if plugin.Name != "handover" || !strings.HasPrefix(plugin.Bin, "flux-") || len(plugin.Versions) != 1 || len(plugin.Versions[0].Platforms) != 6 {
		t.Fatalf("%+v", plugin)
	}
	checksum := regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
	for _, p := range plugin.Versions[0].Platforms {
		if want := "https://example.org/d/v1.2.3/flux-handover_1.2.3_" + p.OS + "_" + p.Arch + "."; !strings.HasPrefix(p.URL, want) || !checksum.MatchString(p.Checksum) {
			t.Errorf("%+v: want %s", p, want)
		}
	}
}

func TestWhatIsMissing(t *testing.T) {
	r := release{version: "1.2.3", base: releases, sums: sums("1.2.4")}
	if _, err := r.flux(); err == nil || !strings.Contains(err.Error(), "flux-handover_1.2.3_darwin_amd64.tar.gz") {
		t.Errorf("checksums of another version: %v", err)
	}
	if _, err := r.krew(krewTemplate(t)); err == nil || !strings.Contains(err.Error(), "kubectl-cilium_gitops_1.2.3_darwin_amd64.tar.gz") {
		t.Errorf("checksums of another version: %v", err)
	}
	if got := parse("zz  a\n" + strings.Repeat("0", 64) + "  b.tar.gz\n" + strings.Repeat("1", 64) + " *c.zip\n"); len(got) != 2 || got["c.zip"] == "" {
		t.Errorf("parsed %v", got)
	}
}

// TestCommitted: krew-manifest.yaml and flux-plugin.yaml at the repository's root are what make manifests writes of one
// release: one version, all six platforms of both programs, an archive and a checksum of its own for each.
func TestCommitted(t *testing.T) {
	krew, err := os.ReadFile("../../krew-manifest.yaml")
	catalogue, other := os.ReadFile("../../flux-plugin.yaml")
	if err := errors.Join(err, other); err != nil {
		t.Fatal(err)
	}
	var ours krewPlugin
	if err := yaml.UnmarshalStrict(krew, &ours); err != nil {
		t.Fatal(err)
	}
	var theirs flux.Manifest
	if err := yaml.UnmarshalStrict(catalogue, &theirs); err != nil {
		t.Fatal(err)
	}
	if len(theirs.Versions) != 1 {
		t.Fatalf("flux-plugin.yaml has %d versions; the catalogue keeps the others", len(theirs.Versions))
	}
	if want := "v" + theirs.Versions[0].Version; ours.Spec.Version != want {
		t.Fatalf("krew-manifest.yaml is of %s, flux-plugin.yaml of %s; run: make snapshot manifests", ours.Spec.Version, want)
	}
	r := release{version: theirs.Versions[0].Version, base: releases, sums: map[string]string{}}
	of := map[string]string{}
	keep := func(url, sum string) {
		name := filepath.Base(url)
		if other, ok := of[sum]; ok {
			t.Errorf("%s and %s have the same checksum", name, other)
		}
		r.sums[name], of[sum] = sum, name
	}
	for _, p := range ours.Spec.Platforms {
		keep(p.URI, p.Sha256)
	}
	for _, p := range theirs.Versions[0].Platforms {
		keep(p.URL, strings.TrimPrefix(p.Checksum, "sha256:"))
	}
	for name := range sums(r.version) {
		if r.sums[name] == "" {
			t.Errorf("there is no %s", name)
		}
	}
	again(t, "krew-manifest.yaml", krew, func() ([]byte, error) { return r.krew(krewTemplate(t)) })
	again(t, "flux-plugin.yaml", catalogue, r.flux)
}

// again writes a manifest from the checksums that it has, and compares.
func again(t *testing.T, name string, committed []byte, fill func() ([]byte, error)) {
	t.Helper()
	text, err := fill()
	if err != nil {
		t.Error(err)
		return
	}
	if diff := cmp.Diff(string(text), string(committed)); diff != "" {
		t.Errorf("%s is not what make manifests writes: run make snapshot manifests\n%s", name, diff)
	}
}
