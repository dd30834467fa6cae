package repo_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
)

// TestFinding_C1_WhatIsRead: all that decides what a cluster gets, and what would if it were there.
func TestFinding_C1_WhatIsRead(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		".sourceignore": "# nothing\n", "apps/.sourceignore": "# nothing\n",
		"clusters/one/ks.yaml": `{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: core, namespace: flux-system},
  spec: {path: core, interval: 1h, prune: false, sourceRef: {kind: GitRepository, name: flux-system}}}`,
		"core/kustomization.yaml": `resources: [hr.yaml, ../base]
patches: [{path: patch.yaml}]
configMapGenerator: [{name: values, namespace: kube-system, files: [values.yaml=cilium.txt], envs: [more.env]}]`,
		"core/hr.yaml":    `{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: cilium, namespace: kube-system}, spec: {interval: 1h}}`,
		"core/patch.yaml": `{apiVersion: helm.toolkit.fluxcd.io/v2, kind: HelmRelease, metadata: {name: cilium, namespace: kube-system}, spec: {timeout: 10m}}`,
		"core/cilium.txt": "a: 1\n", "core/more.env": "A=1\n", "core/README.md": "", "core/unused.yaml": "a: 1\n",
		"base/kustomization.yml": "resources: [a.yaml]", "base/a.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: a, namespace: x}}`,
		"apps/b.yaml": `{apiVersion: v1, kind: ConfigMap, metadata: {name: b, namespace: x}}`,
	} {
		put(t, dir, name, text)
	}
	tree, err := repo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	c, err := tree.Cluster(t.Context(), fleet.Default(), fleet.Cluster{Name: "one", Path: "clusters/one"}, repo.Lax)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Facts().Problems) > 0 {
		t.Fatalf("%+v", c.Facts().Problems)
	}
	want := []string{
		".sourceignore", "base/a.yaml", "base/kustomization.yml", "clusters/one/ks.yaml",
		"core/cilium.txt", "core/hr.yaml", "core/kustomization.yaml", "core/more.env", "core/patch.yaml",
	}
	if got := c.Read(); !slices.Equal(got, want) {
		t.Errorf("read %v\nwant %v", got, want)
	}
	for file, want := range map[string]bool{
		"clusters/one/more.yaml": true, "clusters/one/deep/er.yml": true, "clusters/one/kustomization.yaml": true, "clusters/one/README.md": false,
		"clusters/two/a.yaml": false, "core/other.yaml": false, "core/kustomization.yml": true, "base/Kustomization": true, "apps/c.yaml": false,
		"apps/kustomization.yaml": false, "core/.sourceignore": true, "clusters/.sourceignore": true, "apps/.sourceignore": false,
	} {
		if got := c.Wanted(file); got != want {
			t.Errorf("%s: wanted %t", file, got)
		}
	}
	if got, err := c.Changed(); err != nil || len(got) > 0 {
		t.Errorf("%v, %v", got, err)
	}
	put(t, dir, "core/patch.yaml", "a: 1\n")
	if err := os.Remove(filepath.Join(dir, "core/more.env")); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Changed(); err != nil || !slices.Equal(got, []string{"core/more.env", "core/patch.yaml"}) {
		t.Errorf("%v, %v", got, err)
	}
}

func put(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
