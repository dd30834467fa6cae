package handover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Want names something that a step waits for.
type Want string

// The wants.
const (
	SameWorld   Want = "same-world"   // the world is the one that was planned for
	SourceReady Want = "source-ready" // the chart's source has an artifact
	Held        Want = "held"         // the HelmRelease is there, suspended, and nobody works on it
	Wired       Want = "wired"        // the Kustomization has applied the HelmRelease, which is still held
	Unmoved     Want = "unmoved"      // Helm's newest record is the one from before the run
	Released    Want = "released"     // the HelmRelease is ready and Helm's newest record is its own
	OneOwner    Want = "one-owner"    // no field of the release's objects is co-owned by the bootstrap
	LetGo       Want = "let-go"       // no HelmRelease acts on the release: gone, or suspended and nobody works on it
	Answered    Want = "answered"     // the controllers have answered the reconcile requests of the step
	Gone        Want = "gone"         // what the step removes of Flux's is gone
	BackOnHelm  Want = "back-on-helm" // Helm's newest record is one that Flux did not make
	Rolled      Want = "rolled"       // the workloads whose pods were replaced, as accepted, are whole again
	Acting      Want = "acting"       // nobody suspends the HelmRelease that the run has let go
	StillHeld   Want = "still-held"   // nobody lets the HelmRelease go that the run has suspended
	Whole       Want = "whole"        // the release is the next revision of the one from before, and there is no other
)

// want is a row: what has to be looked at, and whether it holds; where not, what is seen instead.
type want struct {
	parts []facts.Part
	holds func(*Plan, *Journal, facts.Facts) (bool, string)
	also  []facts.Part // looked at as well; that they cannot be seen does not keep it from holding
}

var wants = map[Want]want{
	SameWorld:   {parts: []facts.Part{facts.Identity, facts.Releases, facts.Nodes, facts.Version, facts.Pods}, holds: sameWorld},
	SourceReady: {parts: []facts.Part{facts.Sources}, holds: sourceReady},
	Held:        {parts: []facts.Part{facts.HelmReleases, facts.Releases}, holds: held},
	Wired:       {parts: []facts.Part{facts.HelmReleases, facts.Kustomizations, facts.Releases}, holds: wired},
	Unmoved:     {parts: []facts.Part{facts.Releases}, holds: unmoved},
	Released: {parts: []facts.Part{facts.HelmReleases, facts.Releases}, holds: func(_ *Plan, _ *Journal, f facts.Facts) (bool, string) {
		return released(f)
	}},
	Acting:     {parts: []facts.Part{facts.HelmReleases}, holds: acting},
	StillHeld:  {parts: []facts.Part{facts.HelmReleases}, holds: stillHeld},
	LetGo:      {parts: []facts.Part{facts.HelmReleases, facts.Releases}, holds: letGo, also: []facts.Part{facts.Controllers}},
	Answered:   {parts: []facts.Part{facts.HelmReleases, facts.Kustomizations}, holds: answered, also: []facts.Part{facts.Controllers}},
	Gone:       {parts: []facts.Part{facts.HelmReleases, facts.Kustomizations}, holds: gone, also: []facts.Part{facts.Controllers}},
	BackOnHelm: {parts: []facts.Part{facts.Releases}, holds: backOnHelm},
	OneOwner:   {parts: []facts.Part{facts.Fields}, holds: oneOwner},
	AllWell:    {parts: []facts.Part{facts.HelmReleases, facts.Releases, facts.Kustomizations}, holds: allWell},
	Reconciled: {parts: []facts.Part{facts.HelmReleases, facts.Kustomizations}, holds: reconciled},
	Reverted:   {parts: []facts.Part{facts.HelmReleases}, holds: reverted},
	Restored:   {parts: []facts.Part{facts.Deployments}, holds: restored},
	Shielded:   {parts: []facts.Part{facts.DaemonSets}, holds: shielded},
	Outdated:   {parts: []facts.Part{facts.DaemonSets}, holds: outdated},
	UpToDate:   {parts: []facts.Part{facts.DaemonSets, facts.Pods}, holds: upToDate},
	RollsAgain: {parts: []facts.Part{facts.DaemonSets, facts.Pods}, holds: rollsAgain},
	NoOperator: {parts: []facts.Part{facts.Deployments}, holds: noOperator},
	AsReady:    {parts: []facts.Part{facts.Deployments}, holds: asReady},
	Unhealthy:  {parts: []facts.Part{facts.Kustomizations}, holds: unhealthy},
	NotFine:    {parts: []facts.Part{facts.Kustomizations}, holds: notFine},
	SameAgents: {parts: []facts.Part{facts.Pods, facts.Nodes}, holds: sameAgents},
	Applied:    {parts: []facts.Part{facts.HelmReleases}, holds: applied},
	Rolled:     {parts: []facts.Part{facts.DaemonSets, facts.Deployments}, holds: rolled},
	Whole:      {parts: []facts.Part{facts.HelmReleases, facts.Releases, facts.DaemonSets}, holds: whole},
	AsPlanned:  {parts: []facts.Part{facts.Intended}, holds: asPlanned},
	AsReleased: {parts: []facts.Part{facts.HelmReleases, facts.Sources}, holds: asReleased},
	SameChart:  {parts: []facts.Part{facts.Sources}, holds: sameChart},
}

// Parts are what has to be looked at to judge w.
func (w Want) Parts() []facts.Part { return slices.Concat(wants[w].parts, wants[w].also) }

// Holds tells whether w holds in f, and what is seen instead where it does not. What could not be seen does not hold.
func (w Want) Holds(p *Plan, j *Journal, f facts.Facts) (bool, string) {
	row, ok := wants[w]
	if !ok {
		return false, fmt.Sprintf("nobody knows what %q is", string(w))
	}
	for _, part := range row.parts {
		if !known(f, part) {
			return false, string(part) + " could not be seen: " + or(f.Blind[part], "not looked at")
		}
	}
	return row.holds(p, j, f)
}

// known tells whether a part was seen.
func known(f facts.Facts, part facts.Part) bool { return slices.Contains(f.Seen, part) }

func sameWorld(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	r, _ := newest(f)
	switch {
	case f.Live.UID != p.UID:
		return false, fmt.Sprintf("this is another cluster: kube-system has UID %s, and had %s", f.Live.UID, p.UID)
	case r.Revision != p.World.Revision || r.Status != p.World.Status:
		return false, fmt.Sprintf("Helm's newest record is revision %d %s, and was %d %s", r.Revision, r.Status, p.World.Revision, p.World.Status)
	case f.Live.Version != p.World.Version:
		return false, fmt.Sprintf("the API server is %s, and was %s", f.Live.Version, p.World.Version)
	}
	now := State{Pods: podsDigest(f), Places: placesOf(f)}
	if changes := now.podsSince(p.World); len(changes) > 0 {
		return false, "since the plan " + strings.Join(changes, "; ")
	}
	return true, judgedBy(p)
}

func sourceReady(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	want := p.Step(StepSource).Do[0].Ref
	for _, s := range f.Live.Sources {
		if s.Kind != want.Kind || s.Namespace != want.Namespace || s.Name != want.Name {
			continue
		}
		if s.Type == "oci" {
			return true, "static"
		}
		if ok, why := responded(s); !ok {
			return false, why
		}
		if ok, why := sameChart(p, nil, f); !ok {
			return false, why
		}
		return true, strings.TrimSpace(s.Kind + " " + s.Name + " " + s.Revision)
	}
	return false, want.String() + " is not there"
}

func held(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	hr := heldRelease(f)
	record, _ := newest(f)
	switch {
	case hr == nil:
		return false, "the HelmRelease is not there"
	case !hr.Suspend:
		return false, "the HelmRelease is not suspended" + setBy(hr)
	case hr.Deleting:
		return false, "the HelmRelease is being deleted"
	case working(hr):
		return false, "helm-controller still works on the HelmRelease"
	case strings.HasPrefix(record.Status, "pending"):
		return false, "Helm's record " + record.Secret + " is " + record.Status
	}
	return true, "HelmRelease " + hr.ID() + " suspended"
}

// working tells whether helm-controller is at work on a HelmRelease. What waits between two tries, suspended, waits for
// ever: nobody changes its condition any more.
func working(hr *facts.HelmRelease) bool {
	c := conditionOf(hr.Conditions, "Reconciling")
	return c.Status == "True" && c.Reason != "ProgressingWithRetry"
}

func wired(p *Plan, j *Journal, f facts.Facts) (bool, string) {
	if ok, why := held(p, j, f); !ok {
		return false, why
	}
	want := p.Step(StepWire).Do[0].Ref
	ks := liveKustomization(f, want)
	hr := heldRelease(f)
	ready := Ready(ks)
	switch {
	case ks == nil:
		return false, want.String() + " is not there"
	case ks.Suspend:
		return false, want.String() + " is suspended"
	case ready.Status == "False" && ks.ObservedGeneration >= ks.Generation:
		return false, or(ready.Reason+" "+ready.Message, "not ready")
	case hr.Labels["kustomize.toolkit.fluxcd.io/name"] != ks.Name:
		return false, "the Kustomization has not applied the HelmRelease"
	case !hasApplied(ks, p.World.Tree):
		return false, "the Kustomization has not applied commit " + p.World.Tree + " yet"
	}
	return true, "Kustomization " + ks.ID() + " applied " + p.World.Tree[:min(12, len(p.World.Tree))]
}

// Ready is a Kustomization's condition of that name, empty where it has none.
func Ready(ks *facts.FluxKustomization) facts.Condition {
	if ks == nil {
		return facts.Condition{}
	}
	return conditionOf(ks.Conditions, "Ready")
}

func unmoved(_ *Plan, j *Journal, f facts.Facts) (bool, string) {
	r, _ := newest(f)
	if r.Revision != j.Revision || r.Status != "deployed" && r.Status != "" {
		return false, fmt.Sprintf("Helm's newest record is revision %d %s; before the run it was %d", r.Revision, r.Status, j.Revision)
	}
	return true, fmt.Sprintf("revision %d", r.Revision)
}

func oneOwner(_ *Plan, _ *Journal, f facts.Facts) (bool, string) {
	n := 0
	for _, o := range f.Live.Fields {
		if o.Shared > 0 {
			n++
		}
	}
	if n > 0 {
		return false, fmt.Sprintf("%d of %d objects have fields that the bootstrap still owns", n, len(f.Live.Fields))
	}
	return true, fmt.Sprintf("%d objects, one owner each", len(f.Live.Fields))
}

// whole is the proof of adoption: Flux's release is the next revision of the one from before, by an upgrade.
func whole(p *Plan, j *Journal, f facts.Facts) (bool, string) {
	if ok, why := released(f); !ok {
		return false, why
	}
	hr := heldRelease(f)
	last := hr.History[0]
	action := "upgrade"
	if p.Strategy == TakeOver {
		action = "install"
	}
	again := j.World.Own && last.Version == int64(j.Revision) // in sync as it was
	switch {
	case again:
		action = "what Flux had released before"
	case hr.LastAction != "" && hr.LastAction != action:
		return false, fmt.Sprintf("Flux's last action is %s, not %s", hr.LastAction, action)
	case last.Version != int64(j.Revision)+1:
		return false, fmt.Sprintf("Flux's revision is %d, and %d was to come after %d", last.Version, j.Revision+1, j.Revision)
	}
	if hr.ConfigDigest != p.World.Values || last.ChartVersion != p.World.ChartVersion {
		return false, fmt.Sprintf("Flux released chart %s with values %s, and %s with %s was planned",
			or(last.ChartVersion, "(unknown)"), or(brief(hr.ConfigDigest), "(unknown)"), p.World.ChartVersion, brief(p.World.Values))
	}
	own := f.Expect.Cilium.Namespace + "/" + f.Expect.Cilium.Release
	for _, w := range f.Live.DaemonSets {
		if w.Namespace == f.Expect.Cilium.Namespace && w.Name == f.Expect.Cilium.DaemonSet && w.Release != own {
			return false, "DaemonSet " + w.Name + " belongs to release " + or(w.Release, "(none)")
		}
	}
	return true, fmt.Sprintf("revision %d by %s, owner %s", last.Version, action, own)
}

// vitals are those of the accepted that Cilium cannot be without.
func vitals(p *Plan, f facts.Facts) []string {
	names := f.Expect.Cilium
	return slices.DeleteFunc([]string{
		"DaemonSet/" + names.Namespace + "/" + names.DaemonSet, "Deployment/" + names.Namespace + "/" + names.Operator,
	}, func(name string) bool { return !slices.Contains(p.Accepted, name) })
}

func rolled(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	n, vital := 0, len(vitals(p, f))
	for _, w := range slices.Concat(f.Live.DaemonSets, f.Live.Deployments, f.Live.StatefulSets) {
		if !slices.Contains(p.Accepted, nameOf(w)) {
			continue
		}
		if check.Vital(f, w) {
			if vital--; w.Desired == 0 {
				return false, fmt.Sprintf("%s %s is wanted nowhere", w.Kind, w.Name)
			}
		}
		if w.ObservedGeneration < w.Generation || w.Updated < w.Desired || w.Ready < w.Desired || w.Available < w.Desired {
			return false, fmt.Sprintf("%s %s: of %d pods %d are new and %d ready", w.Kind, w.Name, w.Desired, w.Updated, w.Ready)
		}
		n++
	}
	if vital > 0 {
		return false, "not all of " + strings.Join(vitals(p, f), ", ") + " are there"
	}
	return true, fmt.Sprintf("%d workloads rolled", n)
}

func backOnHelm(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	r, found := newest(f)
	if !found || r.Status != "deployed" || r.Revision <= p.World.Revision {
		return false, fmt.Sprintf("Helm's newest record is revision %d %s", r.Revision, r.Status)
	}
	return true, fmt.Sprintf("revision %d with the contents of revision %d", r.Revision, p.Step(StepHelm).Do[0].To)
}
