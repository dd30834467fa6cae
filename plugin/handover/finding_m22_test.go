package handover_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestFinding_M22_UnknownVariablesRefuse: a HelmRelease that is made of what nobody could read is neither planned nor gone
// on with, and the plan says which variable, of what, and why.
func TestFinding_M22_UnknownVariablesRefuse(t *testing.T) {
	m := newModel(t)
	m.wired = true
	in := m.input()
	p := handover.Make(in)
	j := (&handover.Runner{Clock: m}).Begin(p, "run-1")
	git := *in.Facts.Git
	git.Unknown = []facts.GitUnknown{{
		GitPlace: facts.GitPlace{File: "hr.yaml", Line: 12}, Object: "HelmRelease/kube-system/cilium", Field: "spec.values.k8sServiceHost",
		Variable: "K8S_HOST", From: "Secret/flux-system/cluster-secrets", Why: "it is encrypted in the tree; the cluster's could not be read: forbidden",
	}}
	in.Facts.Git = &git
	p = handover.Make(in)
	r := refusedBy(p, "HP118")
	if p.Ready || r == nil || !r.Unknown || !p.Unsure() {
		t.Fatalf("ready %t, %+v", p.Ready, p.Refusals)
	}
	for _, want := range []string{"hr.yaml:12", "spec.values.k8sServiceHost", "${K8S_HOST}", "Secret/flux-system/cluster-secrets", "forbidden"} {
		if e := r.Evidence[0]; !strings.Contains(e.Where+" "+e.Got, want) {
			t.Errorf("no %s: %+v", want, e)
		}
	}
	if _, err := handover.Again(in, j); !errors.Is(err, handover.ErrUnsure) || !strings.Contains(err.Error(), "K8S_HOST") {
		t.Errorf("go on: %v", err)
	}
}
