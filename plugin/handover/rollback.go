package handover

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// How far a rollback goes: the last thing of a handover that stays.
const (
	ToBootstrap = "bootstrap" // nothing stays
	ToSource    = StepSource  // the chart's source stays
	ToHold      = StepHold    // the HelmRelease stays, suspended
)

// RollbackTargets are all of them, the farthest first.
func RollbackTargets() []string { return []string{ToBootstrap, ToSource, ToHold} }

// The steps of a rollback.
const (
	StepLetGo  = "let-go"
	StepRemove = "remove"
	StepHelm   = "helm"
	StepOwner  = "owner"
)

// The refusals of a rollback.
const (
	refusedNothing  = "HP501"
	refusedDeleting = "HP502"
	refusedPending  = "HP503"
	refusedRestart  = "HP504"
)

// RollbackInput is what a rollback is planned from.
type RollbackInput struct {
	Facts   facts.Facts // with what RollbackParts names
	Journal *Journal    // of the run that is undone; nil where there is none
	To      string      // one of RollbackTargets; empty: the bootstrap
	// Rendered is the release's newest manifest and the one that would be gone back to, as Session.Back has it; nil
	// where there is nothing to go back to.
	Rendered   *facts.Rendered
	Unrendered string // why not
	Allow      []string
}

// RollbackParts are what a rollback has to know.
func RollbackParts() []facts.Part { return BaseParts() }

// UndoHandover plans to undo a handover: Flux's objects suspended, and seen to be; removed, where Git does not bring them back,
// without prune and without uninstall; and Helm's release back to what the bootstrap had. It touches nothing.
func UndoHandover(in RollbackInput) *Plan {
	f := in.Facts
	p := &Plan{
		Name: RollbackName, Cluster: f.Cluster, Context: f.Context, Server: f.Server, UID: f.Live.UID, Strategy: Adopt,
		Weighed: []Weighed{}, Refusals: []Refusal{}, Steps: []Step{},
	}
	r := rollback{in: in, p: p, hr: heldRelease(f), ks: rollbackWiring(f)}
	p.World = State{Nodes: len(f.Live.Nodes), Version: f.Live.Version, Pods: podsDigest(f)}
	if record, ok := newest(f); ok {
		p.World.Revision, p.World.Status = record.Revision, record.Status
	}
	r.refuse()
	r.lay()
	p.Ready = len(p.Refusals) == 0
	return p
}

type rollback struct {
	in RollbackInput
	p  *Plan
	hr *facts.HelmRelease
	ks *facts.FluxKustomization
}

// rollbackWiring is the Kustomization that applies the HelmRelease, else the one of the fleet's name.
func rollbackWiring(f facts.Facts) *facts.FluxKustomization {
	namespace, name := f.Expect.Flux.Namespace, f.Expect.Flux.Kustomization
	if hr := heldRelease(f); hr != nil && hr.Labels["kustomize.toolkit.fluxcd.io/name"] != "" {
		namespace, name = hr.Labels["kustomize.toolkit.fluxcd.io/namespace"], hr.Labels["kustomize.toolkit.fluxcd.io/name"]
	}
	return liveKustomization(f, Ref{Namespace: namespace, Name: name})
}

// target is how far back it goes, the bootstrap where nothing was said.
func (r *rollback) target() string { return or(r.in.To, ToBootstrap) }

// back is the revision of Helm's that is gone back to; 0: Helm's release stays as it is.
func (r *rollback) back() int {
	j := r.in.Journal
	record, found := newest(r.in.Facts)
	if j == nil || !found || j.Revision == 0 || record.Revision <= j.Revision {
		return 0
	}
	if r.hr != nil && len(r.hr.History) > 0 && int64(record.Revision) > r.hr.History[0].Version {
		return 0 // Helm has gone on since, by whoever
	}
	return j.Revision
}

func (r *rollback) refuse() {
	f := r.in.Facts
	if r.hr == nil && r.ks == nil && r.back() == 0 && !r.in.Journal.Unfinished() {
		r.p.own(refusedNothing, false, []check.Evidence{{Where: "HelmRelease", Got: "not found"}})
	}
	if r.hr != nil && r.hr.Deleting && !r.hr.Suspend {
		r.p.own(refusedDeleting, false, []check.Evidence{{Where: "HelmRelease/" + r.hr.ID(), Got: "deleting", Want: "suspended"}})
	}
	if record, ok := newest(f); ok && record.Status != "deployed" && record.Status != "superseded" && record.Status != "failed" && (r.hr == nil || r.hr.Suspend) {
		r.p.own(refusedPending, false, []check.Evidence{{Where: "Helm release", Got: record.Secret + " " + record.Status, Want: "deployed"}})
	}
	var dark []check.Evidence
	for _, part := range RollbackParts() {
		if !known(f, part) {
			dark = append(dark, check.Evidence{Where: string(part), Got: or(f.Blind[part], "not looked at")})
		}
	}
	if r.back() > 0 {
		dark = append(dark, r.judgeImpact()...)
	}
	if len(dark) > 0 {
		r.p.own(refusedUnknown, true, dark)
	}
}

// judgeImpact refuses where going back costs more than labels, and says what could not be known.
func (r *rollback) judgeImpact() []check.Evidence {
	f := r.in.Facts
	rendered := r.in.Rendered
	if rendered == nil {
		return []check.Evidence{{Where: "impact", Got: or(r.in.Unrendered, "the bootstrap's manifest could not be read")}}
	}
	changes := impact.Of(f, rendered)
	r.p.Impact = Impact{Summary: impact.Sum(f, rendered, changes), Changes: changes, Unknown: rendered.Unknown}
	allow := Input{Allow: r.in.Allow}
	var evidence []check.Evidence
	for _, c := range changes {
		if (c.Restarts > 0 || c.Lost > 0 || c.Effect == impact.Delete) && !allow.allowed(c.Ref) {
			evidence = append(evidence, check.Evidence{Where: c.Ref.String(), Got: string(c.Effect), Want: c.Why})
		}
	}
	if len(evidence) > 0 {
		r.p.own(refusedRestart, false, evidence)
	}
	var dark []check.Evidence
	for _, what := range rendered.Unknown {
		dark = append(dark, check.Evidence{Where: "impact", Got: what})
	}
	return dark
}

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
	if to := r.back(); to > 0 {
		release := Ref{APIVersion: "v1", Kind: "Secret", Namespace: r.in.Facts.Expect.Cilium.Namespace, Name: r.in.Facts.Expect.Cilium.Release}
		p.Steps = append(p.Steps, Step{
			ID: StepHelm, Title: "helm", Until: []Want{BackOnHelm}, Guard: hardGuards, Patient: []check.ID{"CG402", "CG404"}, Within: 10 * time.Minute,
			Do: []Action{{Verb: HelmRollback, Ref: release, To: to, Manager: HelmCLI, Why: fmt.Sprintf("the contents of revision %d", to)}},
		})
		if r.in.Rendered != nil && r.in.Rendered.Method == facts.ServerSide {
			p.Steps = append(p.Steps, r.owner())
		}
	}
	p.Steps = append(p.Steps, Step{
		ID: StepProof, Title: "proof", Settle: workloads(r.in.Facts), Until: []Want{LetGo}, Guard: hardGuards,
		Patient: []check.ID{"CG402", "CG404"}, Within: 3 * time.Minute,
	})
	p.seal()
	p.Touches = p.touches(&Input{Facts: r.in.Facts})
}

// letGo suspends what applies the HelmRelease, then the HelmRelease, and waits until nobody works on the release.
func (r *rollback) letGo() Step {
	s := Step{ID: StepLetGo, Title: "let go", Until: []Want{LetGo}, Within: 5 * time.Minute}
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
	if r.target() == ToHold {
		return s
	}
	if parent := r.wiredBy(); parent != "" {
		r.p.Notes = append(r.p.Notes, fmt.Sprintf(
			"Kustomization %s applies this handover from Git: Flux's objects stay, suspended. Take Kustomization %s out of Git, then go on: flux handover rollback.", parent, r.ks.ID()))
		return s
	}
	if r.ks != nil {
		s.Do = append(s.Do, Action{Verb: Release, Ref: r.kustomization(), Why: "suspended: it prunes nothing"})
	}
	if r.hr != nil {
		s.Do = append(s.Do, Action{Verb: Release, Ref: r.release(), Why: "suspended: it uninstalls nothing"})
	}
	if r.target() == ToBootstrap {
		s.Do = append(s.Do, r.removeSource()...)
	}
	return s
}

// removeSource is how the chart's source goes, where the run made it.
func (r *rollback) removeSource() []Action {
	if r.in.Journal == nil {
		return nil
	}
	var all []Action
	for _, b := range r.in.Journal.Before {
		there := slices.ContainsFunc(r.in.Facts.Live.Sources, func(s facts.Source) bool {
			return s.Kind == b.Ref.Kind && s.Namespace == b.Ref.Namespace && s.Name == b.Ref.Name
		})
		if there && !b.Existed {
			all = append(all, Action{Verb: Suspend, Ref: b.Ref, Manager: FluxCLI, Why: "the run made it"}, Action{Verb: Release, Ref: b.Ref, Why: "the run made it"})
		}
	}
	return all
}

// wiredBy is the active Kustomization that applies the one of Cilium's, "namespace/name"; empty where there is none.
func (r *rollback) wiredBy() string {
	if r.ks == nil {
		return ""
	}
	namespace, name, _ := strings.Cut(r.ks.By, "/")
	parent := liveKustomization(r.in.Facts, Ref{Namespace: namespace, Name: name})
	if parent == nil || parent.Suspend || parent.ID() == r.ks.ID() {
		return ""
	}
	return parent.ID()
}

// owner gives the fields back to Helm.
func (r *rollback) owner() Step {
	var objects []Ref
	for _, o := range r.in.Rendered.After {
		objects = append(objects, Ref{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name})
	}
	return Step{
		ID: StepOwner, Title: "owner", Until: []Want{OneOwner}, Guard: hardGuards, Within: slack,
		Do: []Action{{Verb: HandFields, From: HelmController, Manager: HelmCLI, Objects: objects, Why: "Helm manages the release again"}},
	}
}
