package handover

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// The wants that bind a plan to what Flux does.
const (
	AsPlanned  Want = "as-planned"  // what Flux would release of the cluster's objects is what was planned
	AsReleased Want = "as-released" // what Flux has released, as far as it has, is what was planned
	SameChart  Want = "same-chart"  // what the chart's source has fetched on request is the chart that was rendered
)

// binding is how long the cluster may take to have what was planned, before its HelmRelease is let go.
const binding = 2 * time.Minute

// listed bounds how many paths of values a message names.
const listed = 5

// bind keeps the HelmRelease held until what Flux would release of it is what was planned. There is one way to let it go,
// and this stands before it, whatever the strategy, and whether the run begins or goes on. It returns the step's deadline,
// which does not count the wait.
func (r *Runner) bind(ctx context.Context, p *Plan, j *Journal, s *Step, a Action, deadline time.Time) (time.Time, error) {
	if p.Name != HandoverName || a.Verb != Resume || a.Ref != p.Release {
		return deadline, nil
	}
	first := *s
	first.ID, first.Until, first.While, first.Settle, first.For, first.Within = StepAdopt, []Want{AsPlanned}, nil, nil, 0, binding
	now := r.Clock.Now()
	if err := r.wait(ctx, p, j, &first, &StepRecord{Began: now}, now.Add(binding)); err != nil {
		return deadline, err
	}
	return r.Clock.Now().Add(s.Within), nil
}

// intend is the state of a plan that says what is to be released.
func (s *State) intend(i *facts.Intent) {
	if i == nil {
		return
	}
	raw, err := json.Marshal(i.Spec) // of strings: cannot fail
	if err != nil {
		raw = nil
	}
	s.Values, s.Spec, s.Chart = i.Values, digest(string(raw)), i.Artifact
}

// begunFor tells whether the working tree still comes to what was let go. A tag of the chart's that moved after that is no
// reason not to prove what was released.
func begunFor(in *Input, j *Journal) error {
	if in.Facts.Rendered == nil || in.Facts.Rendered.Intent == nil {
		return nil
	}
	now := stateOf(in)
	var all []string
	if now.Values != j.World.Values {
		all = append(all, fmt.Sprintf("values %s, and it began with %s", brief(now.Values), or(brief(j.World.Values), "(none)")))
	}
	if now.Spec != j.World.Spec {
		all = append(all, "another spec of the HelmRelease")
	}
	if len(all) == 0 {
		return nil
	}
	return fmt.Errorf("go on with run %s: what Flux would release by the working tree is not what the run began with: %s; "+
		"check out commit %s, or undo the run: flux handover rollback", j.Run, strings.Join(all, "; "), or(j.Tree, "(unknown)"))
}

// digestOf is the best that is known of a chart's bytes.
func digestOf(a facts.Artifact) string { return cmp.Or(a.Manifest, a.Archive, a.Revision) }

// asPlanned compares what Flux would release with what the run was begun for. What differs is named, without what it says.
func asPlanned(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	got := f.Live.Intent
	switch {
	case got == nil:
		return false, p.Release.String() + " is not there"
	case got.HelmRelease != p.Release.Namespace+"/"+p.Release.Name:
		return false, "HelmRelease " + got.HelmRelease + " was looked at, and it is about " + p.Release.String()
	case p.World.Spec == "" || p.World.Values == "":
		return false, "what is to be released was not written down when it was planned; undo the run and plan again" + back(p)
	}
	var now State
	now.intend(got)
	var all []string
	if now.Values != p.World.Values {
		all = append(all, valuesDiffer(p, got))
	}
	if now.Spec != p.World.Spec {
		all = append(all, specDiffers(p, got))
	}
	if why := chartDiffers(p.World.Chart, got.Artifact); why != "" {
		all = append(all, why)
	}
	if len(all) > 0 {
		return false, fmt.Sprintf("Flux would not release what was planned: %s; see: kubectl cilium-gitops diff --from git --to cluster%s; "+
			"mend what differs and go on, or undo the run and plan again%s", strings.Join(all, "; "), inContext(p), back(p))
	}
	return true, fmt.Sprintf("values %s and chart as planned", brief(p.World.Values))
}

func inContext(p *Plan) string {
	if p.Context == "" {
		return ""
	}
	return " --context " + p.Context
}

func back(p *Plan) string { return ": flux handover rollback" + inContext(p) }

// brief is a digest as far as a person compares it.
func brief(digest string) string {
	algorithm, hex, found := strings.Cut(digest, ":")
	if !found {
		algorithm, hex = "", digest
	}
	return strings.TrimPrefix(algorithm+":"+hex[:min(12, len(hex))], ":")
}

// valuesDiffer says at which paths; the plan knows them where it was made of the same values.
func valuesDiffer(p *Plan, got *facts.Intent) string {
	places := ""
	if p.intent != nil && p.intent.Values == p.World.Values {
		places = differing(p.intent.Leaves, got.Leaves)
	}
	if places != "" {
		places = " at " + places
	}
	return fmt.Sprintf("values differ%s (%s planned, %s in the cluster)", places, brief(p.World.Values), brief(got.Values))
}

func specDiffers(p *Plan, got *facts.Intent) string {
	if p.intent != nil {
		if places := differing(p.intent.Spec, got.Spec); places != "" {
			return "HelmRelease " + got.HelmRelease + " differs at spec: " + places
		}
	}
	return "HelmRelease " + got.HelmRelease + " has another spec"
}

// differing are the places at which two do not say the same, at most some of them.
func differing[K ~string](want, got map[K]string) string {
	var places []string
	for place, digest := range want {
		if got[place] != digest {
			places = append(places, facts.Text(string(place)))
		}
	}
	for place := range got {
		if _, there := want[place]; !there {
			places = append(places, facts.Text(string(place)))
		}
	}
	slices.Sort(places)
	if more := len(places) - listed; more > 0 {
		places = append(places[:listed], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(places, ", ")
}

// fetches are the names by which the flux command knows kinds of sources.
var fetches = map[string]string{
	"OCIRepository": "oci", "HelmChart": "chart", "GitRepository": "git", "Bucket": "bucket", "HelmRepository": "helm",
}

// chartDiffers compares the chart that was rendered with what its source has; empty where it is the same, as far as the
// source says: a HelmRepository does not say it before the HelmRelease is let go.
func chartDiffers(want, got facts.Artifact) string {
	if want.Of != got.Of {
		return fmt.Sprintf("the chart is taken from %s, and %s was planned", or(got.Of, "(nothing)"), or(want.Of, "(nothing)"))
	}
	was, is := want.Revision, got.Revision
	switch {
	case want.Manifest != "":
		was, is = want.Manifest, got.Manifest
	case want.Archive != "" && got.Archive != "":
		was, is = want.Archive, got.Archive
	}
	if was == "" || was == is {
		return ""
	}
	kind, name, _ := strings.Cut(want.Of, "/")
	namespace, name, _ := strings.Cut(name, "/")
	next := "plan again"
	if verb := fetches[kind]; verb != "" {
		next = fmt.Sprintf("have it fetched (flux reconcile source %s %s -n %s), or plan again", verb, name, namespace)
	}
	return fmt.Sprintf("%s has chart %s, and %s was rendered: %s", want.Of,
		strings.TrimSpace(got.Version+" "+or(brief(is), "without a digest")), strings.TrimSpace(want.Version+" "+brief(was)), next)
}

// artifactOf is what a listed source has fetched.
func artifactOf(s facts.Source) facts.Artifact {
	out := facts.Artifact{Of: s.Ref(), Revision: s.Revision}
	if s.Kind == "OCIRepository" {
		out.Version, out.Manifest, _ = strings.Cut(s.Revision, "@")
		out.Revision = ""
	}
	return out
}

// responded tells whether a source has answered the newest request to fetch, and what is waited for where not.
func responded(s facts.Source) (bool, string) {
	ready := conditionOf(s.Conditions, "Ready")
	switch {
	case s.Suspend:
		return false, fmt.Sprintf("%s is suspended: flux resume source %s %s -n %s", s.Ref(), fetches[s.Kind], s.Name, s.Namespace)
	case s.Revision == "" || ready.Status != "True":
		return false, or(strings.TrimSpace(ready.Reason+" "+ready.Message), "nothing fetched yet")
	case s.RequestedAt == "" || s.HandledReconcileAt != s.RequestedAt || s.ObservedGeneration < s.Generation:
		return false, s.Ref() + " has not answered the request to fetch yet"
	}
	return true, ""
}

// sameChart tells whether a source that has fetched just now has the chart that was rendered. What it has not answered yet
// is no reason to stop.
func sameChart(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	for _, s := range f.Live.Sources {
		if s.Ref() != p.World.Chart.Of || s.Kind != "OCIRepository" {
			continue
		}
		if ok, _ := responded(s); !ok {
			continue
		}
		if why := chartDiffers(p.World.Chart, artifactOf(s)); why != "" {
			return false, why
		}
	}
	return true, ""
}

// asReleased judges what helm-controller says that it has released.
func asReleased(p *Plan, j *Journal, f facts.Facts) (bool, string) {
	hr := heldRelease(f)
	if hr == nil {
		return true, ""
	}
	if len(hr.History) > 0 && hr.History[0].Version > int64(j.Revision) { // else it is what was released before the run
		switch last := hr.History[0]; {
		case hr.ConfigDigest != "" && hr.ConfigDigest != p.World.Values:
			return false, fmt.Sprintf("Flux released values %s, and %s were planned%s", brief(hr.ConfigDigest), brief(p.World.Values), undo(p))
		case last.ChartVersion != "" && last.ChartVersion != p.World.ChartVersion:
			return false, fmt.Sprintf("Flux released chart %s, and %s was planned%s", last.ChartVersion, p.World.ChartVersion, undo(p))
		}
	}
	kind, name, _ := strings.Cut(p.World.Chart.Of, "/")
	namespace, _, _ := strings.Cut(name, "/")
	if kind != "HelmRepository" {
		return true, ""
	}
	for _, s := range f.Live.Sources {
		version, _, _ := strings.Cut(s.Revision, "+")
		ours := s.Kind == "HelmChart" && s.Namespace == namespace && s.Name == hr.Namespace+"-"+hr.Name
		current := s.ObservedGeneration >= s.Generation && version == p.World.Chart.Version
		if want := p.World.Chart.Archive; ours && current && want != "" && s.Digest != "" && s.Digest != want {
			return false, fmt.Sprintf("%s has chart %s %s, and %s was rendered%s", s.Ref(), version, brief(s.Digest), brief(want), undo(p))
		}
	}
	return true, ""
}

func undo(p *Plan) string { return "; undo the run: flux handover rollback" + inContext(p) }

// hasApplied tells whether kustomize-controller has built and applied a commit. That it has attempted it says nothing: the
// status bears the commit before anything is built. What says it is a reconciliation of it that ended well after the
// newest request, or one that has come to its health checks, which are run when all is applied and may wait for long.
func hasApplied(ks *facts.FluxKustomization, commit string) bool {
	if commit == "" {
		return false
	}
	checking := conditionOf(ks.Conditions, "Reconciling")
	if checking.Status == "True" && checking.ObservedGeneration == ks.Generation &&
		strings.HasPrefix(checking.Message, "Running health checks for revision ") && strings.Contains(checking.Message, ":"+commit+" ") {
		return true
	}
	return Ready(ks).Status == "True" && ks.ObservedGeneration >= ks.Generation && strings.HasSuffix(ks.AppliedRevision, ":"+commit) &&
		ks.RequestedAt != "" && ks.HandledReconcileAt == ks.RequestedAt
}
