package check_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// harmful are commands that do harm where something does not hold, and what has to be said before them: where to see
// that it holds.
var harmful = []struct{ command, first string }{
	{"delete ds kube-proxy", "CG111"},
	{"delete ds kube-proxy", "do not remove it"},
	{"delete ds kube-proxy", "CGL602"}, // agents that reach the API server through kube-proxy alone never start again
	{"delete pod POD", "flux handover status"},
	{"rollout restart ds/cilium", "flux handover status"},
	{"rollout restart ds/cilium", "kubectl cilium-gitops diff"},
	{"flux reconcile helmrelease", "never cilium-ca"},
	{"--force", "not suspended"},
	{"--force", "diff --what impact"},
	{"flux reconcile kustomization cilium-core", "diff --what impact"},
	{"flux reconcile kustomization flux-system", "diff --what impact"},
	{"delete namespace", "Where nobody else is probing"},
	{"delete it, and make it anew", "flux suspend kustomization"},
	{"delete it, and make it anew", "helm-controller runs"},
	{"remove its record", "helm -n NAMESPACE get manifest NAME"},
}

// uninstallForbidden matches helm uninstall, forbidden.
var uninstallForbidden = regexp.MustCompile("(?i)(do not|never) `?helm uninstall")

// TestHintsSayWhatHasToHoldFirst wants the precondition of each harmful command in the same hint, before it.
func TestHintsSayWhatHasToHoldFirst(t *testing.T) {
	used := map[string]bool{}
	for _, c := range check.All() {
		if n := strings.Count(c.Hint, "helm uninstall"); n != len(uninstallForbidden.FindAllString(c.Hint, -1)) {
			t.Errorf("%s: a hint names helm uninstall, and does not forbid it: %s", c.ID, c.Hint)
		}
		for _, h := range harmful {
			before, _, has := strings.Cut(c.Hint, h.command)
			if !has {
				continue
			}
			used[h.command] = true
			if !strings.Contains(strings.ToLower(before), strings.ToLower(h.first)) {
				t.Errorf("%s: %q stands in the hint and %q does not stand before it:\n%s", c.ID, h.command, h.first, c.Hint)
			}
		}
	}
	for _, h := range harmful {
		if !used[h.command] {
			t.Errorf("no hint says %q any more: take its row out, or find what it says now", h.command)
		}
	}
}
