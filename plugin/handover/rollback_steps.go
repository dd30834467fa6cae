package handover

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// backGuards may fail for a moment. That Helm's newest record is Flux's is what a rollback ends.
var backGuards = []check.ID{"CG402", "CG404"}

// lay puts the steps together.
func (r *rollback) lay() {
	p := r.p
	p.Steps = append(p.Steps,
		Step{ID: StepPreflight, Title: "preflight", Before: []Want{SameWorld}, Within: time.Minute},
		Step{ID: StepBackup, Title: "baseline and backup", Within: slack},
		r.letGo(),
	)
	if s := r.remove(); len(s.Do) > 0 {
		p.Steps = append(p.Steps, s)
	}
	to, _ := r.back()
	if to > 0 {
		p.Steps = append(p.Steps, r.helm(to))
		if r.in.Rendered.Method == facts.ServerSide {
			p.Steps = append(p.Steps, r.owner())
		}
	} else {
		p.Steps = append(p.Steps, r.rest()...)
	}
	until := []Want{LetGo}
	if p.Step(StepRemove) != nil {
		until = []Want{Gone}
	}
	p.Steps = append(p.Steps, Step{
		ID: StepProof, Title: "proof", Settle: workloads(r.in.Facts), Until: p.again(until...), Guard: hardGuards, Patient: backGuards,
		Rolls: p.Accepted, Within: p.patience(),
	})
	p.seal()
	p.Touches = p.touches(&Input{Facts: r.in.Facts})
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

// remove deletes what is suspended, unless Git brings it back: what comes back is not suspended any more.
func (r *rollback) remove() Step {
	s := Step{ID: StepRemove, Title: "remove", Until: []Want{Gone}, Guard: hardGuards, Within: 2 * time.Minute}
	if r.target() == ToHold || r.wiredBy() != "" {
		return s
	}
	if r.ks != nil {
		s.Do = append(s.Do, Action{Verb: Release, Ref: r.kustomization(), Why: "suspended: it prunes nothing"})
		s.Within += healthTimeout(r.ks) // a deletion is looked at when the health checks are over that are under way
	}
	if r.hr != nil {
		s.Do = append(s.Do, Action{Verb: Release, Ref: r.release(), Why: "suspended: it uninstalls nothing"})
	}
	if r.target() == ToBootstrap {
		for _, ref := range r.sources() {
			s.Do = append(s.Do,
				Action{Verb: Suspend, Ref: ref, Manager: FluxCLI, Why: "only what is suspended is removed"},
				Action{Verb: Release, Ref: ref, Why: "the handover brought it"})
		}
	}
	return s
}

// sources are what Flux fetches the chart by, where the handover brought it: what the run made, what Cilium's own
// Kustomization has applied, though it may have gone meanwhile, and what helm-controller makes of a HelmRelease and
// leaves behind.
func (r *rollback) sources() []Ref {
	var all []Ref
	names := r.in.Facts.Expect.Flux
	for _, s := range r.in.Facts.Live.Sources {
		ref := Ref{APIVersion: or(s.APIVersion, "source.toolkit.fluxcd.io/v1"), Kind: s.Kind, Namespace: s.Namespace, Name: s.Name}
		mine := s.By == names.Namespace+"/"+names.Kustomization || r.chartOf(s)
		if j := r.in.Journal; j != nil {
			mine = mine || slices.ContainsFunc(j.Before, func(b BeforeImage) bool {
				return !b.Existed && b.Ref.Kind == ref.Kind && b.Ref.Namespace == ref.Namespace && b.Ref.Name == ref.Name
			})
		}
		if mine && needed(r.in.Facts, r.hr, s) == "" {
			all = append(all, ref)
		}
	}
	return all
}

// chartOf tells the HelmChart that helm-controller makes of the HelmRelease, beside its source.
func (r *rollback) chartOf(s facts.Source) bool {
	if r.hr == nil || s.Kind != "HelmChart" {
		return false
	}
	parts := strings.Split(r.hr.Source, "/")
	return len(parts) == 3 && s.Namespace == parts[1] && s.Name == r.hr.Namespace+"-"+r.hr.Name
}

// wiredBy is the active Kustomization that brings Cilium's objects back from Git, "namespace/name"; empty where there
// is none.
func (r *rollback) wiredBy() string {
	by := r.appliedBy()
	if by == nil || by.Suspend {
		return ""
	}
	return by.ID()
}

// appliedBy is the Kustomization that applies Cilium's, or the HelmRelease where Cilium has none of its own.
func (r *rollback) appliedBy() *facts.FluxKustomization {
	by := ""
	switch {
	case r.ks != nil:
		by = r.ks.By
	case r.hr != nil:
		by = r.hr.Labels["kustomize.toolkit.fluxcd.io/namespace"] + "/" + r.hr.Labels["kustomize.toolkit.fluxcd.io/name"]
	}
	namespace, name, _ := strings.Cut(by, "/")
	found := liveKustomization(r.in.Facts, Ref{Namespace: namespace, Name: name})
	if found == nil || r.ks != nil && found.ID() == r.ks.ID() {
		return nil
	}
	return found
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
	p, by := r.p, r.appliedBy()
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
