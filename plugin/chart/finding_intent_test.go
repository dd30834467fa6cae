package chart

import (
	"encoding/base64"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

func anObject(apiVersion, kind, name string, more map[string]any) map[string]any {
	out := map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"namespace": "kube-system", "name": name}}
	maps.Copy(out, more)
	return out
}

// bound is a tree's HelmRelease, rendered, and the session of a cluster that has that HelmRelease, source, and Secret.
func bound(t *testing.T, mine, theirs, source map[string]any, secret string) (*facts.Rendered, *Session) {
	t.Helper()
	_, url := pushed(t, "1.20.2")
	ours := anObject("source.toolkit.fluxcd.io/v1", "OCIRepository", "cilium-charts", map[string]any{
		"spec": map[string]any{"interval": "12h", "url": url, "insecure": true, "ref": map[string]any{"tag": "1.20.2"}},
	})
	there := maps.Clone(ours)
	maps.Copy(there, source)
	s := newSession(newCluster(helmRelease(theirs), there, anObject("v1", "Secret", "more", map[string]any{
		"data": map[string]any{"values.yaml": base64.StdEncoding.EncodeToString([]byte(secret))},
	})))
	r, err := s.Render(t.Context(), Want{
		Release: helmRelease(mine), Values: withKey(canary),
		Find: func(kind, _, _ string) map[string]any { return map[string]map[string]any{"OCIRepository": ours}[kind] },
	})
	if err != nil || r.Intent == nil {
		t.Fatal(err)
	}
	return r, s
}

func bare(more map[string]any) map[string]any {
	out := map[string]any{
		"interval": "10m", "chartRef": map[string]any{"kind": "OCIRepository", "name": "cilium-charts"},
		"valuesFrom": []any{map[string]any{"kind": "Secret", "name": "more"}},
		"values":     map[string]any{"cluster": map[string]any{"id": int64(1), "name": "infra"}}, "uninstall": map[string]any{"keepHistory": true},
	}
	maps.Copy(out, more)
	return out
}

const secretValues = "tls: {ca: {key: " + canary + "}}"

// TestFinding_C2_IntentOfTheCluster: what the cluster would release is what was rendered, where its objects say the same
// with defaults and a suspension of their own; and what differs is known by its place, without what it says.
func TestFinding_C2_IntentOfTheCluster(t *testing.T) {
	same := bare(map[string]any{
		"suspend": true, "uninstall": map[string]any{"keepHistory": true, "deletionPropagation": "background"},
	})
	r, _ := bound(t, bare(nil), same, nil, secretValues)
	fetched := map[string]any{"status": map[string]any{"artifact": map[string]any{"revision": "1.20.2@" + r.Intent.Artifact.Manifest, "digest": "sha256:layer"}}}
	r, s := bound(t, bare(map[string]any{"timeout": nil}), same, fetched, secretValues)
	got, err := s.Intent(t.Context(), "kube-system", "cilium")
	if err != nil {
		t.Fatal(err)
	}
	delete(r.Intent.Spec, "source.url") // each has a registry of its own here
	delete(got.Spec, "source.url")
	if diff := cmp.Diff(r.Intent, got, cmpopts.IgnoreFields(facts.Artifact{}, "Archive")); diff != "" || !strings.HasPrefix(got.Artifact.Manifest, "sha256:") {
		t.Errorf("the same: -rendered +cluster\n%s", diff)
	}
	silent(t, got)

	_, s = bound(t, bare(nil), bare(map[string]any{"postRenderers": []any{map[string]any{}}, "timeout": "5m"}), fetched, "tls: {ca: {key: other}}")
	if got, err = s.Intent(t.Context(), "kube-system", "cilium"); err != nil {
		t.Fatal(err)
	}
	if got.Values == r.Intent.Values || got.Leaves["tls.ca.key"] == r.Intent.Leaves["tls.ca.key"] || got.Leaves["cluster.id"] != r.Intent.Leaves["cluster.id"] {
		t.Errorf("values of another Secret: %s, %v", got.Values, got.Leaves)
	}
	if got.Spec["postRenderers"] == "" || got.Spec["timeout"] == "" || got.Spec["chartRef"] != r.Intent.Spec["chartRef"] {
		t.Errorf("an edited HelmRelease: %v", got.Spec)
	}
}

// TestFinding_C2_IntentUnseen: what values come from and cannot be read is an error, and so is a source without a chart.
func TestFinding_C2_IntentUnseen(t *testing.T) {
	_, s := bound(t, bare(nil), bare(nil), nil, secretValues)
	if _, err := s.Intent(t.Context(), "kube-system", "cilium"); err == nil || !strings.Contains(err.Error(), "OCIRepository/kube-system/cilium-charts has fetched nothing yet") {
		t.Errorf("nothing fetched: %v", err)
	}
	s.cluster.dynamic.(*fake.FakeDynamicClient).PrependReactor("get", "secrets", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("secrets \"more\" is forbidden")
	})
	if _, err := s.Intent(t.Context(), "kube-system", "cilium"); err == nil || !strings.Contains(err.Error(), "is forbidden") {
		t.Errorf("forbidden: %v", err)
	}
}

// TestFinding_H12_WhatWasRendered: the chart's digests are written down, by each kind of source.
func TestFinding_H12_WhatWasRendered(t *testing.T) {
	r, _ := bound(t, bare(nil), bare(nil), nil, secretValues)
	a := r.Intent.Artifact
	if a.Of != "OCIRepository/kube-system/cilium-charts" || a.Version != "1.20.2" || !strings.HasPrefix(a.Manifest, "sha256:") || !strings.HasPrefix(a.Archive, "sha256:") || a.Manifest == a.Archive {
		t.Errorf("%+v", a)
	}
	f := &Fetched{Chart: fixture(t), archive: "sha256:aa"}
	if a := made("HelmRepository/kube-system/c", Source{}, f); a.Archive != "sha256:aa" || a.Manifest != "" {
		t.Errorf("a HelmRepository: %+v", a)
	}
	if a := made("HelmRepository/kube-system/c", Source{Build: Build{Values: []string{"a.yaml"}}}, f); a.Archive != "" {
		t.Errorf("a chart that source-controller packs anew has no digest beforehand: %+v", a)
	}
	f.archive = ""
	if a := made("GitRepository/flux-system/g", Source{Artifact: &Artifact{Revision: "main@sha1:1"}}, f); a.Revision != "main@sha1:1" {
		t.Errorf("a GitRepository: %+v", a)
	}
}

// TestFinding_C2_Leaves: each path of values has a digest, by which two trees differ where they do.
func TestFinding_C2_Leaves(t *testing.T) {
	got := map[values.Path]string{}
	leaves(got, "", map[string]any{"a": map[string]any{"b": 1.0, "c": []any{"x"}}, "d": map[string]any{}})
	for _, path := range []values.Path{"a.b", "a.c.0", "d"} {
		if got[path] == "" {
			t.Errorf("%s is not there: %v", path, got)
		}
	}
	if len(got) != 3 || got["a.b"] != digestOf(int64(1)) {
		t.Errorf("%v", got)
	}
}
