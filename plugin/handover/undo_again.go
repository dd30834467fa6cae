package handover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// UndoAgain plans what is left of a rollback that did not come to its end: by what the cluster says now, as UndoHandover
// does. The plan in the journal is never carried out: it is looked at, and a *Foreign is the error where it holds what no
// rollback would do. What was accepted by name has to be accepted again.
func UndoAgain(in RollbackInput, j *Journal) (*Plan, error) {
	if err := j.Sound(); err != nil {
		return nil, err
	}
	if err := j.based(in.Facts); err != nil {
		return nil, err
	}
	if j.Plan != nil {
		for _, s := range slices.Concat(j.Plan.Steps, j.Plan.Undo) {
			for _, a := range s.Do {
				if why := strangeUndo(in.Facts, a); why != "" {
					return nil, j.foreign("step %s of its plan would %s: %s", s.ID, a.words(), why)
				}
			}
		}
	}
	if len(j.Frozen) > 0 {
		return nil, j.foreign("it would resume %s: no rollback suspends what it lets go later", j.Frozen[0])
	}
	in.Journal = j
	p := UndoHandover(in)
	return p, p.acceptAgain(in.Allow, j)
}

// acceptAgain keeps what a run had accepted, where the user accepts it now, too: nobody else's word does. Contents of
// ConfigMaps are what going back is for.
func (p *Plan) acceptAgain(allow []string, j *Journal) error {
	in := Input{Allow: allow}
	for _, name := range j.Accepted {
		kind, rest, _ := strings.Cut(name, "/")
		namespace, object, _ := strings.Cut(rest, "/")
		ref := Ref{Kind: kind, Namespace: namespace, Name: object}
		switch {
		case slices.Contains(p.Accepted, name):
		case in.allowed(ref), p.Name == RollbackName && kind == "ConfigMap":
			p.Accepted = append(p.Accepted, name)
		default:
			flag := "--allow-restart"
			if p.Name == RollbackName {
				flag = "--allow"
			}
			return fmt.Errorf("go on with run %s: it had accepted what becomes of %s; say so again, or it is guarded: %s %s/%s", j.Run, name, flag, kind, object)
		}
	}
	return nil
}

// strangeUndo says why no rollback takes an action; empty where one may.
func strangeUndo(f facts.Facts, a Action) string {
	names := f.Expect
	is := func(kind, namespace, name string) bool {
		return a.Ref.Kind == kind && a.Ref.Namespace == namespace && a.Ref.Name == name
	}
	switch a.Verb {
	case Suspend, Resume, Release, Reconcile:
		if !strings.HasSuffix(strings.Split(a.Ref.APIVersion, "/")[0], ".toolkit.fluxcd.io") {
			return "a rollback does that to objects of Flux alone"
		}
		if a.Ref.Kind == "HelmRelease" && !is("HelmRelease", names.Flux.HelmReleaseNamespace, names.Flux.HelmRelease) {
			return "Cilium's HelmRelease is " + names.Flux.HelmReleaseNamespace + "/" + names.Flux.HelmRelease
		}
		if a.Verb == Release && a.Ref.Kind == "Kustomization" && !is("Kustomization", names.Flux.Namespace, names.Flux.Kustomization) {
			return "Cilium's Kustomization is " + names.Flux.Namespace + "/" + names.Flux.Kustomization
		}
		for _, s := range f.Live.Sources {
			if is(s.Kind, s.Namespace, s.Name) {
				if by := needed(f, heldRelease(f), s); by != "" {
					return by + " uses it"
				}
			}
		}
		return ""
	case HelmRollback:
		if !is("Secret", names.Cilium.Namespace, names.Cilium.Release) {
			return "Cilium's release is " + names.Cilium.Namespace + "/" + names.Cilium.Release
		}
		return ""
	case Date:
		if !is("ConfigMap", names.Cilium.Namespace, "cilium-config") {
			return "a rollback dates cilium-config alone"
		}
		return ""
	case HandFields, Disown:
		if a.From != HelmController || a.Manager != HelmCLI {
			return fmt.Sprintf("a rollback hands fields from %s to %s", HelmController, HelmCLI)
		}
		return ""
	}
	return "no action of a rollback does that"
}

// resumed tells whether what is planned is the rest of a rollback.
func (r *rollback) resumed() bool {
	j := r.in.Journal
	return j != nil && j.Name == RollbackName && j.Unfinished()
}

// died tells the record of Helm's own that a rollback which is gone on with has left half-way: nobody else works on it,
// since the lock is ours.
func (r *rollback) died(record facts.Record) bool {
	return record.Status == "pending-rollback" && r.wentBack()
}

// wentBack tells whether the rollback that is gone on with may have had Helm go back.
func (r *rollback) wentBack() bool {
	if !r.resumed() {
		return false
	}
	s := r.in.Journal.Step(StepHelm)
	return s != nil && s.Begun > 0
}

// rest are the steps after Helm has gone back, where the rollback that went back did not come to them.
func (r *rollback) rest() []Step {
	rendered := r.in.Rendered
	if !r.wentBack() || rendered == nil || len(rendered.After) == 0 {
		return nil
	}
	dated := r.helm(rendered.To)
	dated.Do, dated.Until = dated.Do[1:], nil
	if rendered.Method != facts.ServerSide {
		return []Step{dated}
	}
	return []Step{dated, r.owner()}
}

// GoOnUndo is the journal of a rollback that goes on by that plan. How far it had got is forgotten: each action may be
// taken again, and what is done already is done at once. What was there before it is kept; the baseline is taken anew where
// Helm has not gone back, so that no pod can be another by what the rollback did.
func (r *Runner) GoOnUndo(p *Plan, j *Journal) *Journal {
	n := r.Begin(p, j.Run)
	n.Cluster, n.Began, n.Base, n.Backup, n.Method, n.Streams = j.Cluster, j.Began, j.Base, j.Backup, j.Method, j.Streams
	n.Before, n.Seen = slices.Clone(j.Before), slices.Clone(j.Seen)
	n.Origin, n.Owed = slices.Clone(j.origin()), j.owed()
	if was, is := j.Step(StepHelm), n.Step(StepHelm); was != nil && is != nil && was.Begun > 0 {
		is.Begun = 1 // what was accepted may have come about
	}
	if s := j.Step(StepHelm); s != nil && s.Begun == 0 {
		n.Base = nil
	}
	return n
}
