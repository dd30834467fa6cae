package check_test

import (
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// TestFinding_H9_DoNotResume: of what is suspended and being deleted, CG203 and CG204 say before all else that it must not be
// resumed, whatever its conditions are, and no hint of theirs resumes a HelmRelease.
func TestFinding_H9_DoNotResume(t *testing.T) {
	f := healthy(t)
	f.Live.HelmReleases = []facts.HelmRelease{{
		Namespace: "kube-system", Name: "cilium", Suspend: true, Deleting: true,
		Labels:     map[string]string{"kustomize.toolkit.fluxcd.io/name": "cilium-core", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"},
		Conditions: []facts.Condition{{Type: "Ready", Status: "True"}},
	}}
	f.Live.Kustomizations = []facts.FluxKustomization{{
		Namespace: "flux-system", Name: "cilium-core", Deleting: true, Conditions: []facts.Condition{{Type: "Ready", Status: "True"}},
	}}
	for _, c := range check.All() {
		if c.ID != "CG203" && c.ID != "CG204" {
			continue
		}
		if v := c.Judge(f); v.Outcome != check.Fail || !strings.Contains(v.Reason, "is being deleted: do NOT resume it") {
			t.Errorf("%s: %s %s", c.ID, v.Outcome, v.Reason)
		}
		if strings.Contains(c.Hint, "flux resume helmrelease") {
			t.Errorf("%s: %s", c.ID, c.Hint)
		}
		if c.ID == "CG203" && (strings.Index(c.Hint, "do NOT resume it") > 60 || !strings.Contains(c.Hint, `-p '{"metadata":{"finalizers":null}}'`)) {
			t.Errorf("%s says other things first: %s", c.ID, c.Hint)
		}
	}
}
