package live

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

const sourcesPath = "/apis/source.toolkit.fluxcd.io/"

func fluxSource(apiVersion, kind, name string, spec, status map[string]any) any {
	return map[string]any{
		"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{"name": name, "namespace": "flux-system"},
		"spec": spec, "status": status,
	}
}

func TestSources(t *testing.T) {
	s := newServer(t)
	ready := []any{map[string]any{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "stored", "observedGeneration": 3, "lastTransitionTime": "2026-11-22T12:00:00Z"}}
	artifact := map[string]any{"revision": "1.18.2@sha256:0c34", "digest": "sha256:77"}
	s.answers[sourcesPath+"v1/gitrepositories"] = object(list("GitRepositoryList", "source.toolkit.fluxcd.io/v1",
		fluxSource("source.toolkit.fluxcd.io/v1", "GitRepository", "flux-system", map[string]any{"url": "https://me:" + canary + "@git.example.com/fleet", "suspend": true}, map[string]any{})))
	s.answers[sourcesPath+"v1/helmrepositories"] = object(list("HelmRepositoryList", "source.toolkit.fluxcd.io/v1",
		fluxSource("source.toolkit.fluxcd.io/v1", "HelmRepository", "cilium", map[string]any{"url": "oci://quay.io/cilium/charts", "type": "oci"}, nil)))
	s.answers[sourcesPath+"v1beta2/ocirepositories"] = object(list("OCIRepositoryList", "source.toolkit.fluxcd.io/v1beta2",
		fluxSource("source.toolkit.fluxcd.io/v1beta2", "OCIRepository", "cilium-charts", map[string]any{"url": "oci://quay.io/cilium/charts/cilium"},
			map[string]any{"artifact": artifact, "conditions": ready})))
	f := gather(t, s, options(facts.Sources))
	if len(f.Blind) > 0 {
		t.Fatalf("blind: %v", f.Blind)
	}
	want := []facts.Source{
		{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "GitRepository", Namespace: "flux-system", Name: "flux-system", URL: "https://git.example.com/fleet", Suspend: true},
		{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "HelmRepository", Namespace: "flux-system", Name: "cilium", URL: "oci://quay.io/cilium/charts", Type: "oci"},
		{
			APIVersion: "source.toolkit.fluxcd.io/v1beta2", Kind: "OCIRepository", Namespace: "flux-system", Name: "cilium-charts", URL: "oci://quay.io/cilium/charts/cilium",
			Revision: "1.18.2@sha256:0c34", Digest: "sha256:77",
			Conditions: []facts.Condition{{Type: "Ready", Status: "True", Reason: "Succeeded", Message: "stored", ObservedGeneration: 3, Since: noon}},
		},
	}
	if diff := cmp.Diff(want, f.Live.Sources); diff != "" {
		t.Error(diff)
	}
}

func TestSourcesForbidden(t *testing.T) {
	s := newServer(t)
	s.answers[sourcesPath+"v1/ocirepositories"] = forbid("list", "ocirepositories")
	f := gather(t, s, options(facts.Sources))
	if why := f.Blind[facts.Sources]; !strings.Contains(why, `cannot list resource "ocirepositories"`) || f.Live.Sources != nil {
		t.Errorf("blind %q, sources %v", why, f.Live.Sources)
	}
}

func TestIdentity(t *testing.T) {
	const path = "/api/v1/namespaces/kube-system"
	s := newServer(t)
	s.answers[path] = object(metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"},
		ObjectMeta: metav1.ObjectMeta{Name: "kube-system", UID: "4f1c"},
	})
	if f := gather(t, s, options(facts.Identity)); f.Live.UID != "4f1c" || len(f.Blind) > 0 {
		t.Errorf("%q, blind %v", f.Live.UID, f.Blind)
	}
	s.answers[path] = forbid("get", "namespaces")
	if f := gather(t, s, options(facts.Identity)); f.Live.UID != "" || !strings.Contains(f.Blind[facts.Identity], `cannot get resource "namespaces"`) {
		t.Errorf("%q, blind %v", f.Live.UID, f.Blind)
	}
	s.answers[path] = refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "namespaces \"kube-system\" not found")
	if f := gather(t, s, options(facts.Identity)); f.Live.UID != "" || len(f.Blind) > 0 {
		t.Errorf("%q, blind %v", f.Live.UID, f.Blind)
	}
}

// TestPods holds what was watched to what would have been listed.
func TestPods(t *testing.T) {
	s := newServer(t)
	cilium := func(name string) *core.Pod {
		return &core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: name, Labels: map[string]string{"k8s-app": "cilium"}}}
	}
	odd := cilium("cilium-2")
	odd.Status.Reason = "\x1b[31m"
	other := &core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "coredns-1"}}
	s.answers[podsPath] = object(list("PodList", "v1", other, odd, cilium("cilium-1")))
	listed := gather(t, s, options(facts.Pods)).Live.Pods
	if diff := cmp.Diff(listed, Pods([]*core.Pod{odd, other, cilium("cilium-1")}, facts.Workloads{})); diff != "" || len(listed) != 2 {
		t.Errorf("%d listed; watched differs:\n%s", len(listed), diff)
	}
}
