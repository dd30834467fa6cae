package act

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestCleanupOfProbes removes namespaces of killed probes and sees them gone, and no other namespace, whatever it is called.
func TestCleanupOfProbes(t *testing.T) {
	const ours = `"labels":{"app.kubernetes.io/managed-by":"cilium-gitops"}`
	deadline := func(at string) string { return `"annotations":{"cilium-gitops.dev/probe-deadline":"` + at + `"}` }
	old := deadline("1999-12-31T00:00:00Z") // a test's own time begins in 2000
	for name, c := range map[string]struct {
		name, meta string
		listed     bool
		keeps      string
	}{
		"a killed probe's": {"cilium-gitops-probe-aaaaa", ours + "," + old, true, ""},
		"one at work":      {"cilium-gitops-probe-bbbbb", ours + "," + deadline("2999-01-01T00:00:00Z"), true, "a probe may be at work in it until 2999-01-01T00:00:00Z"},
		"without a label":  {"cilium-gitops-probe-ccccc", old, false, "no probe made it"},
		"without our name": {"team-a", ours + "," + old, false, "no probe made it"},
		"without a time":   {"cilium-gitops-probe-ddddd", ours, false, "no probe made it"},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				n := probedCluster()
				path := "/api/v1/namespaces/" + c.name
				n.put(path, fmt.Sprintf(`{"kind":"Namespace","apiVersion":"v1","metadata":{"name":%q,%s}}`, c.name, c.meta))
				cluster := open(t, n.api)
				own, err := cluster.Own(t.Context())
				if err != nil || (len(own) == 1) != c.listed || c.listed && (own[0].Ref.Name != c.name || own[0].Until.IsZero()) {
					t.Errorf("%+v, %v", own, err)
				}
				action := handover.Action{Verb: handover.Remove, Ref: handover.Ref{APIVersion: "v1", Kind: "Namespace", Name: c.name}}
				for range 2 {
					if err := cluster.Do(t.Context(), action); c.keeps == "" && err != nil || c.keeps != "" && !strings.Contains(told(err), "conflict: remove Namespace/"+c.name+": "+c.keeps) {
						t.Errorf("%q, want %q", told(err), c.keeps)
					}
				}
				if gone := n.object(path) == nil; gone != (c.keeps == "") {
					t.Errorf("gone: %t", gone)
				}
			})
		})
	}
}

// TestCleanupThatCannot says why, and what to do.
func TestCleanupThatCannot(t *testing.T) {
	inTime(t, func(t *testing.T) {
		n := probedCluster()
		n.put("/api/v1/namespaces/cilium-gitops-probe-aaaaa", `{"kind":"Namespace","apiVersion":"v1","metadata":{"name":"cilium-gitops-probe-aaaaa","labels":{"app.kubernetes.io/managed-by":"cilium-gitops"},"annotations":{"cilium-gitops.dev/probe-deadline":"1999-12-31T00:00:00Z"}}}`)
		n.each = func(r request) *http.Response {
			if r.method == http.MethodDelete {
				return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `namespaces is forbidden: User "ann" cannot delete resource "namespaces"`)
			}
			return nil
		}
		err := open(t, n.api).Do(t.Context(), handover.Action{Verb: handover.Remove, Ref: handover.Ref{APIVersion: "v1", Kind: "Namespace", Name: "cilium-gitops-probe-aaaaa"}})
		if err == nil || errors.Is(err, handover.ErrConflict) || !strings.Contains(err.Error(), `User "ann" cannot delete`) || !strings.Contains(err.Error(), "look at it: kubectl --context infra get namespace cilium-gitops-probe-aaaaa") {
			t.Error(err)
		}
	})
}
