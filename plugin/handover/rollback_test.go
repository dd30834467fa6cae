package handover_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
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
	if newest.Status != "deployed" || m.upgrades > 0 && newest.Secret != "back" || m.labelled {
		t.Errorf("%s: Helm's newest record is %+v, Flux's labels there: %t", what, newest, m.labelled)
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
	if p := handover.UndoHandover(m.undoing(j)); !p.Done || !strings.Contains(strings.Join(p.Notes, " "), "out of it") {
		t.Errorf("again: %+v %q", p.Steps, p.Notes)
	}
}

// noWayBack is a row for each rollback that is refused.
var noWayBack = map[string]struct {
	id    string
	spoil func(*handover.RollbackInput)
}{
	"nothing to go back from": {"HP501", func(in *handover.RollbackInput) {
		in.Journal, in.Rendered, in.Facts.Live = nil, nil, facts.Live{UID: in.Facts.Live.UID}
	}},
	"being uninstalled": {"HP502", func(in *handover.RollbackInput) { in.Facts.Live.HelmReleases[0].Deleting = true }},
	"somebody works": {"HP503", func(in *handover.RollbackInput) {
		in.Facts.Live.HelmReleases[0].Suspend = true
		in.Facts.Live.Records[1].Status = "pending-upgrade"
	}},
	"pods replaced": {"HP504", func(in *handover.RollbackInput) { otherTemplate(in) }},
	"an object deleted": {"HP504", func(in *handover.RollbackInput) {
		was := object("ConfigMap", "by-flux", nil)
		in.Rendered.Before, in.Rendered.Live = append(slices.Clone(in.Rendered.Before), was), append(slices.Clone(in.Rendered.Live), was)
	}},
	"an immutable field": {"HP307", func(in *handover.RollbackInput) {
		plan := handover.Input{Facts: in.Facts}
		plan.Facts.Rendered = in.Rendered
		refusals["an immutable field"].spoil(&plan)
		in.Rendered = plan.Facts.Rendered
	}},
	"not rendered":                           {"HP403", func(in *handover.RollbackInput) { in.Rendered = nil }},
	"an object not seen":                     {"HP403", func(in *handover.RollbackInput) { in.Rendered.LiveSeen = false }},
	"a part not seen":                        {"HP403", func(in *handover.RollbackInput) { in.Facts.Seen = nil }},
	"nobody knows enough":                    {"HP403", func(in *handover.RollbackInput) { in.Rendered.Unknown = []string{"which kinds there are"} }},
	"no journal, and every record is Flux's": {"HP403", func(in *handover.RollbackInput) { in.Journal, in.Rendered = nil, nil }},
	"the revision is Flux's": {"HP505", func(in *handover.RollbackInput) {
		own := object("ConfigMap", "x", values.Tree{"metadata": map[string]any{"labels": map[string]any{"helm.toolkit.fluxcd.io/name": "cilium"}}})
		in.Rendered.After = append(slices.Clone(in.Rendered.After), own)
	}},
	"a second HelmRelease acts": {"HP506", func(in *handover.RollbackInput) {
		in.Facts.Live.HelmReleases = append(slices.Clone(in.Facts.Live.HelmReleases), facts.HelmRelease{Namespace: "flux-system", Name: "cilium"})
	}},
}

// otherTemplate has the bootstrap's DaemonSet run another image.
func otherTemplate(in *handover.RollbackInput) {
	was := object("DaemonSet", "cilium", template("a"))
	plan := handover.Input{Facts: in.Facts}
	plan.Facts.Rendered = in.Rendered
	rendered(&plan, object("DaemonSet", "cilium", template("b")), &was)
	in.Rendered = plan.Facts.Rendered
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
		in := m.undoing(j)
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

// TestRollbackTargets: each leaves what it is named for, and asking again finds nothing to do.
func TestRollbackTargets(t *testing.T) {
	for to, want := range map[string]struct{ release, source bool }{
		handover.ToBootstrap: {}, handover.ToSource: {source: true}, handover.ToHold: {release: true, source: true},
	} {
		m := finished(t)
		of := journal(t, m)
		m.to = to
		if err := m.back(t, of); err != nil {
			t.Fatalf("%s: %v", to, err)
		}
		hr := m.objects[releaseRef]
		if (hr != nil) != want.release || hr != nil && !hr.Suspend || (m.objects[sourceRef] != nil) != want.source || m.labelled {
			t.Errorf("%s: left %v, labelled %t", to, m.objects, m.labelled)
		}
		if p := handover.UndoHandover(m.undoing(journal(t, m))); !p.Done || len(p.Steps) > 0 {
			t.Errorf("%s: again: %+v", to, p.Steps)
		}
		// What was left goes later, by what the rollback's own journal has kept of the run before it.
		m.to = handover.ToBootstrap
		if err := m.back(t, journal(t, m)); err != nil || len(m.objects) > 0 {
			t.Errorf("%s, and on to the bootstrap: %v, left %v", to, err, m.objects)
		}
	}
}

// TestRollbackDatesTheConfiguration: what cilium-config says again is dated as it was when the rollback began.
func TestRollbackDatesTheConfiguration(t *testing.T) {
	m := finished(t)
	if err := m.back(t, journal(t, m)); err != nil {
		t.Fatal(err)
	}
	if m.dated == nil || m.dated.Changed.IsZero() || !m.dated.Changed.Equal(m.base.Live.Config.Changed) {
		t.Errorf("dated by %+v", m.dated)
	}
}

// TestRollbackAllows: what the user names may be replaced, and is not what stops the rollback then.
func TestRollbackAllows(t *testing.T) {
	m := finished(t)
	in := m.undoing(journal(t, m))
	in.Allow = []string{"DaemonSet/cilium"}
	if p := handover.UndoHandover(in); len(p.Accepted) > 0 {
		t.Errorf("nothing changes, and accepted is %v", p.Accepted)
	}
	otherTemplate(&in)
	now := object("ConfigMap", "cilium-config", values.Tree{"data": map[string]any{"a": "c"}})
	in.Rendered.After = append(in.Rendered.After[1:], now)
	p := handover.UndoHandover(in)
	if want := []string{"DaemonSet/kube-system/cilium", "ConfigMap/kube-system/cilium-config"}; !p.Ready || !slices.Equal(p.Accepted, want) {
		t.Errorf("ready %t: %+v, accepted %v", p.Ready, p.Refusals, p.Accepted)
	}
	for _, s := range p.Steps[2:] {
		if !slices.Contains(s.Guard, "CG401") || !slices.Contains(s.Guard, "CG405") {
			t.Errorf("step %s lets others be replaced: %v", s.ID, s.Guard)
		}
	}
	if s := p.Step(handover.StepProof); !slices.Contains(s.Until, handover.Rolled) {
		t.Errorf("the proof does not wait for what is replaced: %v", s.Until)
	}
}

// TestRollbackLeavesOthersAlone: the Kustomization that applies the HelmRelease among other things is not suspended and
// not removed, and what is wired in Git stays, held.
func TestRollbackLeavesOthersAlone(t *testing.T) {
	m := finished(t)
	in := m.undoing(journal(t, m))
	in.Facts.Live.HelmReleases[0].Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "everything", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
	in.Facts.Live.Kustomizations = []facts.FluxKustomization{{Namespace: "flux-system", Name: "everything", Path: "clusters/infra"}}
	p := handover.UndoHandover(in)
	for _, s := range p.Steps {
		for _, a := range s.Do {
			if a.Ref.Name == "everything" || a.Verb == handover.Release {
				t.Errorf("step %s: %s %s", s.ID, a.Verb, a.Ref)
			}
		}
	}
	if !strings.Contains(strings.Join(p.Notes, " "), "(clusters/infra)") {
		t.Errorf("notes: %q", p.Notes)
	}
}

// TestRollbackOfAFailedAdoption: a HelmRelease that waits for its next try does so for ever once it is suspended.
func TestRollbackOfAFailedAdoption(t *testing.T) {
	m := finished(t)
	f := m.facts()
	f.Seen = handover.LetGo.Parts()
	f.Live.HelmReleases[0].Suspend = true
	for reason, want := range map[string]bool{"ProgressingWithRetry": true, "Progressing": false} {
		f.Live.HelmReleases[0].Conditions = []facts.Condition{{Type: "Reconciling", Status: "True", Reason: reason}}
		if ok, why := handover.LetGo.Holds(&handover.Plan{}, &handover.Journal{}, f); ok != want {
			t.Errorf("%s: %t %s", reason, ok, why)
		}
	}
}

func finished(t *testing.T) *model {
	t.Helper()
	m := newModel(t)
	if err := m.run(t); err != nil {
		t.Fatal(err)
	}
	return m
}

func journal(t *testing.T, m *model) *handover.Journal {
	t.Helper()
	j, err := m.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// TestRollbackWithoutAJournal: what the handover brought is known by what is there, and nothing else is taken.
func TestRollbackWithoutAJournal(t *testing.T) {
	m := finished(t)
	in := m.undoing(nil)
	in.Facts.Live.HelmReleases[0].Source = "HelmRepository/kube-system/cilium-charts"
	in.Facts.Live.Sources = []facts.Source{
		{Kind: "HelmRepository", Namespace: "kube-system", Name: "cilium-charts", By: "flux-system/cilium-core"},
		{Kind: "HelmChart", Namespace: "kube-system", Name: "kube-system-cilium"},
		{Kind: "HelmChart", Namespace: "kube-system", Name: "kube-system-other"},
		{Kind: "GitRepository", Namespace: "flux-system", Name: "flux-system"},
		{Kind: "HelmRepository", Namespace: "kube-system", Name: "others", By: "flux-system/others"},
	}
	p := handover.UndoHandover(in)
	var got []string
	for _, a := range p.Step(handover.StepRemove).Do {
		if a.Verb == handover.Release {
			got = append(got, a.Ref.String())
		}
	}
	want := []string{"HelmRelease/kube-system/cilium", "HelmRepository/kube-system/cilium-charts", "HelmChart/kube-system/kube-system-cilium"}
	if !p.Ready || !slices.Equal(got, want) || p.Step(handover.StepHelm).Do[0].To != 1 {
		t.Errorf("ready %t: %+v, removes %v", p.Ready, p.Refusals, got)
	}
}
