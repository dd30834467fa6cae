package handover

import (
	"fmt"
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// backGuards may fail for a moment. That Helm's newest record is Flux's is what a rollback ends.
var backGuards = []check.ID{"CG402", "CG404"}

// lay puts the steps together. Helm goes back before anything of Flux's is removed: what is deleted waits for its controller,
// and a way back must not wait with it.
func (r *rollback) lay() {
	p := r.p
	p.Steps = append(p.Steps,
		Step{ID: StepPreflight, Title: "preflight", Before: []Want{SameWorld}, Within: time.Minute},
		Step{ID: StepBackup, Title: "baseline and backup", Within: slack},
		r.letGo(),
	)
	to, _ := r.back()
	if to > 0 {
		p.Steps = append(p.Steps, r.helm(to))
		if r.in.Rendered.Method == facts.ServerSide {
			p.Steps = append(p.Steps, r.owner())
		}
	} else {
		p.Steps = append(p.Steps, r.rest()...)
	}
	p.Steps = append(p.Steps, Step{
		ID: StepProof, Title: "proof", Settle: workloads(r.in.Facts), Until: p.again(LetGo), Guard: hardGuards, Patient: backGuards,
		Rolls: p.Accepted, Within: p.patience(),
	})
	p.Steps = append(p.Steps, r.remove()...)
	if s := r.giveBack(); len(s.Do) > 0 {
		p.Steps = append(p.Steps, s)
	}
	p.seal()
	seen := Input{Facts: r.in.Facts}
	seen.Facts.Rendered = r.in.Rendered
	p.Touches = p.touches(&seen)
	if to > 0 {
		r.touchRecords()
	}
}

// letGo suspends what applies the HelmRelease, then the HelmRelease, and waits until nobody works on the release.
func (r *rollback) letGo() Step {
	s := Step{ID: StepLetGo, Title: "let go", Until: []Want{LetGo}, Guard: hardGuards, Within: 5 * time.Minute}
	if r.ks != nil {
		s.Do = append(s.Do, Action{Verb: Suspend, Ref: r.kustomization(), Manager: FluxCLI, Why: "it would apply the HelmRelease again"})
	}
	if r.hr != nil {
		s.Do = append(s.Do, Action{Verb: Suspend, Ref: r.release(), Manager: FluxCLI, Why: "a HelmRelease that is deleted while it is active uninstalls Cilium"})
	}
	return s
}

func (r *rollback) kustomization() Ref {
	return Ref{APIVersion: or(r.ks.APIVersion, "kustomize.toolkit.fluxcd.io/v1"), Kind: "Kustomization", Namespace: r.ks.Namespace, Name: r.ks.Name}
}

func (r *rollback) release() Ref {
	return Ref{APIVersion: or(r.hr.APIVersion, "helm.toolkit.fluxcd.io/v2"), Kind: "HelmRelease", Namespace: r.hr.Namespace, Name: r.hr.Name}
}

// remove deletes what is suspended, once its controllers have answered: what is deleted while they are away stays, and
// whoever resumes it then has Flux uninstall Cilium.
func (r *rollback) remove() []Step {
	do := r.removals()
	if len(do) == 0 {
		return nil
	}
	ask := Step{ID: StepAsk, Title: "ask the controllers", Until: []Want{Answered}, Guard: hardGuards, Within: slack}
	gone := Step{ID: StepRemove, Title: "remove", Do: do, Until: []Want{Gone}, Guard: hardGuards, Within: slack}
	suspended := true
	for _, a := range do {
		switch {
		case a.Ref.Kind == "Kustomization" && !r.ks.Deleting, a.Ref.Kind == "HelmRelease" && !r.hr.Deleting:
			ask.Do = append(ask.Do, Action{Verb: Reconcile, Ref: a.Ref, Manager: FluxCLI, Suspended: &suspended, Why: "suspended: it only answers"})
		}
	}
	if r.goes() { // a request is looked at when the health checks are over that are under way
		ask.Within += healthTimeout(r.ks)
		gone.Within += healthTimeout(r.ks)
	}
	if len(ask.Do) == 0 {
		return []Step{gone}
	}
	return []Step{ask, gone}
}

// giveBack lets go what the handover had suspended of others when it stopped. The HelmRelease stays suspended meanwhile.
func (r *rollback) giveBack() Step {
	s := Step{ID: StepReturn, Title: "give back", Guard: hardGuards, Within: slack}
	for _, ref := range r.returned() {
		s.Do = append(s.Do, Action{Verb: Resume, Ref: ref, Manager: FluxCLI, Why: "the handover had suspended it when it stopped"})
	}
	return s
}

// wiredBy is the Kustomization that brings Cilium's objects back from Git, "namespace/name": it is active, or is given back
// active. Empty where there is none.
func (r *rollback) wiredBy() string {
	by := r.appliedBy()
	if by == nil || by.Suspend && !slices.Contains(r.returned(), kustomizationRefOf(by)) {
		return ""
	}
	return by.ID()
}

// appliedBy is the Kustomization that applies the HelmRelease, or, where that is Cilium's own, the one that applies this.
func (r *rollback) appliedBy() *facts.FluxKustomization {
	if by := applier(r.in.Facts, r.hr); by != nil && (r.ks == nil || by.ID() != r.ks.ID()) {
		return by
	}
	if r.ks == nil || r.ks.By == r.ks.ID() {
		return nil
	}
	return byID(r.in.Facts, r.ks.By)
}

// helm has Helm go back.
func (r *rollback) helm(to int) Step {
	names := r.in.Facts.Expect.Cilium
	record := Ref{APIVersion: "v1", Kind: "Secret", Namespace: names.Namespace, Name: names.Release}
	return Step{
		ID: StepHelm, Title: "helm", Until: []Want{BackOnHelm}, Guard: hardGuards, Patient: backGuards, Rolls: r.p.Accepted, Within: 10 * time.Minute,
		Do: []Action{{
			Verb: HelmRollback, Ref: record, To: to, Manager: HelmCLI, Objects: refs(r.in.Rendered.After),
			Why: fmt.Sprintf("the contents of revision %d, as a new one", to),
		}, {
			Verb: Date, Ref: Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: names.Namespace, Name: "cilium-config"}, Manager: HelmCLI,
			Same: check.SameWhenEmpty(), Why: "agents have read what it says",
		}},
	}
}

// owner gives the fields back to Helm, and takes away what Flux alone has added: its labels.
func (r *rollback) owner() Step {
	objects := refs(r.in.Rendered.After)
	return Step{
		ID: StepOwner, Title: "owner", Until: []Want{OneOwner}, Guard: hardGuards, Patient: backGuards, Rolls: r.p.Accepted, Within: slack,
		Do: []Action{
			{Verb: HandFields, From: HelmController, Manager: HelmCLI, Objects: objects, Why: "Helm manages the release again"},
			{Verb: Disown, From: HelmController, Manager: HelmCLI, Objects: objects, Why: "what Flux alone had added goes"},
		},
	}
}

func refs(objects []facts.Object) []Ref {
	all := make([]Ref, 0, len(objects))
	for _, o := range objects {
		all = append(all, Ref{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name})
	}
	return all
}

// touchRecords adds what Helm writes besides: its records, and the objects that only the newer manifest has.
func (r *rollback) touchRecords() {
	after := refs(r.in.Rendered.After)
	for _, o := range refs(r.in.Rendered.Before) {
		if !slices.Contains(after, o) {
			r.p.Touches = append(r.p.Touches, Touch{Ref: o, Verbs: []string{"delete"}, As: []string{HelmCLI}})
		}
	}
	names := r.in.Facts.Expect.Cilium
	for _, n := range []int{r.p.World.Revision, r.p.World.Revision + 1} {
		r.p.Touches = append(r.p.Touches, Touch{
			Ref:   Ref{APIVersion: "v1", Kind: "Secret", Namespace: names.Namespace, Name: fmt.Sprintf("sh.helm.release.v1.%s.v%d", names.Release, n)},
			Verbs: []string{"create", "update"}, As: []string{HelmCLI},
		})
	}
}

// note says what Git has to get, and what the user should know.
func (r *rollback) note() {
	r.removals() // what stays is noted by the way
	p, by := r.p, r.appliedBy()
	p.Notes = append(append(p.Notes, r.deletingNotes()...), r.kept...)
	object := "the HelmRelease"
	if r.ks != nil {
		object = "Kustomization " + r.ks.ID()
	}
	place := func() string { return or(by.Path, "its path") }
	switch {
	case r.wiredBy() != "" && r.target() != ToHold:
		p.Notes = append(p.Notes,
			fmt.Sprintf("Kustomization %s applies this from Git: Flux's objects stay, suspended, and do nothing.", by.ID()),
			fmt.Sprintf("A wired Git brings the handover back: take %s out of it (%s), then go on: flux handover rollback.", object, place()))
	case by != nil && by.Suspend:
		p.Notes = append(p.Notes, fmt.Sprintf(
			"Resumed, Kustomization %s brings this handover back: take %s out of Git first (%s).", by.ID(), object, place()))
	case r.target() != ToHold && !p.Done:
		p.Notes = append(p.Notes, "A tree with the HelmRelease in it hands Cilium over again when Flux gets it: take it out, or do not push it.")
	}
	if record, found := newest(r.in.Facts); found && p.Strategy == TakeOver {
		p.Notes = append(p.Notes, fmt.Sprintf("Helm had no record before the handover. Its record %s stays: a helm uninstall of it would remove Cilium.", record.Secret))
	}
}
