package repo

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	kustomizer "github.com/fluxcd/pkg/kustomize"
	"github.com/fluxcd/pkg/ssa/normalize"
	ssa "github.com/fluxcd/pkg/ssa/utils"
	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// write lays a txtar archive out on disk.
func write(t *testing.T, archive *txtar.Archive) string {
	t.Helper()
	dir := t.TempDir()
	if err := txtar.Write(archive, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

func archive(t *testing.T, name string) *txtar.Archive {
	t.Helper()
	a, err := txtar.ParseFile(filepath.Join("testdata", "build", name))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func read(t *testing.T, dir string, mode Mode) *Cluster {
	t.Helper()
	tree, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	c, err := tree.Cluster(t.Context(), fleet.Default(), fleet.Cluster{Name: "a", Path: "clusters/a"}, mode)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestBuildsWhatFluxBuilds compares with the controller's own steps, done on disk by its own code: generate, build,
// substitute, normalise, common metadata.
func TestBuildsWhatFluxBuilds(t *testing.T) {
	files, err := filepath.Glob("testdata/build/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no trees", err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		t.Run(name, func(t *testing.T) {
			dir := write(t, archive(t, name))
			ours := read(t, dir, Strict)
			for _, p := range ours.Facts().Problems {
				if p.Fatal {
					t.Errorf("problem: %+v", p)
				}
			}
			var got []map[string]any
			for _, o := range ours.Objects {
				if o.By == "flux-system/app" {
					got = append(got, o.Body)
				}
			}
			if len(got) < 2 {
				t.Errorf("built only %d objects", len(got))
			}
			if diff := cmp.Diff(flux(t, dir, ours), got); diff != "" {
				t.Errorf("-flux +ours:\n%s", diff)
			}
		})
	}
}

// flux does what kustomize-controller does with the Kustomization flux-system/app.
func flux(t *testing.T, dir string, ours *Cluster) []map[string]any {
	t.Helper()
	app := ours.Object("Kustomization", "flux-system", "app")
	if app == nil {
		t.Fatal("the tree has no Kustomization flux-system/app")
	}
	if _, err := os.Stat(filepath.Join(dir, "app", "docs")); err == nil { // source-controller leaves it out
		if err := os.RemoveAll(filepath.Join(dir, "app", "docs")); err != nil {
			t.Fatal(err)
		}
	}
	k := unstructured.Unstructured{Object: app.Body}
	at := filepath.Join(dir, manifest.Text(app.Body, "spec", "path"))
	if _, err := kustomizer.NewGenerator(dir, k).WriteFile(at); err != nil {
		t.Fatal(err)
	}
	m, err := kustomizer.SecureBuild(dir, at, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, res := range m.Resources() {
		if manifest.Get(app.Body, "spec", "postBuild") == nil {
			continue
		}
		out, err := kustomizer.SubstituteVariables(t.Context(), lookup{objects: ours.walk.objects}, k, res, kustomizer.SubstituteWithStrict(true))
		if err != nil {
			t.Fatal(err)
		}
		if out != nil {
			if _, err := m.Replace(res); err != nil {
				t.Fatal(err)
			}
		}
	}
	text, err := m.AsYaml()
	if err != nil {
		t.Fatal(err)
	}
	list, err := ssa.ReadObjects(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if err := normalize.UnstructuredList(list); err != nil {
		t.Fatal(err)
	}
	ssa.SetCommonMetadata(list, stringMap(manifest.Get(app.Body, "spec", "commonMetadata", "labels")),
		stringMap(manifest.Get(app.Body, "spec", "commonMetadata", "annotations")))
	var bodies []map[string]any
	for _, u := range list {
		unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
		bodies = append(bodies, u.Object)
	}
	return bodies
}
