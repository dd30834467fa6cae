package handover

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// gitopsGates are the checks of phase gitops that have to pass before a handover; the others judge what comes of it.
var gitopsGates = []check.ID{"CG201", "CG202", "CG207", "CG208", "CG301"}

// Gates are the checks that a plan is judged by: all of phase bootstrap, and those of phase gitops that can be judged
// before there is a HelmRelease.
func Gates() []check.Check {
	return slices.DeleteFunc(check.All(), func(c check.Check) bool {
		return c.Phase != check.Bootstrap && !slices.Contains(gitopsGates, c.ID)
	})
}

// Parts are what a plan has to know of a cluster with those features.
func Parts(features map[string]string) []facts.Part {
	parts := check.Needs(Gates(), features)
	parts = append(parts, facts.Identity, facts.Sources, facts.HelmReleases, facts.Kustomizations,
		facts.Release, facts.Releases, facts.Pods, facts.DaemonSets, facts.Deployments, facts.Nodes, facts.Version, facts.Tree)
	slices.Sort(parts)
	return slices.Compact(parts)
}

// Make plans the handover of one cluster. It touches nothing; a plan that is not Ready says why.
func Make(in Input) *Plan {
	f := in.Facts
	p := &Plan{
		Name: HandoverName, Cluster: f.Cluster, Context: f.Context, Server: f.Server, UID: f.Live.UID,
		Weighed: weigh(&in), Refusals: []Refusal{}, Steps: []Step{}, World: stateOf(&in),
	}
	for _, w := range p.Weighed {
		if w.Chosen {
			p.Strategy = w.Strategy
		}
	}
	changes := impact.Of(f, f.Rendered)
	p.Impact = Impact{Summary: impact.Sum(f, f.Rendered, changes), Changes: changes}
	if f.Rendered != nil {
		p.Impact.Unknown = f.Rendered.Unknown
	}
	p.accept(&in)
	if in.HelmRelease != nil && f.Git.Cilium() != nil && adopted(f) {
		p.Done, p.Ready = true, true
		return p
	}
	p.judge(&in)
	p.refuse(&in)
	p.Ready = len(p.Refusals) == 0
	if in.HelmRelease != nil {
		p.lay(&in, nil)
	}
	p.note(&in)
	return p
}

// judge runs the gates: what fails or cannot be seen refuses, what warns is noted.
func (p *Plan) judge(in *Input) {
	byID := map[check.ID]check.Check{}
	for _, c := range Gates() {
		byID[c.ID] = c
	}
	gates := Gates()
	if p.Strategy == TakeOver {
		gates = slices.DeleteFunc(gates, func(c check.Check) bool { // that there is no record is why it is taken over
			return slices.Contains(c.Needs, facts.Releases) || slices.Contains(c.Needs, facts.Release)
		})
	}
	p.Verdicts = check.Run(in.Facts, gates)
	for _, v := range p.Verdicts {
		switch v.Outcome {
		case check.Fail, check.Unknown:
			p.Refusals = append(p.Refusals, Refusal{
				ID: string(v.Check), Reason: byID[v.Check].Title + ": " + v.Reason, Hint: byID[v.Check].Hint,
				Evidence: v.Evidence, Unknown: v.Outcome == check.Unknown,
			})
		case check.Warn:
			p.Notes = append(p.Notes, fmt.Sprintf("%s %s: %s", v.Check, byID[v.Check].Title, v.Reason))
		}
	}
}

// refuse applies the plan's own rules.
func (p *Plan) refuse(in *Input) {
	for _, r := range rules() {
		if evidence := r.finds(in); len(evidence) > 0 {
			p.Refusals = append(p.Refusals, Refusal{ID: r.id, Reason: r.reason, Hint: r.hint, Evidence: evidence, Unknown: r.unknown})
		}
	}
	for _, w := range p.Weighed {
		if p.Strategy == "" && w.Strategy == cmp.Or(in.Strategy, Adopt) || w.Chosen && !w.Possible {
			p.own(refusedStrategy, !known(in.Facts, facts.Releases), []check.Evidence{{Where: string(w.Strategy), Got: w.Why}})
		}
	}
	p.unsure(in)
}

// unsure refuses where it is not wholly known what would be done.
func (p *Plan) unsure(in *Input) {
	var dark []check.Evidence
	for _, part := range []facts.Part{facts.Identity, facts.HelmReleases, facts.Kustomizations, facts.Sources} {
		if !known(in.Facts, part) {
			dark = append(dark, check.Evidence{Where: string(part), Got: or(in.Facts.Blind[part], "not looked at")})
		}
	}
	r := in.Facts.Rendered
	switch {
	case r == nil:
		dark = append(dark, check.Evidence{Where: "impact", Got: or(in.Unrendered, "the chart was not rendered")})
	case !r.LiveSeen:
		dark = append(dark, check.Evidence{Where: "impact", Got: "not every object of the release could be seen"})
	}
	dark = append(dark, uncounted(p.Impact.Changes)...)
	if r != nil {
		for _, what := range r.Unknown {
			dark = append(dark, check.Evidence{Where: "impact", Got: what})
		}
	}
	if len(dark) > 0 {
		p.own(refusedUnknown, true, dark)
	}
}

// own adds one of the refusals that no rule finds.
func (p *Plan) own(id string, unknown bool, evidence []check.Evidence) {
	for _, text := range ownRules {
		if text[0] == id {
			p.Refusals = append(p.Refusals, Refusal{ID: id, Reason: text[1], Hint: text[2], Evidence: evidence, Unknown: unknown})
		}
	}
	p.Ready = false
}

// Deny refuses for want of rights.
func (p *Plan) Deny(denied []Right) {
	var evidence []check.Evidence
	for _, r := range denied {
		what := strings.TrimSuffix(r.Resource+"."+r.Group, ".")
		evidence = append(evidence, check.Evidence{Where: strings.Trim(r.Namespace+"/"+what+"/"+r.Name, "/"), Got: "denied", Want: r.Verb})
	}
	if len(evidence) > 0 {
		p.own(refusedRights, false, evidence)
	}
}

// Unsure tells whether everything that keeps the plan from being ready is something that could not be seen.
func (p *Plan) Unsure() bool {
	return len(p.Refusals) > 0 && !slices.ContainsFunc(p.Refusals, func(r Refusal) bool { return !r.Unknown })
}

// note says what a person should know.
func (p *Plan) note(in *Input) {
	if p.Step(StepWire) == nil && in.Kustomization != nil && !pushed(in) {
		p.Notes = append(p.Notes, "Flux does not have this commit of the working tree yet: the run places the HelmRelease itself. Push the tree afterwards; Flux then takes it over as it is.")
	}
	if len(p.Accepted) > 0 {
		p.Notes = append(p.Notes, "Accepted by name, and not guarded once the adoption begins: "+strings.Join(p.Accepted, ", ")+". Every other pod is.")
	}
	for _, c := range p.Impact.Changes {
		if len(c.Reverted) > 0 {
			p.Notes = append(p.Notes, fmt.Sprintf("%s: %d fields that were changed by hand would be changed back", c.Ref, len(c.Reverted)))
		}
		if c.Ref.APIVersion == "" {
			p.Notes = append(p.Notes, fmt.Sprintf("%s: %s", c.Ref, c.Why))
		}
	}
	for _, text := range []string{loose(in), sharedNote(in), againNote(in), keepNote(in)} {
		if text != "" {
			p.Notes = append(p.Notes, text)
		}
	}
	if in.Helmfile != "" {
		p.Notes = append(p.Notes, "After the handover a helmfile sync or apply of "+in.Helmfile+" fights Flux: suspend the HelmRelease first, or do not run it.")
	}
}

// stateOf is the world as it is planned for.
func stateOf(in *Input) State {
	f := in.Facts
	s := State{Nodes: len(f.Live.Nodes), Version: f.Live.Version, Pods: podsDigest(f), Places: placesOf(f)}
	if r, ok := newest(f); ok {
		s.Revision, s.Status, s.Own = r.Revision, r.Status, ownRelease(f, r)
	}
	if r := f.Rendered; r != nil {
		s.ChartVersion = r.ChartVersion
	}
	if r := f.Git.Cilium(); r != nil {
		s.Values, s.Tree = r.ValuesDigest, f.Git.Revision
	}
	if r := f.Rendered; r != nil {
		s.intend(r.Intent)
	}
	return s
}

// podsDigest tells one set of running pods from another.
func podsDigest(f facts.Facts) string {
	var all []string
	for _, p := range ciliumPods(f) {
		all = append(all, podLine(p))
	}
	slices.Sort(all)
	return digest(strings.Join(all, "\n"))
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// seal computes the digest of what the steps do, which does not depend on how far a run has got.
func (p *Plan) seal() {
	type act struct {
		Step, Verb, Ref, Manager, Digest string
	}
	acts := []act{{Step: string(p.Strategy), Ref: p.UID}}
	for _, s := range p.Steps {
		for _, a := range s.Do {
			acts = append(acts, act{s.ID, string(a.Verb), a.Ref.String(), a.Manager, a.Digest})
		}
	}
	raw, err := json.Marshal(acts) // of strings: cannot fail
	if err != nil {
		raw = nil
	}
	p.Digest = digest(string(raw))
}
