package handover_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestRollbackFromEveryStep: a run is killed at every request of it, and then undone, with the rollback killed at every
// request as well: Helm's release is the bootstrap's, no object of Flux's is left, and nothing was uninstalled.
func TestRollbackFromEveryStep(t *testing.T) {
	quiet := newModel(t)
	if err := quiet.run(t); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < quiet.requests; n++ {
		for every := range 9 {
			m := newModel(t)
			m.fault = at(n, killAfter)
			if err := m.run(t); err == nil {
				t.Fatalf("request %d was not reached", n)
			}
			m.killed = false
			j, err := m.Load(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if !j.Unfinished() && (j == nil || j.Phase != handover.Finished) {
				continue // nothing was written
			}
			m.fault = at(m.requests+every*5, killAfter)
			undo(t, m, j, fmt.Sprintf("run killed at request %d, rollback %d later", n, every*5))
		}
	}
}

func at(n int, f fault) func(int, string) fault {
	return func(i int, _ string) fault {
		if i == n {
			return f
		}
		return none
	}
}

func undo(t *testing.T, m *model, of *handover.Journal, what string) {
	t.Helper()
	var last error
	for range 10 {
		m.killed = false
		if last = m.back(t, of); last == nil {
			break
		}
	}
	if last != nil {
		t.Errorf("%s: never ends: %v", what, last)
		return
	}
	if len(m.objects) > 0 || len(m.naked) > 0 || m.installs > 0 {
		t.Errorf("%s: left %v, %v", what, m.objects, m.naked)
	}
	newest := m.live.Records[len(m.live.Records)-1]
	if newest.Status != "deployed" || m.upgrades > 0 && newest.Secret != "back" {
		t.Errorf("%s: Helm's newest record is %+v", what, newest)
	}
}

// TestRollbackOfWiredGit: what Git brings back stays, suspended, and the plan says so.
func TestRollbackOfWiredGit(t *testing.T) {
	m := newModel(t)
	m.wired = true
	if err := m.run(t); err != nil {
		t.Fatal(err)
	}
	j, err := m.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	m.parent = true
	if err := m.back(t, j); err != nil {
		t.Fatal(err)
	}
	if hr, ks := m.objects[releaseRef], m.objects[wiringRef]; hr == nil || !hr.Suspend || ks == nil || !ks.Suspend {
		t.Errorf("release %+v, wiring %+v", hr, ks)
	}
}

// noWayBack is a row for each rollback that is refused.
var noWayBack = map[string]struct {
	id    string
	spoil func(*handover.RollbackInput)
}{
	"nothing to go back from": {"HP501", func(in *handover.RollbackInput) {
		in.Journal, in.Facts.Live.HelmReleases, in.Facts.Live.Kustomizations = nil, nil, nil
	}},
	"being uninstalled": {"HP502", func(in *handover.RollbackInput) { in.Facts.Live.HelmReleases[0].Deleting = true }},
	"somebody works": {"HP503", func(in *handover.RollbackInput) {
		in.Facts.Live.HelmReleases[0].Suspend = true
		in.Facts.Live.Records[1].Status = "pending-upgrade"
	}},
	"pods replaced": {"HP504", func(in *handover.RollbackInput) {
		was := object("DaemonSet", "cilium", template("a"))
		plan := handover.Input{Facts: in.Facts}
		plan.Facts.Rendered = in.Rendered
		rendered(&plan, object("DaemonSet", "cilium", template("b")), &was)
		in.Rendered = plan.Facts.Rendered
	}},
	"not rendered": {"HP403", func(in *handover.RollbackInput) { in.Rendered = nil }},
}

func TestNoWayBack(t *testing.T) {
	m := newModel(t)
	if err := m.run(t); err != nil {
		t.Fatal(err)
	}
	j, err := m.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, row := range noWayBack {
		facts := m.input()
		in := handover.RollbackInput{Facts: facts.Facts, Journal: j, Rendered: facts.Facts.Rendered}
		in.Facts.Git = nil
		in.Facts.Live.Records = slices.Clone(in.Facts.Live.Records)
		if p := handover.UndoHandover(in); !p.Ready {
			t.Fatalf("%s: not ready before anything is wrong: %+v", name, p.Refusals)
		}
		row.spoil(&in)
		p := handover.UndoHandover(in)
		if !slices.ContainsFunc(p.Refusals, func(r handover.Refusal) bool { return r.ID == row.id }) {
			t.Errorf("%s: %+v", name, p.Refusals)
		}
	}
}
