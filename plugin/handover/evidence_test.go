package handover

import (
	"slices"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// TestJournalFacts: of a run's end only that is judged which its journal holds; the rest is unknown, never pass.
func TestJournalFacts(t *testing.T) {
	began := time.Date(2026, 11, 22, 9, 12, 0, 0, time.UTC)
	pod := facts.Pod{Namespace: "kube-system", Name: "cilium-a", UID: "a", Labels: map[string]string{"app.kubernetes.io/part-of": "cilium"}}
	base := &facts.Live{Pods: []facts.Pod{pod}, Nodes: []facts.Node{{Name: "infra-1", Ready: true}}}
	expect := facts.Expect{Cilium: facts.Names{Namespace: "kube-system", Release: "cilium"}}
	j := &Journal{Name: HandoverName, Cluster: "infra", Began: began, Base: base, Steps: []StepRecord{{ID: StepProof, Began: began.Add(time.Second)}}}
	if _, ok := j.Facts(expect); ok {
		t.Error("a run without proof has no end that could be judged")
	}
	j.Proof = &facts.Live{Pods: []facts.Pod{pod}, Nodes: base.Nodes}
	f, ok := j.Facts(expect)
	if !ok || !slices.Equal(f.Seen, []facts.Part{facts.Nodes, facts.Pods}) || !f.Taken.Equal(began.Add(time.Second)) {
		t.Fatalf("facts %v, seen %v, taken %s", ok, f.Seen, f.Taken)
	}
	want := map[check.ID]check.Outcome{"CG401": check.Pass, "CG403": check.Unknown, "CG404": check.Pass, "CG405": check.Unknown}
	got := map[check.ID]check.Outcome{}
	for _, v := range check.Run(f, checks([]check.ID{"CG401", "CG403", "CG404", "CG405"})) {
		got[v.Check] = v.Outcome
	}
	for id, outcome := range want {
		if got[id] != outcome {
			t.Errorf("%s: %s, want %s", id, got[id], outcome)
		}
	}
	j.Name = RollbackName
	if f, _ = j.Facts(expect); f.Declined[facts.HelmReleases] == "" {
		t.Error("after a rollback there is no HelmRelease to look for")
	}
}
