package handover_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

var (
	bindingRef = handover.Ref{APIVersion: "rbac.authorization.k8s.io/v1", Kind: "ClusterRoleBinding", Name: "cluster-admin"}
	clusterRef = handover.Ref{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "GitRepository", Namespace: "flux-system", Name: "flux-system"}
)

const mallory = `{"subjects":[{"kind":"User","name":"mallory"}]}`

// isForeign wants a *Foreign that says want.
func isForeign(t *testing.T, name string, err error, want string) {
	t.Helper()
	var foreign *handover.Foreign
	if !errors.As(err, &foreign) || !strings.Contains(err.Error(), want) {
		t.Errorf("%s: got %v, want a foreign journal: %s", name, err, want)
	}
}

// forgedUndo is a row for each thing that whoever may write the ConfigMap puts into a rollback's journal.
var forgedUndo = map[string]struct {
	want  string
	forge func(*handover.Journal)
}{
	"another object is patched": {"would patch ClusterRoleBinding/cluster-admin", func(j *handover.Journal) {
		j.Plan.Steps[2].Do = append(j.Plan.Steps[2].Do, handover.Action{Verb: handover.Patch, Ref: bindingRef, Change: json.RawMessage(mallory)})
	}},
	"a step more, to undo": {"would patch", func(j *handover.Journal) {
		j.Plan.Undo = []handover.Step{{ID: "x", Do: []handover.Action{{Verb: handover.Patch, Ref: bindingRef, Change: json.RawMessage(mallory)}}}}
	}},
	"the cluster's source is removed": {"Kustomization flux-system/cluster uses it", func(j *handover.Journal) {
		j.Plan.Steps[3].Do = append(j.Plan.Steps[3].Do, handover.Action{Verb: handover.Release, Ref: clusterRef})
	}},
	"another HelmRelease is removed": {"would release HelmRelease/apps/shop", func(j *handover.Journal) {
		ref := releaseRef
		ref.Namespace, ref.Name = "apps", "shop"
		j.Plan.Steps[3].Do[0].Ref, j.Plan.Steps[3].Do[0].Verb = ref, handover.Release
	}},
	"another Kustomization is removed": {"would release Kustomization/flux-system/apps", func(j *handover.Journal) {
		j.Plan.Steps[3].Do[0].Verb, j.Plan.Steps[3].Do[0].Ref = handover.Release, wiringRef
		j.Plan.Steps[3].Do[0].Ref.Name = "apps"
	}},
	"another release goes back": {"would helm-rollback", func(j *handover.Journal) { j.Plan.Step(handover.StepHelm).Do[0].Ref.Name = "shop" }},
	"another namespace's":       {"would helm-rollback", func(j *handover.Journal) { j.Plan.Step(handover.StepHelm).Do[0].Ref.Namespace = "apps" }},
	"a Secret is removed": {"would remove Secret", func(j *handover.Journal) {
		j.Plan.Steps[2].Do[0] = handover.Action{Verb: handover.Remove, Ref: handover.Ref{APIVersion: "v1", Kind: "Secret", Namespace: "flux-system", Name: "sops-age"}}
	}},
	"something is committed":       {"would commit", func(j *handover.Journal) { j.Plan.Steps[2].Do[0].Verb = handover.Commit }},
	"fields go to somebody else":   {"would hand the fields", func(j *handover.Journal) { j.Plan.Step(handover.StepOwner).Do[0].Manager = "mallory" }},
	"something else is let go":     {"would resume CronJob", func(j *handover.Journal) { j.Frozen = []handover.Ref{{Kind: "CronJob", Name: "x"}} }},
	"the baseline has no pod":      {"no guard would see", func(j *handover.Journal) { j.Base.Pods = nil }},
	"the baseline has no node":     {"no guard would see", func(j *handover.Journal) { j.Base.Nodes = nil }},
	"the baseline is of elsewhere": {"of another cluster", func(j *handover.Journal) { j.Base.UID = "other" }},
	"no such run":                  {"there is no such run", func(j *handover.Journal) { j.Name = " " }},
	"a run's name that is a path":  {"no run has", func(j *handover.Journal) { j.Run = "../../x" }},
	"no steps":                     {"no steps", func(j *handover.Journal) { j.Steps = nil }},
	"a backup that is anybody's":   {"in no folder of run", func(j *handover.Journal) { j.Backup = "/tmp/mine/backup" }},
	"more taken than there is":     {"cannot be so", func(j *handover.Journal) { j.Steps[2].Taken = 7 }},
}

// halfBack is a cluster whose rollback stopped, and that rollback's journal.
func halfBack(t *testing.T) (*model, *handover.Journal) {
	t.Helper()
	m := finished(t)
	of := journal(t, m)
	m.fault = func(_ int, what string) fault {
		if what == "helm-rollback Secret" {
			return killBefore
		}
		return none
	}
	if err := m.back(t, of); err == nil {
		t.Fatal("it did not stop")
	}
	m.killed, m.fault = false, nil
	return m, journal(t, m)
}

// TestFinding_H10_Rollback: of the plan in a rollback's journal nothing is carried out, and what no rollback would do is
// refused by its name.
func TestFinding_H10_Rollback(t *testing.T) {
	for name, row := range forgedUndo {
		m, j := halfBack(t)
		row.forge(j)
		in := m.undoing(nil)
		in.Facts.Live.Kustomizations = append(slices.Clone(in.Facts.Live.Kustomizations), facts.FluxKustomization{
			Namespace: "flux-system", Name: "cluster", Source: "GitRepository/flux-system/flux-system",
		})
		_, err := handover.UndoAgain(in, j)
		isForeign(t, name, err, row.want)
	}
	m, j := halfBack(t)
	p, err := handover.UndoAgain(m.undoing(nil), j)
	if err != nil || !p.Ready {
		t.Fatalf("what nobody forged: %v %+v", err, p)
	}
}

// TestFinding_H10_RollbackIsPlannedAnew: what would pass for an action of a rollback and is not what the cluster calls for
// is not taken, though the journal's plan has it, and no step is left out that the journal calls done.
func TestFinding_H10_RollbackIsPlannedAnew(t *testing.T) {
	m, j := halfBack(t)
	apps := wiringRef
	apps.Name = "apps"
	j.Plan.Steps[2].Do = append(j.Plan.Steps[2].Do, handover.Action{Verb: handover.Suspend, Ref: apps, Manager: handover.FluxCLI})
	j.Plan.Step(handover.StepHelm).Do[0].To = 7
	j.Plan.Step(handover.StepHelm).Guard = nil
	for i := range j.Steps {
		j.Steps[i].Ended = m.now
	}
	p, err := handover.UndoAgain(m.undoing(nil), j)
	if err != nil || !p.Ready {
		t.Fatalf("%v %+v", err, p)
	}
	helm := p.Step(handover.StepHelm)
	if helm == nil || helm.Do[0].To != 1 || len(helm.Guard) == 0 {
		t.Errorf("step helm: %+v", helm)
	}
	r := &handover.Runner{World: m, Journal: m, Clock: m}
	if err := r.Run(t.Context(), p, r.GoOnUndo(p, j)); err != nil {
		t.Fatal(err)
	}
	if newest := m.live.Records[len(m.live.Records)-1]; newest.Secret != "back" {
		t.Errorf("Helm did not go back: %+v", newest)
	}
	for _, w := range m.writes {
		if strings.Contains(w, "apps") {
			t.Errorf("wrote: %s", w)
		}
	}
}

// TestFinding_H10_AcceptedAgain: what a journal says was accepted is accepted only where the user says so again.
func TestFinding_H10_AcceptedAgain(t *testing.T) {
	m, j := halfBack(t)
	j.Accepted = []string{"DaemonSet/kube-system/cilium"}
	in := m.undoing(nil)
	if _, err := handover.UndoAgain(in, j); err == nil || !strings.Contains(err.Error(), "--allow DaemonSet/cilium") {
		t.Errorf("rollback: %v", err)
	}
	in.Allow = []string{"DaemonSet/cilium"}
	if p, err := handover.UndoAgain(in, j); err != nil || !slices.Contains(p.Accepted, "DaemonSet/kube-system/cilium") {
		t.Errorf("rollback, accepted again: %v", err)
	}
}

// forgedDrill is a row for each thing that is put into a drill's journal, by the drill that it is put into.
var forgedDrill = map[string]struct {
	drill, want string
	forge       func(*handover.Journal)
}{
	"another object is patched": {"drift-object", "would patch ClusterRoleBinding", func(j *handover.Journal) {
		j.Plan.Undo[0].Do[0].Ref, j.Plan.Undo[0].Do[0].Change = bindingRef, json.RawMessage(mallory)
	}},
	"another field is patched": {"drift-object", `would patch HelmRelease/kube-system/cilium: {"spec"`, func(j *handover.Journal) {
		j.Plan.Undo[0].Do[0].Change = json.RawMessage(`{"spec":{"suspend":null,"values":{"a":"b"}}}`)
	}},
	"an action more": {"drift-child", "would patch ClusterRoleBinding", func(j *handover.Journal) {
		j.Plan.Undo[0].Do = append(j.Plan.Undo[0].Do, handover.Action{Verb: handover.Patch, Ref: bindingRef, Change: json.RawMessage(mallory)})
	}},
	"a step more": {"stable", "has a step x", func(j *handover.Journal) {
		j.Plan.Undo = append(j.Plan.Undo, handover.Step{ID: "x", Do: []handover.Action{{Verb: handover.Suspend, Ref: wiringRef}}})
	}},
	"no operator":            {"health-operator", "an operator has 1 to", put(handover.StepUnbreak, `{"spec":{"replicas":0}}`)},
	"a thousand operators":   {"health-operator", "an operator has 1 to", put(handover.StepUnbreak, `{"spec":{"replicas":1000}}`)},
	"a paused operator":      {"health-rollout", "would stay paused", put(handover.StepUnbreak, `{"spec":{"paused":true}}`)},
	"an image beside":        {"health-rollout", "which this drill does not", put(handover.StepUnbreak, `{"spec":{"paused":null,"template":{"spec":{"hostPID":true}}}}`)},
	"no strategy":            {"health-agent", "no update strategy", put(handover.StepUnshield, `{"spec":{"updateStrategy":{"type":"Recreate"}}}`)},
	"a template as strategy": {"health-agent", "no update strategy", put(handover.StepUnshield, `{"spec":{"updateStrategy":{"type":"OnDelete","x":{}}}}`)},
	"a label that is none":   {"drift-child", "no value of a label", put(handover.StepUnbreak, `{"metadata":{"labels":{"app.kubernetes.io/name":"a b"}}}`)},
	"a file outside":         {"git-change", "in ../../.ssh/config", func(j *handover.Journal) { j.Plan.Undo[0].Do[0].File = "../../.ssh/config" }},
	"another file":           {"git-change", "in apps/shop.yaml", func(j *handover.Journal) { j.Plan.Undo[0].Do[0].File = "apps/shop.yaml" }},
	"another label": {"git-change", "would commit", func(j *handover.Journal) {
		j.Plan.Undo[0].Do[0].Change = json.RawMessage(`{"metadata":{"labels":{"owner":"mallory"}}}`)
	}},
	"another template is forgotten": {"health-agent", "would forget", func(j *handover.Journal) {
		s := j.Plan.Step(handover.StepOwners)
		s.Do[len(s.Do)-1].Change = json.RawMessage(`{}`)
	}},
	"owners of another object":    {"drift-object", "it keeps what ClusterRoleBinding", func(j *handover.Journal) { j.Before = []handover.BeforeImage{{Ref: bindingRef}} }},
	"a mark that is none":         {"drift-object", "none that a drill sets", func(j *handover.Journal) { j.Plan.Drill.Value = `x"}}` }},
	"no plan":                     {"stable", "has no plan", func(j *handover.Journal) { j.Plan = nil }},
	"a plan of no drill":          {"stable", "has no plan", func(j *handover.Journal) { j.Plan.Drill = nil }},
	"a drill that there is not":   {"stable", "there is no such run", func(j *handover.Journal) { j.Name = "drill x" }},
	"a baseline that has nothing": {"drift-object", "no guard would see", func(j *handover.Journal) { j.Base.Pods = nil }},
}

func put(step, change string) func(*handover.Journal) {
	return func(j *handover.Journal) { j.Plan.Step(step).Do[0].Change = json.RawMessage(change) }
}

// TestFinding_H10_Drill: a drill is undone by what it is, not by what its journal says; what this drill does not do is
// refused by its name.
func TestFinding_H10_Drill(t *testing.T) {
	for name, row := range forgedDrill {
		d, _ := handover.DrillNamed(row.drill)
		g := seen(t, d)
		g.fault = func(_ int, what string) fault {
			if j := journal(t, g.model); what == "save" && j != nil && j.Step(handover.StepSee) != nil && !j.Step(handover.StepSee).Began.IsZero() {
				return killAfter
			}
			return none
		}
		_ = g.drill(t, d)
		g.killed, g.fault = false, nil
		j := journal(t, g.model)
		in := g.drillInput(t)
		if p, err := handover.UndoDrill(in.Facts, j, in.File); err != nil || len(p.Undo) != len(j.Plan.Undo) {
			t.Errorf("%s, unforged: %v", name, err)
		}
		row.forge(j)
		_, err := handover.UndoDrill(in.Facts, j, in.File)
		isForeign(t, name, err, row.want)
	}
}

// TestFinding_H10_DrillShowsNothingByItsJournal: that a drill has shown what it is for is nothing that a journal can say.
func TestFinding_H10_DrillShowsNothingByItsJournal(t *testing.T) {
	d, _ := handover.DrillNamed("drift-object")
	g := seen(t, d)
	g.fault = func(_ int, what string) fault {
		if what == "reconcile Kustomization" {
			return killAfter
		}
		return none
	}
	_ = g.drill(t, d)
	g.killed, g.fault = false, nil
	j := journal(t, g.model)
	j.Phase, j.Result = handover.Undoing, &facts.DrillResult{Outcome: facts.DrillShown, Text: "mallory"}
	_ = g.undo(t, j, false)
	if kept, there := g.facts().Live.HelmReleases[0].Drills[d.Name]; there && kept.Outcome == facts.DrillShown {
		t.Errorf("kept: %+v", kept)
	}
}

// forgedRun is a row for each thing that is put into a handover's journal.
var forgedRun = map[string]struct {
	want  string
	forge func(*handover.Journal)
}{
	"something else is let go": {"would resume CronJob", func(j *handover.Journal) {
		j.Frozen = []handover.Ref{{APIVersion: "batch/v1", Kind: "CronJob", Namespace: "apps", Name: "billing"}}
	}},
	"another Kustomization is let go": {"would resume Kustomization/flux-system/apps", func(j *handover.Journal) {
		ref := wiringRef
		ref.Name = "apps"
		j.Frozen = []handover.Ref{ref}
	}},
	"fields of another object":   {"would hand the fields of ClusterRoleBinding", func(j *handover.Journal) { j.Objects = append(j.Objects, bindingRef) }},
	"it has made another":        {"it keeps what GitRepository/flux-system/flux-system was", func(j *handover.Journal) { j.Before = append(j.Before, handover.BeforeImage{Ref: clusterRef}) }},
	"no proof":                   {"its step proof is missing", without(handover.StepProof)},
	"no preflight":               {"its step preflight is missing", without(handover.StepPreflight)},
	"no source":                  {"its step source is missing", without(handover.StepSource)},
	"adoption before the hold":   {"not in its place", func(j *handover.Journal) { slices.Reverse(j.Steps) }},
	"the baseline has no pod":    {"no guard would see", func(j *handover.Journal) { j.Base.Pods = nil }},
	"a name that is a command":   {"there is no such run", func(j *handover.Journal) { j.Name = "cleanup --yes" }},
	"a backup that is anybody's": {"in no folder of run", func(j *handover.Journal) { j.Backup = "/tmp/x" }},
}

func without(id string) func(*handover.Journal) {
	return func(j *handover.Journal) {
		j.Steps = slices.DeleteFunc(j.Steps, func(s handover.StepRecord) bool { return s.ID == id })
	}
}

// stoppedAt is a cluster whose run was killed at that request, and its journal.
func stoppedAt(t *testing.T, request string) (*model, *handover.Journal) {
	t.Helper()
	m := newModel(t)
	m.fault = func(_ int, what string) fault {
		if what == request {
			return killAfter
		}
		return none
	}
	if err := m.run(t); err == nil {
		t.Fatal("it did not stop")
	}
	m.killed, m.fault = false, nil
	return m, journal(t, m)
}

// TestFinding_H10_Run: a run is gone on with only by a journal that a handover of this tree writes.
func TestFinding_H10_Run(t *testing.T) {
	for name, row := range forgedRun {
		m, j := stoppedAt(t, "resume HelmRelease")
		if err := j.Bound(m.input()); err != nil {
			t.Fatalf("unforged: %v", err)
		}
		row.forge(j)
		isForeign(t, name, j.Bound(m.input()), row.want)
	}
	m, j := stoppedAt(t, "resume HelmRelease")
	j.Accepted = []string{"DaemonSet/kube-system/cilium"}
	if err := j.Bound(m.input()); err == nil || !strings.Contains(err.Error(), "--allow-restart DaemonSet/cilium") {
		t.Errorf("accepted by the journal alone: %v", err)
	}
}

// TestFinding_H10_ProgressIsTheClusters: that the adoption has begun is believed only where the cluster says so, and proof
// and soak are never believed.
func TestFinding_H10_ProgressIsTheClusters(t *testing.T) {
	m, j := stoppedAt(t, "suspend HelmRelease")
	for i := range j.Steps {
		j.Steps[i].Began, j.Steps[i].Ended, j.Steps[i].Begun = m.now, m.now, max(1, j.Steps[i].Taken)
	}
	in := m.input()
	in.Facts.Seen = append(slices.Clone(in.Facts.Seen), facts.HelmReleases, facts.Releases)
	if err := j.Bound(in); err != nil {
		t.Fatal(err)
	}
	if j.Adopting() || !j.Step(handover.StepHold).Ended.IsZero() {
		t.Errorf("adopting %t, hold ended at %s", j.Adopting(), j.Step(handover.StepHold).Ended)
	}
	m = finished(t)
	j = journal(t, m)
	j.Phase = handover.Running
	if err := j.Bound(m.input()); err != nil || !j.Adopting() {
		t.Fatalf("%v, adopting %t", err, j.Adopting())
	}
	for _, id := range []string{handover.StepProof, handover.StepSoak} {
		if !j.Step(id).Ended.IsZero() {
			t.Errorf("step %s is believed to have ended", id)
		}
	}
}

// TestFinding_H10_SavedPlan: the digest of a plan in a file is that of its steps.
func TestFinding_H10_SavedPlan(t *testing.T) {
	p := handover.Make(newModel(t).input())
	if p.Sealed() != p.Digest {
		t.Fatal("a plan's digest is not that of its steps")
	}
	p.Steps[3].Do[0].Ref = bindingRef
	if p.Sealed() == p.Digest {
		t.Error("a plan that was changed has the digest of the one before")
	}
}
