package handover_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// heldAgain is a cluster that was handed over, and gone back from with --to hold.
func heldAgain(t *testing.T) *model {
	t.Helper()
	m := finished(t)
	m.to = handover.ToHold
	if err := m.back(t, journal(t, m)); err != nil {
		t.Fatal(err)
	}
	m.upgrades, m.slow = 0, true
	return m
}

// TestFinding_L28_AfterHold: what --to hold has left is handed over again, planned and guarded as before.
func TestFinding_L28_AfterHold(t *testing.T) {
	m := heldAgain(t)
	p := handover.Make(m.input())
	if !p.Ready || p.Strategy != handover.Adopt || !strings.Contains(notes(p), "has released revision 2; Helm's newest is 3: let go, Flux upgrades it to 4") {
		t.Fatalf("ready %t: %+v\n%s", p.Ready, p.Refusals, notes(p))
	}
	if !slices.Contains(p.Step(handover.StepAdopt).Guard, "CG401") {
		t.Errorf("the adoption is not guarded: %+v", p.Step(handover.StepAdopt))
	}
	if err := m.run(t); err != nil || len(m.naked) > 0 || m.upgrades != 1 || journal(t, m).Phase != handover.Finished {
		t.Errorf("%v, %d upgrades, %v", err, m.upgrades, m.naked)
	}
}

// TestFinding_L28_ItsOwnRecord: where Helm's newest record is the HelmRelease's own, letting it go may leave everything as it
// is, and that is the end of a run as well.
func TestFinding_L28_ItsOwnRecord(t *testing.T) {
	m := finished(t)
	m.objects[releaseRef].Suspend, m.objects[releaseRef].By = true, handover.FluxCLI
	m.upgrades, m.slow = 0, true
	if p := handover.Make(m.input()); !p.Ready || !p.World.Own || !strings.Contains(notes(p), "is its own") {
		t.Fatalf("ready %t: %+v\n%s", p.Ready, p.Refusals, notes(p))
	}
	if err := m.run(t); err != nil || m.upgrades != 0 || m.objects[releaseRef].Suspend {
		t.Errorf("%v, %d upgrades, %+v", err, m.upgrades, m.objects[releaseRef])
	}
}

// TestFinding_L28_Refused: what Flux would uninstall first, or what cannot be told, is not let go, and no hint does that unguarded.
func TestFinding_L28_Refused(t *testing.T) {
	m := heldAgain(t)
	for name, change := range map[string]func(*facts.HelmRelease){
		"another release":       func(hr *facts.HelmRelease) { hr.History[0].Name = "kube-system-cilium" },
		"another storage":       func(hr *facts.HelmRelease) { hr.StoredIn = "flux-system" },
		"another chart":         func(hr *facts.HelmRelease) { hr.History[0].Chart = "cilium-mirror" },
		"later than its record": func(hr *facts.HelmRelease) { hr.History[0].Version = 9 },
	} {
		in := m.input()
		hr := &in.Facts.Live.HelmReleases[0]
		hr.History = slices.Clone(hr.History)
		change(hr)
		if p := handover.Make(in); !refusedWith(p, "HP202") {
			t.Errorf("%s: ready %t %+v", name, p.Ready, p.Refusals)
		}
	}
	for _, text := range handover.RuleText() {
		if strings.Contains(text[2], "flux resume helmrelease") {
			t.Errorf("%s: %s", text[0], text[2])
		}
	}
}

// TestFinding_H9_Refused: of what is suspended and being deleted the plan says that alone, and that it must not be resumed.
func TestFinding_H9_Refused(t *testing.T) {
	m := heldAgain(t)
	in := m.input()
	in.Facts.Live.HelmReleases[0].Deleting = true
	p := handover.Make(in)
	if refusedWith(p, "HP202") || !refusedWith(p, "HP203") {
		t.Errorf("%+v", p.Refusals)
	}
	for _, r := range p.Refusals {
		if r.ID == "HP203" && (strings.Index(r.Hint, "do NOT resume it") > 60 || !strings.Contains(r.Evidence[0].Got, "do NOT resume it")) {
			t.Errorf("%+v", r)
		}
	}
}
