package handover

import (
	"fmt"
	"slices"

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
	StepHelm   = "helm"
	StepOwner  = "owner"
	StepAsk    = "ask"
	StepRemove = "remove"
	StepReturn = "return"
)

// The refusals of a rollback.
const (
	refusedNothing  = "HP501"
	refusedDeleting = "HP502"
	refusedPending  = "HP503"
	refusedRestart  = "HP504"
	refusedFluxOwn  = "HP505"
	refusedOther    = "HP506"
	refusedFails    = "HP307"
)

// RollbackInput is what a rollback is planned from.
type RollbackInput struct {
	Facts facts.Facts // with what RollbackParts names
	// Journal is of the run that is undone, or of the rollback that went before; nil where there is none.
	Journal *Journal
	To      string // one of RollbackTargets; empty: the bootstrap
	// Rendered is the release's manifest and the one that would be gone back to, as Session.Back has it; nil where Helm
	// has no record.
	Rendered   *facts.Rendered
	Unrendered string // why it is not known; empty where it is
	// Allow are the objects of which the user accepts by name that going back replaces their pods or deletes them.
	Allow []string
}

// RollbackParts are what a rollback has to know.
func RollbackParts() []facts.Part { return append(BaseParts(), facts.Controllers) }

// RollbackRevision is the revision that going back from a run means; 0: the newest that Flux did not make.
func RollbackRevision(j *Journal) int {
	if j == nil || j.Name != HandoverName {
		return 0
	}
	return j.Revision
}

// UndoHandover plans to undo a handover: Flux's objects suspended, and seen to be; removed, where Git does not bring
// them back, without prune and without uninstall; and Helm's release back to what the bootstrap had. It touches
// nothing. Where there is nothing left to undo, it is Done.
func UndoHandover(in RollbackInput) *Plan {
	f := in.Facts
	p := &Plan{
		Name: RollbackName, Cluster: f.Cluster, Context: f.Context, Server: f.Server, UID: f.Live.UID, Strategy: Adopt,
		Weighed: []Weighed{}, Refusals: []Refusal{}, Steps: []Step{}, Impact: Impact{Changes: []impact.Change{}},
	}
	if in.Journal != nil && in.Journal.Strategy != "" {
		p.Strategy = in.Journal.Strategy
	}
	r := rollback{in: in, p: p, hr: heldRelease(f)}
	r.ks = r.own()
	p.World = State{Nodes: len(f.Live.Nodes), Version: f.Live.Version, Pods: podsDigest(f), Places: placesOf(f)}
	if record, ok := newest(f); ok {
		p.World.Revision, p.World.Status = record.Revision, record.Status
	}
	r.refuse()
	p.Ready = len(p.Refusals) == 0
	if p.Ready && !r.in.Journal.Unfinished() && r.nothing() {
		p.Done = true
	} else {
		r.lay()
	}
	r.note()
	return p
}

// BeginUndo is the journal of a rollback that is about to begin. What a run before it has made is known to it, so that
// a later one still takes it away.
func (r *Runner) BeginUndo(p *Plan, id string, of *Journal) *Journal {
	j := r.Begin(p, id)
	if of != nil {
		j.Before, j.Origin, j.Owed = slices.Clone(of.Before), slices.Clone(of.origin()), of.owed()
	}
	return j
}

type rollback struct {
	in RollbackInput
	p  *Plan
	hr *facts.HelmRelease
	// ks is the Kustomization of the fleet's name, where it is Cilium's alone. Any other that applies the HelmRelease has
	// more to apply, and is left alone.
	ks   *facts.FluxKustomization
	kept []string // what stays, in words
}

// target is how far back it goes, the bootstrap where nothing was said.
func (r *rollback) target() string { return or(r.in.To, ToBootstrap) }

// back is the revision of Helm's that is gone back to; 0: Helm's release stays as it is. unsure: it is not known.
func (r *rollback) back() (to int, unsure bool) {
	j := r.in.Journal
	record, found := newest(r.in.Facts)
	switch {
	case !found:
		return 0, false
	case j != nil && j.Name == HandoverName && (j.Revision == 0 || record.Revision <= j.Revision):
		return 0, false // a take-over had no revision before, or the adoption has not begun
	case r.in.Rendered == nil && r.resumed() && r.p.Strategy == TakeOver:
		return 0, false // as before: every record is Flux's
	case r.in.Rendered == nil:
		return 0, true
	}
	return r.in.Rendered.To, false
}

// nothing tells whether there is nothing left to undo.
func (r *rollback) nothing() bool {
	to, unsure := r.back()
	return to == 0 && !unsure && len(r.removals()) == 0 && len(r.returned()) == 0 &&
		(r.hr == nil || r.hr.Suspend) && (r.ks == nil || r.ks.Suspend)
}

func (r *rollback) refuse() {
	f := r.in.Facts
	record, found := newest(f)
	if !found && known(f, facts.Releases) && r.hr == nil && r.ks == nil && !runs(f) {
		r.p.own(refusedNothing, false, []check.Evidence{{Where: "Helm release", Got: "not found"}, {Where: "HelmRelease", Got: "not found"}})
	}
	if r.hr != nil && r.hr.Deleting && !r.hr.Suspend {
		r.p.own(refusedDeleting, false, []check.Evidence{{Where: "HelmRelease/" + r.hr.ID(), Got: "deleting", Want: "suspended"}})
	}
	if found && record.Status != "deployed" && record.Status != "superseded" && record.Status != "failed" && (r.hr == nil || r.hr.Suspend) && !r.died(record) {
		r.p.own(refusedPending, false, []check.Evidence{{Where: "Helm release", Got: record.Secret + " " + record.Status, Want: "deployed"}})
	}
	if others := r.others(); len(others) > 0 {
		r.p.own(refusedOther, false, others)
	}
	r.unsure()
}

// others are HelmReleases of Cilium's besides the fleet's that would go on acting.
func (r *rollback) others() []check.Evidence {
	var out []check.Evidence
	for _, hr := range r.in.Facts.Live.HelmReleases {
		if (r.hr == nil || hr.ID() != r.hr.ID()) && !hr.Suspend && hr.Release() != r.in.Facts.Expect.Cilium.Release+"-preflight" {
			out = append(out, check.Evidence{Where: "HelmRelease/" + hr.ID(), Got: "active", Want: "suspended"})
		}
	}
	return out
}

// unsure refuses where it is not wholly known what would be done, or where that costs more than labels.
func (r *rollback) unsure() {
	f := r.in.Facts
	var dark []check.Evidence
	for _, part := range BaseParts() { // that the controllers cannot be seen keeps nothing from going back
		if !known(f, part) {
			dark = append(dark, check.Evidence{Where: string(part), Got: or(f.Blind[part], "not looked at")})
		}
	}
	to, unsure := r.back()
	switch {
	case unsure:
		dark = append(dark, check.Evidence{Where: "impact", Got: or(r.in.Unrendered, "the bootstrap's manifest could not be read")})
	case to > 0:
		dark = append(dark, r.judgeImpact()...)
	}
	if len(dark) > 0 {
		r.p.own(refusedUnknown, true, dark)
	}
}

// judgeImpact refuses where going back replaces pods or deletes objects, and says what could not be known.
func (r *rollback) judgeImpact() []check.Evidence {
	f, rendered := r.in.Facts, r.in.Rendered
	changes := impact.Of(f, rendered)
	r.p.Impact = Impact{Summary: impact.Sum(f, rendered, changes), Changes: changes, Unknown: rendered.Unknown}
	if made := slices.IndexFunc(rendered.After, byFlux); made >= 0 {
		r.p.own(refusedFluxOwn, false, []check.Evidence{{Where: fmt.Sprintf("revision %d", rendered.To), Got: "made by Flux", Want: "made by the bootstrap"}})
	}
	allow := Input{Allow: r.in.Allow}
	r.p.accept(&allow)
	for _, c := range changes {
		if name := c.Ref.String(); c.Keys > 0 && c.Ref.Kind == "ConfigMap" && !slices.Contains(r.p.Accepted, name) {
			r.p.Accepted = append(r.p.Accepted, name) // another configuration is what going back is for
		}
	}
	var evidence []check.Evidence
	for _, c := range changes {
		if (c.Effect == impact.Restart || c.Lost > 0 || c.Effect == impact.Delete) && !allow.allowed(c.Ref) {
			evidence = append(evidence, check.Evidence{Where: c.Ref.String(), Got: string(c.Effect), Want: c.Why})
		}
	}
	if len(evidence) > 0 {
		r.p.own(refusedRestart, false, evidence)
	}
	if failing := failing(changes); len(failing) > 0 {
		r.p.own(refusedFails, false, failing)
	}
	dark := uncounted(changes)
	if !rendered.LiveSeen {
		dark = append(dark, check.Evidence{Where: "impact", Got: "not every object of the release could be seen"})
	}
	for _, what := range rendered.Unknown {
		dark = append(dark, check.Evidence{Where: "impact", Got: what})
	}
	return dark
}

// byFlux tells whether an object of a manifest bears the label that helm-controller gives to all that it renders.
func byFlux(o facts.Object) bool {
	meta, _ := o.Body["metadata"].(map[string]any)
	labels, _ := meta["labels"].(map[string]any)
	_, made := labels["helm.toolkit.fluxcd.io/name"]
	return made
}
