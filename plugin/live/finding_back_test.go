package live

import (
	"net/http"
	"slices"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

const fluxPodsPath = "/api/v1/namespaces/flux-system/pods"

// TestFinding_C5_WhoUsesSources: HelmReleases that are not Cilium's are known by what they take their charts from.
func TestFinding_C5_WhoUsesSources(t *testing.T) {
	release := func(name string, spec map[string]any) map[string]any {
		return map[string]any{
			"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": map[string]any{"namespace": "apps", "name": name}, "spec": spec,
		}
	}
	chart := map[string]any{"chart": map[string]any{"spec": map[string]any{
		"chart": "x", "sourceRef": map[string]any{"kind": "HelmRepository", "name": "charts", "namespace": "flux-system"},
	}}}
	var items []any
	for _, name := range []string{"a", "b", "c", "d", "e", "cilium"} {
		items = append(items, release(name, chart))
	}
	items = append(items, release("f", map[string]any{"chartRef": map[string]any{"kind": "OCIRepository", "name": "f"}}))
	s := newServer(t)
	s.answers["/apis/helm.toolkit.fluxcd.io/v2/helmreleases"] = object(list("HelmReleaseList", "helm.toolkit.fluxcd.io/v2", items...))
	f := gather(t, s, options(facts.HelmReleases))
	want := []facts.SourceUse{
		{Source: "HelmRepository/flux-system/charts", By: []string{"HelmRelease/apps/a", "HelmRelease/apps/b", "HelmRelease/apps/c", "HelmRelease/apps/d"}, More: 1},
		{Source: "OCIRepository/apps/f", By: []string{"HelmRelease/apps/f"}},
	}
	if !slices.EqualFunc(f.Live.Uses, want, func(a, b facts.SourceUse) bool {
		return a.Source == b.Source && slices.Equal(a.By, b.By) && a.More == b.More
	}) {
		t.Errorf("%+v", f.Live.Uses)
	}
}

// TestFinding_H9_Controllers: a pod that is being deleted still counts, one that has ended does not; what may not be seen
// is not none.
func TestFinding_H9_Controllers(t *testing.T) {
	const deployments, pods = "/apis/apps/v1/namespaces/flux-system/deployments/", fluxPodsPath
	none := int32(0)
	pod := func(name, app string, phase core.PodPhase) core.Pod {
		return core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: name, Labels: map[string]string{"app": app}}, Status: core.PodStatus{Phase: phase}}
	}
	leaving := pod("k-1", "kustomize-controller", core.PodRunning)
	leaving.DeletionTimestamp = &metav1.Time{Time: noon}
	s := newServer(t)
	s.answers[deployments+"helm-controller"] = object(apps.Deployment{
		TypeMeta: metav1.TypeMeta{Kind: "Deployment", APIVersion: "apps/v1"}, ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: "helm-controller"},
		Spec: apps.DeploymentSpec{Replicas: &none},
	})
	s.answers[pods] = object(list("PodList", "v1", leaving, pod("h-1", "helm-controller", core.PodFailed), pod("s-1", "source-controller", core.PodRunning)))
	f := gather(t, s, options(facts.Controllers))
	want := []facts.Controller{{Name: "helm-controller", Found: true}, {Name: "kustomize-controller", Pods: 1}}
	if !slices.Equal(f.Live.Controllers, want) {
		t.Errorf("%+v, blind %v", f.Live.Controllers, f.Blind)
	}
	s.answers[pods] = refuse(http.StatusForbidden, metav1.StatusReasonForbidden, "pods is forbidden")
	if f := gather(t, s, options(facts.Controllers)); len(f.Live.Controllers) > 0 || f.Blind[facts.Controllers] == "" {
		t.Errorf("forbidden: %+v, blind %v", f.Live.Controllers, f.Blind)
	}
}
