package handover_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// TestFinding_M15_JournalsHoldNoValues: no value of the release is in a journal, in the middle or at the end, nor in a run's
// evidence: it may be a Secret's, whatever its key is called.
func TestFinding_M15_JournalsHoldNoValues(t *testing.T) {
	const canary = "c4n4ry-in-a-license"
	secretive := values.Tree{"extraConfig": map[string]any{"license": canary}, "list": []any{map[string]any{"value": canary}}}
	m := newModel(t)
	release := *m.live.Release
	release.Values, release.Defaults = values.Laid(release.Values, secretive), values.Laid(release.Defaults, secretive)
	m.live.Release = &release
	m.fault = func(int, string) fault {
		if strings.Contains(string(m.journal), canary) {
			t.Fatalf("a journal: %.200s", m.journal[strings.Index(string(m.journal), canary)-100:])
		}
		return none
	}
	if err := m.run(t); err != nil {
		t.Fatal(err)
	}
	j := journal(t, m)
	if j.Base == nil || j.Proof == nil || j.Base.Release == nil || j.Base.Release.Revision != release.Revision {
		t.Fatalf("base %v, proof %v", j.Base, j.Proof)
	}
	if err := m.back(t, j); err != nil {
		t.Fatal(err)
	}
	f := m.facts()
	f.Seen = handover.BaseParts()
	e := handover.Evidence(f)
	text, err := json.Marshal(e)
	if err != nil || strings.Contains(string(text), canary) {
		t.Errorf("the evidence: %v", err)
	}
	if slices.Contains(e.Seen, facts.Release) || e.Declined[facts.Release] == "" {
		t.Errorf("a release without its values counts as seen: %v %v", e.Seen, e.Declined)
	}
	if f.Live.Release.Values == nil {
		t.Error("the facts themselves lost their values")
	}
	shared, ok := j.Facts(f.Expect)
	if !ok || slices.Contains(shared.Seen, facts.Release) {
		t.Errorf("a journal's release counts as seen: %v", shared.Seen)
	}
}
