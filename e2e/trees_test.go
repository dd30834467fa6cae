//go:build e2e

package e2e

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
)

// TestRepoBuildsWhatFluxApplies pushes trees to the lab and compares every object that repo builds with the one that
// kustomize-controller applied: no field more, none less, none other.
func TestRepoBuildsWhatFluxApplies(t *testing.T) {
	t.Parallel()
	l := another(t, "--no-cilium")
	tree := l.clone(t)
	archive, err := txtar.ParseFile("testdata/trees.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if err := txtar.Write(archive, tree); err != nil {
		t.Fatal(err)
	}
	l.must(t, filepath.Join(tree, "kubernetes", "clusters", "infra"), "sh", "-c", "echo '  - trees.yaml' >> kustomization.yaml && cat kustomization.yaml")
	l.push(t, tree, "Trees")
	for _, ks := range []string{"cluster-infra-infrastructure", "trees-substitution", "trees-overlays", "trees-bare"} {
		l.applied(t, tree, ks)
	}
	opened, err := repo.Open(tree)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	f := fleet.Default()
	cluster, err := opened.Cluster(t.Context(), f, f.ByContext("infra"), repo.Strict)
	if err != nil {
		t.Fatal(err)
	}
	compared := 0
	for _, o := range cluster.Facts().Objects {
		if o.Kind == "Kustomization" || o.Kind == "Namespace" {
			continue // the API server writes into what was applied
		}
		compared++
		built := cluster.Object(o.Kind, o.Namespace, o.Name)
		if diff := cmp.Diff(l.appliedObject(t, o.Kind, o.Namespace, o.Name), bare(t, built.Body), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s %s/%s (-applied +built):\n%s", o.Kind, o.Namespace, o.Name, diff)
		}
	}
	if compared < 10 {
		t.Errorf("only %d objects compared: %+v", compared, cluster.Facts().Problems)
	}
}

// applied waits until a Kustomization has applied the commit that is checked out.
func (l *lab) applied(t *testing.T, tree, name string) {
	t.Helper()
	commit := strings.TrimSpace(l.must(t, tree, "git", "rev-parse", "HEAD"))
	last := ""
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s: %s", name, last)
		}
	})
	eventually(t, func() (struct{}, bool) {
		last = l.run(t, "", "kubectl", "--context", "infra", "-n", "flux-system", "get", "kustomization", name,
			"-o", "jsonpath={.status.lastAppliedRevision} {.status.conditions}").stdout
		return struct{}{}, strings.Contains(strings.Fields(last + " -")[0], commit)
	})
}

// appliedObject is an object as kustomize-controller's managed fields have it: what Flux applied, without defaults.
func (l *lab) appliedObject(t *testing.T, kind, namespace, name string) map[string]any {
	t.Helper()
	args := []string{"--context", "infra", "get", kind, name, "-o", "json", "--show-managed-fields"}
	if namespace != "" {
		args = append(args, "-n", namespace)
	}
	var object map[string]any
	if err := json.Unmarshal([]byte(l.must(t, "", "kubectl", args...)), &object); err != nil {
		t.Fatal(err)
	}
	meta := object["metadata"].(map[string]any)
	for _, entry := range meta["managedFields"].([]any) {
		e := entry.(map[string]any)
		if e["manager"] == "kustomize-controller" && e["operation"] == "Apply" && e["subresource"] == nil {
			out := owned(object, e["fieldsV1"].(map[string]any)).(map[string]any)
			out["apiVersion"], out["kind"] = object["apiVersion"], object["kind"]
			return bare(t, out)
		}
	}
	t.Fatalf("%s %s/%s was not applied by kustomize-controller", kind, namespace, name)
	return nil
}

// owned is the part of value that a set of managed fields names.
func owned(value any, fields map[string]any) any {
	if len(fields) == 0 {
		return value
	}
	if list, ok := value.([]any); ok {
		return ownedItems(list, fields)
	}
	object, ok := value.(map[string]any)
	if !ok {
		return value
	}
	out := map[string]any{}
	for key, below := range fields {
		if name, ok := strings.CutPrefix(key, "f:"); ok {
			out[name] = owned(object[name], below.(map[string]any))
		}
	}
	return out
}

// ownedItems are the items of a list that are named by their keys: k:{"name":"pause"}.
func ownedItems(list []any, fields map[string]any) any {
	var out []any
	for _, item := range list {
		for key, below := range fields {
			var keys map[string]any
			text, ok := strings.CutPrefix(key, "k:")
			if !ok || json.Unmarshal([]byte(text), &keys) != nil || !has(item, keys) {
				continue
			}
			out = append(out, owned(item, below.(map[string]any)))
		}
	}
	return out
}

func has(item any, keys map[string]any) bool {
	object, ok := item.(map[string]any)
	for key, value := range keys {
		ok = ok && object[key] == value
	}
	return ok
}

// bare is an object as JSON has it, without its name (which no managed field holds), Flux's own labels and a
// Secret's type.
func bare(t *testing.T, object map[string]any) map[string]any {
	t.Helper()
	text, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	meta, _ := out["metadata"].(map[string]any)
	delete(meta, "name")
	delete(meta, "namespace")
	labels, _ := meta["labels"].(map[string]any)
	delete(labels, "kustomize.toolkit.fluxcd.io/name")
	delete(labels, "kustomize.toolkit.fluxcd.io/namespace")
	if len(labels) == 0 {
		delete(meta, "labels")
	}
	if spec, ok := out["spec"].(map[string]any); ok {
		delete(spec, "strategy") // an empty struct is sent, and owned whole
	}
	delete(out, "type")
	return out
}
