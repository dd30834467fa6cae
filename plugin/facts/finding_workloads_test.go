package facts

import (
	"slices"
	"testing"
)

// spire is a cluster whose release has workloads in a namespace of their own, without Cilium's label.
func spire() Facts {
	own := "kube-system/cilium"
	return Facts{
		Expect: Expect{Cilium: Names{Namespace: "kube-system", Release: "cilium"}},
		Live: Live{
			DaemonSets: []Workload{
				{Kind: "DaemonSet", Namespace: "kube-system", Name: "cilium", Release: own},
				{Kind: "DaemonSet", Namespace: "cilium-spire", Name: "spire-agent", Release: own},
				{Kind: "DaemonSet", Namespace: "kube-system", Name: "other", Release: "kube-system/other", Labels: map[string]string{partOf: "cilium"}},
				{Kind: "DaemonSet", Namespace: "spegel", Name: "spegel", Release: "spegel/spegel"},
			},
			Release: &ReleaseContents{Workloads: []string{"StatefulSet/cilium-spire/spire-server", "StatefulSet/kube-system/store"}},
		},
	}
}

func TestFinding_H5_PodsByOwner(t *testing.T) {
	f := spire()
	own := f.Workloads()
	if got := own.Elsewhere(); !slices.Equal(got, []string{"cilium-spire"}) {
		t.Errorf("elsewhere: %q", got)
	}
	label := map[string]string{partOf: "cilium"}
	for _, c := range []struct {
		p    Pod
		want bool
	}{
		{Pod{Namespace: "kube-system", Owner: "DaemonSet/cilium"}, true},
		{Pod{Namespace: "cilium-spire", Owner: "DaemonSet/spire-agent"}, true},
		{Pod{Namespace: "cilium-spire", Owner: "StatefulSet/spire-server"}, true},
		{Pod{Namespace: "kube-system", Owner: "StatefulSet/store"}, true},
		{Pod{Namespace: "default", Owner: "DaemonSet/cilium"}, false},
		{Pod{Namespace: "kube-system", Owner: "DaemonSet/other", Labels: label}, false},
		{Pod{Namespace: "kube-system", Owner: "DaemonSet/unknown", Labels: label}, true},
		{Pod{Namespace: "cilium-spire", Owner: "DaemonSet/unknown", Labels: label}, false},
		{Pod{Namespace: "kube-system", Owner: "Job/hubble-generate-certs", Labels: label}, false},
	} {
		if got := own.Pod(c.p); got != c.want {
			t.Errorf("%s/%s: %v", c.p.Namespace, c.p.Owner, got)
		}
	}
}

func TestFinding_H5_WorkloadsOfTheBaseline(t *testing.T) {
	f := spire()
	base := f.Live
	f.Base, f.Live = &base, Live{}
	if own := f.Workloads(); !own.Has("StatefulSet/cilium-spire/spire-server") || !own.Has("DaemonSet/cilium-spire/spire-agent") {
		t.Errorf("%q", own.Keys())
	}
	f.Base = &Live{}
	f.Accepted = []string{"DaemonSet/cilium-spire/spire-agent", "ConfigMap/kube-system/cilium-config"}
	if got := f.Workloads().Keys(); !slices.Equal(got, f.Accepted[:1]) {
		t.Errorf("accepted: %q", got)
	}
}
