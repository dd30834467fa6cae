package handover_test

import (
	"slices"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestFinding_H5_TheSamePodsAtAnyLook: a look at few parts, as the preflight's, tells the pods that the plan told, also those
// of workloads that only other parts tell of.
func TestFinding_H5_TheSamePodsAtAnyLook(t *testing.T) {
	m := newModel(t)
	agent := facts.Workload{Kind: "DaemonSet", Namespace: "cilium-spire", Name: "spire-agent", Release: "kube-system/cilium", Desired: 1, Ready: 1}
	m.live.DaemonSets = append(slices.Clone(m.live.DaemonSets), agent)
	m.live.Pods = append(slices.Clone(m.live.Pods), facts.Pod{Namespace: "cilium-spire", Name: "spire-agent-1", UID: "s", Node: "infra-1", Owner: "DaemonSet/spire-agent"})
	in := m.input()
	p := handover.Make(in)
	if !p.Ready {
		t.Fatalf("%+v", p.Refusals)
	}
	few := in.Facts
	few.Live.DaemonSets, few.Live.Deployments, few.Live.Release = nil, nil, nil
	if ok, _ := handover.SameWorld.Holds(p, nil, few); ok {
		t.Error("a look that lacks a pod is taken for the same")
	}
	few.Own = []string{agent.Key()}
	if ok, why := handover.SameWorld.Holds(p, nil, few); !ok {
		t.Errorf("with what is known of the workloads: %s", why)
	}
}
