package check

import (
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// spire is a cluster at its baseline whose release has SPIRE in a namespace of its own, without Cilium's label.
func spire() facts.Facts {
	own := "kube-system/cilium"
	live := facts.Live{
		DaemonSets:   []facts.Workload{{Kind: "DaemonSet", Namespace: "cilium-spire", Name: "spire-agent", Release: own, Ready: 1, Desired: 1}},
		StatefulSets: []facts.Workload{{Kind: "StatefulSet", Namespace: "cilium-spire", Name: "spire-server", Release: own, Ready: 1, Desired: 1}},
		Pods: []facts.Pod{
			{Namespace: "cilium-spire", Name: "spire-agent-1", UID: "a", Owner: "DaemonSet/spire-agent"},
			{Namespace: "cilium-spire", Name: "spire-server-0", UID: "s", Owner: "StatefulSet/spire-server"},
		},
	}
	base := live
	return facts.Facts{Expect: facts.Expect{Cilium: facts.Names{Namespace: "kube-system", Release: "cilium"}}, Live: live, Base: &base}
}

func TestFinding_H5_PodsElsewhereAreGuarded(t *testing.T) {
	f := spire()
	if v := judgeUntouched(f); v.Outcome != Pass || v.Reason != "2 of 2 pods untouched" {
		t.Errorf("%+v", v)
	}
	if v := judgeReadiness(f); v.Outcome != Pass {
		t.Errorf("%+v", v)
	}
	f.Live.Pods = []facts.Pod{f.Live.Pods[0], {Namespace: "cilium-spire", Name: "spire-server-0", UID: "t", Owner: "StatefulSet/spire-server"}}
	if v := judgeUntouched(f); v.Outcome != Fail || len(v.Evidence) != 2 {
		t.Errorf("a replaced pod of a StatefulSet: %+v", v)
	}
	f.Accepted = []string{"StatefulSet/cilium-spire/spire-server"}
	if v := judgeUntouched(f); v.Outcome != Pass {
		t.Errorf("accepted: %+v", v)
	}
	f = spire()
	f.Live.StatefulSets = []facts.Workload{{Kind: "StatefulSet", Namespace: "cilium-spire", Name: "spire-server", Desired: 1}}
	if v := judgeReadiness(f); v.Outcome != Fail {
		t.Errorf("a StatefulSet that is not ready: %+v", v)
	}
}
