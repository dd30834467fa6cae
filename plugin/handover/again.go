package handover

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// refusedAgain refuses to go on with a run. It comes beside what refuses a new plan as well, and alone where only a run
// that has begun is concerned.
const refusedAgain = "HP405"

// Again is the plan of a run that has begun, for going on with it. Where the adoption has not begun, it is judged as a new
// plan is, by the world as it is now; what the run itself has placed counts as not there. It is an error where the working
// tree is not the one that the run began with, or the cluster is another.
func Again(in Input, j *Journal) (*Plan, error) {
	f := in.Facts
	if f.Live.UID != j.UID {
		return nil,
			fmt.Errorf("go on with run %s: it began on another cluster: kube-system has UID %s there, and %s here",
				j.Run, j.UID, or(f.Live.UID, "(unknown)"))
	}
	if in.HelmRelease == nil {
		return nil, fmt.Errorf("go on with run %s: the working tree has no HelmRelease of Cilium for this cluster; "+
			"name the tree that it began with: --repo DIR", j.Run)
	}
	p := &Plan{
		Name: HandoverName, Cluster: f.Cluster, Context: f.Context, Server: f.Server, UID: f.Live.UID,
		Strategy: j.Strategy,
		Weighed:  []Weighed{}, Refusals: []Refusal{}, Steps: []Step{}, World: j.World, Ready: true,
	}
	if err := treeFits(&in, j); err != nil {
		return nil, err
	}
	in.Strategy = cmp.Or(j.Strategy, in.Strategy)
	if j.Adopting() {
		if err := begunFor(&in, j); err != nil {
			return nil, err
		}
		p.Weighed = weigh(&in)
		p.Accepted = j.accepts(in)
	} else {
		in = unplaced(in, j)
		p.Weighed, p.World = weigh(&in), stateOf(&in)
		p.Impact = impactOf(&in)
		p.accept(&in)
	}
	p.lay(&in, j)
	if p.Digest != j.Digest {
		return nil, fmt.Errorf("go on with run %s: what the working tree would apply is not what the run began with; "+
			"check out commit %s, or undo the run: flux handover rollback", j.Run, or(j.Tree, "(unknown)"))
	}
	if !j.Adopting() {
		p.judge(&in)
		p.refuse(&in)
		p.note(&in)
		p.refuseAgain(&in, f, j)
		p.replace = lacks(&in, f)
		p.Ready = len(p.Refusals) == 0
	}
	return p, nil
}

// impactOf is what the adoption would do.
func impactOf(in *Input) Impact {
	f := in.Facts
	changes := impact.Of(f, f.Rendered)
	out := Impact{Summary: impact.Sum(f, f.Rendered, changes), Changes: changes}
	if f.Rendered != nil {
		out.Unknown = f.Rendered.Unknown
	}
	return out
}

// refuseAgain says what has changed since the run began, and refuses where the run cannot go on although a new one could
// begin. live is the world with all that the run has placed.
func (p *Plan) refuseAgain(in *Input, live facts.Facts, j *Journal) {
	var evidence []check.Evidence
	if hr := heldRelease(live); hr != nil && (!hr.Suspend || len(hr.History) > 0 &&
		hr.History[0].Version > int64(j.Revision)) {
		evidence = append(evidence, check.Evidence{
			Where: "HelmRelease/" + hr.ID(), Got: fmt.Sprintf("suspend %t, %d releases", hr.Suspend, len(hr.History)),
			Want: "suspended since the run placed it, with no release since",
		})
	}
	if in.Kustomization != nil && j.Step(StepWire) != nil && !pushed(in) {
		evidence = append(evidence, check.Evidence{
			Where: "commit " + or(in.Facts.Git.Revision, "(unknown)"), Got: "not what Flux has",
			Want: "the commit that Flux has: git pull, or git push; the run began with " + or(j.Tree, "(unknown)"),
		})
	}
	changes := p.World.Since(j.World)
	if len(changes) > 0 {
		p.Notes = append(p.Notes, "Since run "+j.Run+" began: "+strings.Join(changes, "; ")+".")
	}
	if len(evidence) == 0 && len(p.Refusals) == 0 {
		return
	}
	unknown := len(evidence) == 0 && p.Unsure()
	for _, change := range changes {
		evidence = append(evidence, check.Evidence{Where: "since the run began", Got: change})
	}
	if len(evidence) == 0 {
		evidence = append(evidence, check.Evidence{Where: "run " + j.Run, Got: "not ready any more",
			Want: "ready, as when it began"})
	}
	p.own(refusedAgain, unknown, evidence)
}

// lacks are the steps before the adoption whose objects are not in the cluster.
func lacks(in *Input, live facts.Facts) []string {
	var all []string
	if o := in.Source; o != nil && !slices.ContainsFunc(live.Live.Sources, func(s facts.Source) bool {
		return s.Kind == o.Kind && s.Namespace == o.Namespace && s.Name == o.Name
	}) {
		all = append(all, StepSource)
	}
	if heldRelease(live) == nil {
		all = append(all, StepHold)
	}
	if o := in.Kustomization; o != nil && liveKustomization(live, o.Ref) == nil {
		all = append(all, StepWire)
	}
	return all
}

// unplaced is what a new plan would be made from had the run not placed anything: the HelmRelease that it made, and that
// is still held and has released nothing, is not there, and what it suspended when it stopped is not suspended.
func unplaced(in Input, j *Journal) Input {
	made := func(r Ref) bool { b := j.before(r); return b != nil && !b.Existed }
	live := &in.Facts.Live
	live.HelmReleases = slices.DeleteFunc(slices.Clone(live.HelmReleases), func(hr facts.HelmRelease) bool {
		r := in.HelmRelease.Ref
		return hr.Namespace == r.Namespace && hr.Name == r.Name && made(r) && hr.Suspend && !hr.Deleting &&
			len(hr.History) == 0
	})
	live.Kustomizations = slices.Clone(live.Kustomizations)
	for i := range live.Kustomizations {
		ks := &live.Kustomizations[i]
		if slices.ContainsFunc(j.Frozen, func(r Ref) bool {
			return r.Kind == "Kustomization" && r.Namespace == ks.Namespace && r.Name == ks.Name
		}) {
			ks.Suspend = false
		}
	}
	return in
}

// accepts are what was accepted when the run began, and what is accepted by name now of that which has happened since: so
// that a run can be gone on with whose adoption has begun, though a pod is another.
func (j *Journal) accepts(in Input) []string {
	all := slices.Clone(j.Accepted)
	f := in.Facts
	f.Base = j.Base
	if f.Base == nil {
		return all
	}
	refs := []Ref{}
	for _, w := range slices.Concat(f.Base.DaemonSets, f.Base.Deployments, f.Base.StatefulSets) {
		refs = append(refs, Ref{Kind: w.Kind, Namespace: w.Namespace, Name: w.Name})
	}
	if c := f.Base.Config; c != nil {
		refs = append(refs, Ref{Kind: "ConfigMap", Namespace: c.Namespace, Name: c.Name})
	}
	for _, r := range refs {
		if name := r.String(); in.allowed(r) && !slices.Contains(all, name) && wrongs(f, all) > wrongs(f,
			append(all[:len(all):len(all)], name)) {
			all = append(all, name)
		}
	}
	return all
}

// wrongs counts what the hard guards find where those objects are accepted.
func wrongs(f facts.Facts, accepted []string) int {
	f.Accepted = accepted
	n := 0
	for _, v := range check.Run(f, checks(hardGuards)) {
		if v.Outcome == check.Fail {
			n += len(v.Evidence)
		}
	}
	return n
}
