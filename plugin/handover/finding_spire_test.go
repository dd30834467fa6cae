package handover_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// spire has the adoption replace the pods of a workload outside Cilium's namespace; record: Helm's record has it.
func spire(m *model, record bool) {
	m.spoil = func(in *handover.Input) {
		set := func(image string) facts.Object {
			pod := map[string]any{"containers": []any{map[string]any{"name": "spire-server", "image": image}}}
			return facts.Object{
				APIVersion: "apps/v1", Kind: "StatefulSet", Namespace: "cilium-spire", Name: "spire-server",
				Body: values.Tree{"spec": map[string]any{"template": map[string]any{"spec": pod}}},
			}
		}
		r := in.Facts.Rendered
		r.Before, r.Live = append(slices.Clone(r.Before), set("spire:1")), append(slices.Clone(r.Live), set("spire:1"))
		r.After = append(slices.Clone(r.After), set("spire:2"))
		if record {
			release := *in.Facts.Live.Release
			release.Workloads = []string{"StatefulSet/cilium-spire/spire-server"}
			in.Facts.Live.Release = &release
		}
	}
}

// TestFinding_H5_RefusedByEffect: that pods would be replaced refuses, whether they were counted, are none, or were not seen.
func TestFinding_H5_RefusedByEffect(t *testing.T) {
	for name, c := range map[string]struct {
		record bool
		pods   []facts.Pod
		got    string
		unseen bool
	}{
		"counted":  {true, []facts.Pod{{Namespace: "cilium-spire", Name: "spire-server-0", UID: "s", Owner: "StatefulSet/spire-server"}}, "1 pod replaced", false},
		"no pod":   {true, nil, "there are none now", false},
		"not seen": {false, nil, "could not be counted", true},
	} {
		m := newModel(t)
		spire(m, c.record)
		m.live.Pods = append(slices.Clone(m.live.Pods), c.pods...)
		p := handover.Make(m.input())
		if p.Ready || p.Impact.Summary.Quiet() {
			t.Errorf("%s: ready %t, quiet %t", name, p.Ready, p.Impact.Summary.Quiet())
		}
		if r := refusal(p, "HP301"); r == nil || !strings.Contains(r.Evidence[0].Got, c.got) {
			t.Errorf("%s: %+v", name, r)
		}
		m.allow = []string{"StatefulSet/spire-server"}
		p = handover.Make(m.input())
		if r := refusal(p, "HP403"); (r != nil) != c.unseen {
			t.Errorf("%s, accepted: unknown %+v", name, r)
		}
		if p.Ready == c.unseen {
			t.Errorf("%s, accepted: ready %t: %+v", name, p.Ready, p.Refusals)
		}
	}
}

func refusal(p *handover.Plan, id string) *handover.Refusal {
	for i := range p.Refusals {
		if p.Refusals[i].ID == id {
			return &p.Refusals[i]
		}
	}
	return nil
}

// TestFinding_H5_SpireIsWatchedAndSettled: what a run watches, waits for and asks rights for covers the release's other namespaces.
func TestFinding_H5_SpireIsWatchedAndSettled(t *testing.T) {
	m := newModel(t)
	m.live.StatefulSets = []facts.Workload{{Kind: "StatefulSet", Namespace: "cilium-spire", Name: "spire-server", Release: "kube-system/cilium", Desired: 1, Ready: 1}}
	p := handover.Make(m.input())
	proof := p.Step(handover.StepProof)
	if proof == nil || !slices.ContainsFunc(proof.Settle, func(r handover.Ref) bool { return r.String() == "StatefulSet/cilium-spire/spire-server" }) {
		t.Errorf("settles %+v", proof)
	}
	want := handover.Right{Verb: "watch", Resource: "pods", Namespace: "cilium-spire"}
	if !slices.Contains(p.Rights(), want) {
		t.Errorf("rights: %+v", p.Rights())
	}
}
