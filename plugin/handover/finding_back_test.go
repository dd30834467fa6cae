package handover_test

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// removed are the objects that a plan deletes, suspended those of Flux's Kustomizations that it suspends.
func removed(p *handover.Plan) (deleted, suspended []string) {
	for _, s := range p.Steps {
		for _, a := range s.Do {
			switch {
			case a.Verb == handover.Release:
				deleted = append(deleted, a.Ref.String())
			case a.Verb == handover.Suspend && a.Ref.Kind == "Kustomization":
				suspended = append(suspended, a.Ref.String())
			}
		}
	}
	return deleted, suspended
}

func notes(p *handover.Plan) string { return strings.Join(p.Notes, "\n") }

// rootTree is a cluster whose HelmRelease lies directly in the path of its entry point, which the fleet file names.
func rootTree(in *handover.RollbackInput) {
	in.Facts.Expect.Flux.Kustomization = "flux-system"
	live := &in.Facts.Live
	live.HelmReleases[0].Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "flux-system", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
	live.HelmReleases[0].Source = "HelmRepository/kube-system/cilium-charts"
	live.Kustomizations = []facts.FluxKustomization{{
		Namespace: "flux-system", Name: "flux-system", By: "flux-system/flux-system", Source: "GitRepository/flux-system/flux-system", Path: "clusters/infra",
		InventoryKnown: true, Inventory: []string{
			"GitRepository/flux-system/flux-system", "HelmRelease/kube-system/cilium", "HelmRepository/flux-system/ingress-nginx",
			"HelmRepository/kube-system/cilium-charts", "Kustomization/flux-system/flux-system",
		},
	}}
	live.Sources = []facts.Source{
		{Kind: "GitRepository", Namespace: "flux-system", Name: "flux-system", By: "flux-system/flux-system"},
		{Kind: "HelmRepository", Namespace: "flux-system", Name: "ingress-nginx", By: "flux-system/flux-system"},
		{Kind: "HelmRepository", Namespace: "kube-system", Name: "cilium-charts", By: "flux-system/flux-system"},
	}
}

// TestFinding_C5_RootKustomization: neither the entry point nor what it applies is suspended or removed, by whatever journal.
func TestFinding_C5_RootKustomization(t *testing.T) {
	m := finished(t)
	for name, of := range map[string]*handover.Journal{"by the run's journal": journal(t, m), "by none": nil} {
		in := m.undoing(of)
		rootTree(&in)
		p := handover.UndoHandover(in)
		deleted, suspended := removed(p)
		if !p.Ready || len(deleted) > 0 || len(suspended) > 0 {
			t.Errorf("%s: ready %t %+v, removes %v, suspends %v", name, p.Ready, p.Refusals, deleted, suspended)
		}
		for _, want := range []string{
			"Stays: Kustomization/flux-system/flux-system: it applies itself", "Stays: HelmRelease/kube-system/cilium: suspended: Kustomization flux-system/flux-system applies it",
			"kubectl -n kube-system delete helmrelease cilium",
		} {
			if !strings.Contains(notes(p), want) {
				t.Errorf("%s: notes lack %q:\n%s", name, want, notes(p))
			}
		}
	}
}

// shareds is a row for each Kustomization that is not Cilium's alone.
var shareds = map[string]struct {
	ks   facts.FluxKustomization
	want string
}{
	"applies another HelmRelease": {facts.FluxKustomization{InventoryKnown: true, Inventory: []string{"HelmRelease/apps/x", "HelmRelease/kube-system/cilium"}}, "it applies HelmRelease/apps/x as well"},
	"applies more than is listed": {facts.FluxKustomization{InventoryKnown: true, InventoryOmitted: 7, Inventory: []string{"HelmRelease/kube-system/cilium"}}, "it applies 7 other objects"},
	"no inventory":                {facts.FluxKustomization{}, "it has no inventory"},
}

// TestFinding_C5_SharedKustomization: a Kustomization of the fleet's name that applies more, or of which that is not known, is
// neither suspended nor removed; one that applies Cilium alone is.
func TestFinding_C5_SharedKustomization(t *testing.T) {
	m := finished(t)
	plan := func(ks facts.FluxKustomization) *handover.Plan {
		in := m.undoing(nil)
		ks.Namespace, ks.Name = "flux-system", "cilium-core"
		in.Facts.Live.Kustomizations = []facts.FluxKustomization{ks}
		return handover.UndoHandover(in)
	}
	for name, row := range shareds {
		p := plan(row.ks)
		if deleted, suspended := removed(p); slices.Contains(deleted, wiringRef.String()) || len(suspended) > 0 || !strings.Contains(notes(p), row.want) {
			t.Errorf("%s: removes %v, suspends %v\n%s", name, deleted, suspended, notes(p))
		}
	}
	own := facts.FluxKustomization{InventoryKnown: true, Inventory: []string{"HelmRelease/kube-system/cilium", "HelmRepository/kube-system/cilium-charts"}}
	if deleted, suspended := removed(plan(own)); !slices.Contains(deleted, wiringRef.String()) || !slices.Contains(suspended, wiringRef.String()) {
		t.Errorf("Cilium's alone: removes %v, suspends %v", deleted, suspended)
	}
}

// sourceRows are sources that the HelmRelease, or a name, speaks for, and why each stays; empty where it goes.
var sourceRows = map[string]struct {
	source facts.Source
	change func(*facts.Live)
	want   string
}{
	"Cilium's alone":                 {source: facts.Source{Kind: "HelmRepository"}},
	"another HelmRelease's":          {source: facts.Source{Kind: "HelmRepository"}, want: "HelmRelease/apps/x and 4 others uses it", change: uses},
	"a Kustomization builds from it": {source: facts.Source{Kind: "OCIRepository"}, want: "Kustomization flux-system/apps uses it", change: builds},
	"another HelmChart's":            {source: facts.Source{Kind: "HelmRepository"}, want: "HelmChart apps/x uses it", change: charted},
	"applied by another":             {source: facts.Source{Kind: "HelmRepository", By: "flux-system/apps"}, want: "Kustomization flux-system/apps applies it", change: builds2},
	"a GitRepository":                {source: facts.Source{Kind: "GitRepository"}, want: "it is not known to be Cilium's alone"},
}

func uses(l *facts.Live) {
	l.Uses = []facts.SourceUse{{Source: l.HelmReleases[0].Source, By: []string{"HelmRelease/apps/x"}, More: 4}}
}

func builds(l *facts.Live) {
	l.Kustomizations = []facts.FluxKustomization{{Namespace: "flux-system", Name: "apps", Source: l.HelmReleases[0].Source}}
}

func builds2(l *facts.Live) {
	l.Kustomizations = []facts.FluxKustomization{{Namespace: "flux-system", Name: "apps"}}
}

func charted(l *facts.Live) {
	l.Sources = append(l.Sources, facts.Source{Kind: "HelmChart", Namespace: "apps", Name: "x", From: l.HelmReleases[0].Source})
}

// TestFinding_C5_Sources: a source goes where nothing but Cilium's HelmRelease refers to it, and stays with a reason else.
func TestFinding_C5_Sources(t *testing.T) {
	m := finished(t)
	for name, row := range sourceRows {
		in := m.undoing(nil)
		live := &in.Facts.Live
		row.source.Namespace, row.source.Name = "kube-system", "charts"
		live.HelmReleases[0].Source = row.source.Ref()
		live.Sources = []facts.Source{row.source}
		if row.change != nil {
			row.change(live)
		}
		p := handover.UndoHandover(in)
		deleted, _ := removed(p)
		if !p.Ready || slices.Contains(deleted, row.source.Ref()) != (row.want == "") || !strings.Contains(notes(p), row.want) {
			t.Errorf("%s: ready %t, removes %v\n%s", name, p.Ready, deleted, notes(p))
		}
	}
}

// TestFinding_C5_OnlyWhatWasBrought: what the journal says was there before the handover stays, though nothing else needs it;
// a rollback that goes on knows it as well.
func TestFinding_C5_OnlyWhatWasBrought(t *testing.T) {
	m := finished(t)
	of := journal(t, m)
	for i := range of.Before {
		of.Before[i].Existed = true
	}
	for _, by := range []*handover.Journal{of, (&handover.Runner{Clock: m}).BeginUndo(&handover.Plan{Name: handover.RollbackName}, "back", of)} {
		in := m.undoing(by)
		in.Facts.Live.HelmReleases[0].Source = sourceRef.String()
		p := handover.UndoHandover(in)
		if deleted, _ := removed(p); len(deleted) > 0 || !strings.Contains(notes(p), "Stays: HelmRelease/kube-system/cilium: suspended: it was there before the handover") {
			t.Errorf("%s: removes %v\n%s", by.Name, deleted, notes(p))
		}
	}
}

// TestFinding_H9_ControllersAway: Helm goes back, nothing of Flux's is deleted, and the rollback says what is left; called
// again when the controllers are back, it removes what is left. Meanwhile --to hold comes to its end.
func TestFinding_H9_ControllersAway(t *testing.T) {
	m := finished(t)
	of := journal(t, m)
	m.down = true
	err := m.back(t, of)
	var stop *handover.Stop
	if !errors.As(err, &stop) || stop.Step != handover.StepAsk || stop.Kind != handover.StopTime || !strings.Contains(stop.Reason, "helm-controller has not answered") {
		t.Fatalf("%v", err)
	}
	if newest := m.live.Records[len(m.live.Records)-1]; newest.Secret != "back" || newest.Status != "deployed" {
		t.Errorf("Helm has not gone back: %+v", newest)
	}
	if hr := m.objects[releaseRef]; hr == nil || !hr.Suspend || hr.Deleted || len(m.naked) > 0 {
		t.Errorf("the HelmRelease is %+v, %v", hr, m.naked)
	}
	if j := journal(t, m); j.Phase != handover.Frozen || !j.Unfinished() {
		t.Errorf("the journal says %s", j.Phase)
	}
	held := *m
	held.to, held.objects = handover.ToHold, maps.Clone(m.objects)
	if err := held.back(t, of); err != nil || held.objects[releaseRef] == nil || journal(t, &held).Phase != handover.RolledBack {
		t.Errorf("--to hold: %v, %v", err, held.objects)
	}
	m.down = false
	if err := m.back(t, of); err != nil || len(m.objects) > 0 || len(m.naked) > 0 {
		t.Errorf("%v, left %v, %v", err, m.objects, m.naked)
	}
}

// TestFinding_H9_DeadController: a HelmRelease whose status says that helm-controller works on it has let go where no pod of
// that is left, and not where that cannot be known.
func TestFinding_H9_DeadController(t *testing.T) {
	m := finished(t)
	for name, row := range map[string]struct {
		change func(*facts.Facts)
		want   bool
	}{
		"no pod":            {func(*facts.Facts) {}, true},
		"a pod is leaving":  {func(f *facts.Facts) { f.Live.Controllers[0].Pods = 1 }, false},
		"a replica":         {func(f *facts.Facts) { f.Live.Controllers[0].Ready, f.Live.Controllers[0].Pods = 1, 1 }, false},
		"not found":         {func(f *facts.Facts) { f.Live.Controllers[0].Found = false }, false},
		"not seen":          {func(f *facts.Facts) { f.Seen = []facts.Part{facts.HelmReleases, facts.Releases} }, false},
		"another's shard":   {func(f *facts.Facts) { f.Live.HelmReleases[0].Labels["sharding.fluxcd.io/key"] = "a" }, false},
		"a pending record":  {func(f *facts.Facts) { f.Live.Records[1].Status = "pending-upgrade" }, false},
		"not suspended":     {func(f *facts.Facts) { f.Live.HelmReleases[0].Suspend = false }, false},
		"Helm died in it":   {func(f *facts.Facts) { f.Live.Records[1].Status = "pending-rollback" }, true},
		"deleted meanwhile": {func(f *facts.Facts) { f.Live.HelmReleases[0].Deleting = true }, true},
	} {
		f := m.facts()
		f.Seen = handover.LetGo.Parts()
		f.Live.Records = slices.Clone(f.Live.Records)
		f.Live.Controllers = []facts.Controller{{Name: "helm-controller", Found: true}}
		hr := &f.Live.HelmReleases[0]
		hr.Suspend, hr.Conditions = true, []facts.Condition{{Type: "Reconciling", Status: "True", Reason: "Progressing"}}
		hr.Labels = map[string]string{}
		row.change(&f)
		j := &handover.Journal{Name: handover.RollbackName, Steps: []handover.StepRecord{{ID: handover.StepHelm, Begun: 1}}}
		if ok, why := handover.LetGo.Holds(&handover.Plan{}, j, f); ok != row.want {
			t.Errorf("%s: %t %s", name, ok, why)
		}
	}
}

// TestFinding_H9_Terminating: what is suspended and being deleted keeps nothing from going back, and the plan says first that
// it must not be resumed.
func TestFinding_H9_Terminating(t *testing.T) {
	m := finished(t)
	of := journal(t, m)
	m.down = true
	hr := m.objects[releaseRef]
	hr.Suspend, hr.By, hr.Deleted = true, handover.FluxCLI, true
	p := handover.UndoHandover(m.undoing(of))
	if !p.Ready || len(p.Notes) == 0 || !strings.Contains(p.Notes[0], "do NOT resume it") || !strings.Contains(p.Notes[0], `kubectl -n kube-system patch helmrelease cilium --type=merge -p '{"metadata":{"finalizers":null}}'`) {
		t.Errorf("ready %t %+v\n%s", p.Ready, p.Refusals, notes(p))
	}
	var stop *handover.Stop
	if err := m.back(t, of); !errors.As(err, &stop) || !stop.Frozen {
		t.Errorf("it ended while the HelmRelease was there, or did not see it suspended: %v", err)
	}
	if newest := m.live.Records[len(m.live.Records)-1]; newest.Secret != "back" {
		t.Errorf("Helm has not gone back: %+v", newest)
	}
	m.down = false
	if err := m.back(t, of); err != nil || len(m.objects) > 0 {
		t.Errorf("%v, left %v", err, m.objects)
	}
}

// TestFinding_M16_GivesBack: what a stop had suspended of others is let go by a rollback, which leaves the HelmRelease
// suspended; the rollback's own journal knows it, too.
func TestFinding_M16_GivesBack(t *testing.T) {
	m := finished(t)
	of := journal(t, m)
	shared := handover.Ref{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: "flux-system", Name: "apps"}
	stranger := shared
	stranger.Name = "stranger"
	of.Frozen = []handover.Ref{shared, stranger, releaseRef}
	for _, by := range []*handover.Journal{of, (&handover.Runner{Clock: m}).BeginUndo(&handover.Plan{Name: handover.RollbackName}, "back", of)} {
		in := m.undoing(by)
		in.Facts.Live.HelmReleases[0].Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
		in.Facts.Live.Kustomizations = []facts.FluxKustomization{
			{Namespace: "flux-system", Name: "apps", Suspend: true, InventoryKnown: true, Inventory: []string{"HelmRelease/apps/x", "HelmRelease/kube-system/cilium"}},
			{Namespace: "flux-system", Name: "stranger", Suspend: true},
		}
		p := handover.UndoHandover(in)
		var resumed []string
		for _, s := range p.Steps {
			for _, a := range s.Do {
				if a.Verb == handover.Resume {
					resumed = append(resumed, a.Ref.String())
				}
			}
		}
		deleted, _ := removed(p)
		if want := []string{shared.String()}; !p.Ready || !slices.Equal(resumed, want) || slices.Contains(deleted, releaseRef.String()) {
			t.Errorf("%s: resumes %v, removes %v\n%s", by.Name, resumed, deleted, notes(p))
		}
	}
}

// among has the Kustomization apply another object from Git, beside Cilium's HelmRelease.
func among(in *handover.Input) {
	in.Facts.Git.Objects = append(slices.Clone(in.Facts.Git.Objects), facts.GitObject{
		APIVersion: "helm.toolkit.fluxcd.io/v2", Kind: "HelmRelease", Namespace: "apps", Name: "x", By: "flux-system/cilium-core",
	})
}

// TestFinding_M16_StopLeavesOthersAlone: a run that stops suspends the HelmRelease alone where its Kustomization applies other
// things as well, and has only asked that to reconcile; where it applies Cilium alone, both are suspended.
func TestFinding_M16_StopLeavesOthersAlone(t *testing.T) {
	for name, spoil := range map[string]func(*handover.Input){"shared": among, "Cilium's alone": nil} {
		m := newModel(t)
		m.wired, m.spoil = true, spoil
		m.wiredAndHeld()
		m.fault = func(_ int, what string) fault {
			if m.upgrades > 0 && what == "observe" {
				m.live.Pods = slices.DeleteFunc(slices.Clone(m.live.Pods), func(p facts.Pod) bool { return p.Owner == "DaemonSet/cilium" })
			}
			return none
		}
		err := m.run(t)
		var stop *handover.Stop
		if !errors.As(err, &stop) || !stop.Frozen {
			t.Fatalf("%s: %v", name, err)
		}
		if ks, hr := m.objects[wiringRef], m.objects[releaseRef]; ks.Suspend != (spoil == nil) || !hr.Suspend || hr.By != handover.FluxCLI {
			t.Errorf("%s: Kustomization %+v, HelmRelease %+v", name, ks, hr)
		}
		wrote := slices.ContainsFunc(m.writes, func(w string) bool {
			return strings.Contains(w, wiringRef.String()) && !strings.HasPrefix(w, string(handover.Reconcile))
		})
		if wrote != (spoil == nil) {
			t.Errorf("%s: wrote %v", name, m.writes)
		}
	}
}

// TestFinding_M16_PlanSaysSo: the plan notes whom a stop leaves alone, refuses where that is suspended, and makes none.
func TestFinding_M16_PlanSaysSo(t *testing.T) {
	m := newModel(t)
	m.wired, m.spoil = true, among
	if p := handover.Make(m.input()); !p.Ready || p.Step(handover.StepWire) != nil || p.Wiring != (handover.Ref{}) {
		t.Errorf("it would make it: %+v %+v", p.Refusals, p.Steps)
	}
	m.wiredAndHeld()
	p := handover.Make(m.input())
	if !p.Ready || !strings.Contains(notes(p), "Kustomization flux-system/cilium-core is not Cilium's alone: it applies HelmRelease/apps/x as well") {
		t.Errorf("ready %t %+v\n%s", p.Ready, p.Refusals, notes(p))
	}
	m.objects[wiringRef].Suspend = true
	if p := handover.Make(m.input()); !refusedWith(p, "HP507") {
		t.Errorf("suspended: %+v", p.Refusals)
	}
	m.spoil = nil
	if p := handover.Make(m.input()); !p.Ready {
		t.Errorf("Cilium's alone, suspended: %+v", p.Refusals)
	}
}

// wiredAndHeld has Flux apply the HelmRelease from Git, which flux has suspended.
func (m *model) wiredAndHeld() {
	m.objects[wiringRef] = &thing{Owners: map[string]string{}, Labels: map[string]string{}}
	m.objects[releaseRef] = &thing{Suspend: true, By: handover.FluxCLI, Owners: map[string]string{handover.FluxCLI: "suspend"}, Labels: map[string]string{}}
}

func refusedWith(p *handover.Plan, id string) bool {
	return slices.ContainsFunc(p.Refusals, func(r handover.Refusal) bool { return r.ID == id })
}
