package act

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	authorization "k8s.io/api/authorization/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

const sourcePath = "/apis/source.toolkit.fluxcd.io/v1/namespaces/kube-system/ocirepositories/cilium-charts"

var sourceRef = handover.Ref{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "OCIRepository", Namespace: "kube-system", Name: "cilium-charts"}

// flux is one of Flux's objects whose controller says ready, or not yet.
func flux(ref handover.Ref, ready bool) string {
	status := "Unknown"
	if ready {
		status = "True"
	}
	text, _ := json.Marshal(map[string]any{
		"apiVersion": ref.APIVersion, "kind": ref.Kind, "metadata": map[string]any{"namespace": ref.Namespace, "name": ref.Name, "generation": 2},
		"status": map[string]any{"observedGeneration": 2, "conditions": []any{map[string]any{"type": "Ready", "status": status}}},
	})
	return string(text)
}

func TestSettle(t *testing.T) {
	both := []handover.Ref{sourceRef, releaseRef}
	for name, c := range map[string]struct {
		prepare func(*api)
		refs    []handover.Ref
		took    time.Duration
		err     string
	}{
		"nothing to wait for": {func(*api) {}, nil, 0, ""},
		"current":             {func(a *api) { a.put(sourcePath, flux(sourceRef, true)); a.put(releasePath, flux(releaseRef, true)) }, both, 0, ""},
		"current later": {func(a *api) {
			a.put(sourcePath, flux(sourceRef, true))
			a.put(releasePath, flux(releaseRef, false))
			time.AfterFunc(9500*time.Millisecond, func() { a.put(releasePath, flux(releaseRef, true)) })
		}, both, 10 * time.Second, ""},
		"one never": {func(a *api) { a.put(sourcePath, flux(sourceRef, true)); a.put(releasePath, flux(releaseRef, false)) }, both, 30 * time.Second,
			"wait until Flux's objects are current: after 30s these are not: HelmRelease/kube-system/cilium; look at them: kubectl --context infra -n kube-system get helmrelease.helm.toolkit.fluxcd.io/cilium -o yaml"},
		"one is not there": {func(a *api) { a.put(releasePath, flux(releaseRef, true)) }, both, 30 * time.Second, "after 30s these are not: OCIRepository/kube-system/cilium-charts; look at them"},
		"forbidden": {func(a *api) {
			a.put(releasePath, flux(releaseRef, true))
			a.before = func(r request) *http.Response {
				return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `helmreleases is forbidden: User "me" cannot list resource "helmreleases"`)
			}
		}, []handover.Ref{releaseRef}, 30 * time.Second, `these are not: HelmRelease/kube-system/cilium (forbidden: User "me" cannot list resource "helmreleases"); look`},
		"unreachable": {func(a *api) {
			a.after = func(request) error { return errors.New("dial: no route") }
		}, []handover.Ref{releaseRef}, 30 * time.Second, "these are not: HelmRelease/kube-system/cilium (unreachable: dial: no route); look"},
	} {
		synctest.Test(t, func(t *testing.T) {
			a := newAPI()
			cluster := open(t, a)
			began := time.Now()
			c.prepare(a)
			err := cluster.Settle(t.Context(), c.refs, 30*time.Second)
			if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s: %v", name, err)
			}
			if took := time.Since(began); took != c.took {
				t.Errorf("%s: took %s, want %s", name, took, c.took)
			}
			if all := a.asked("GET /apis/helm.toolkit.fluxcd.io/v2"); len(all) != len(a.asked("GET /apis/helm.toolkit.fluxcd.io/v2/")) || len(a.asked("GET /api")) != len(a.asked("GET /apis/")) {
				t.Errorf("%s: something was discovered: %q", name, a.asked("GET"))
			}
			time.Sleep(time.Minute) // whatever the checker left behind ends
		})
	}
}

func TestSettleInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAPI()
		a.put(releasePath, flux(releaseRef, false))
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		began := time.Now()
		if err := open(t, a).Settle(ctx, []handover.Ref{releaseRef}, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > 12*time.Second {
			t.Errorf("it ended after %s", took)
		}
	})
}

func TestAllowed(t *testing.T) {
	rights := []handover.Right{
		{Verb: "patch", Group: "helm.toolkit.fluxcd.io", Resource: "helmreleases", Namespace: "kube-system", Name: "cilium"},
		{Verb: "create", Resource: "configmaps", Namespace: "flux-system"},
		{Verb: "delete", Group: "coordination.k8s.io", Resource: "leases", Namespace: "flux-system"},
	}
	a := newAPI()
	a.before = func(r request) *http.Response {
		asked := decode(r)["spec"].(map[string]any)["resourceAttributes"].(map[string]any)
		return answered(http.StatusCreated, authorization.SelfSubjectAccessReview{
			TypeMeta: metav1.TypeMeta{Kind: "SelfSubjectAccessReview", APIVersion: "authorization.k8s.io/v1"},
			Status:   authorization.SubjectAccessReviewStatus{Allowed: asked["verb"] == "create" && asked["namespace"] == "flux-system"},
		})
	}
	denied, err := open(t, a).Allowed(t.Context(), rights)
	if err != nil || len(denied) != 2 || denied[0] != rights[0] || denied[1] != rights[2] {
		t.Errorf("%v, %v", denied, err)
	}
	if denied, err := open(t, a).Allowed(t.Context(), nil); denied != nil || err != nil {
		t.Errorf("%v, %v", denied, err)
	}
	a.before = refusing(http.StatusForbidden, metav1.StatusReasonForbidden)
	if denied, err := open(t, a).Allowed(t.Context(), rights); denied != nil || err == nil || !strings.Contains(err.Error(), "auth whoami") {
		t.Errorf("%v, %v", denied, err)
	}
}

func refusing(code int, why metav1.StatusReason) func(request) *http.Response {
	return func(request) *http.Response { return refuse(code, why, "refused") }
}
