package handover

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// What drills wait for.
const (
	AllWell    Want = "all-well"    // the release is Flux's, and HelmRelease and Kustomization are ready
	Reconciled Want = "reconciled"  // both have handled what was asked since the step began
	Reverted   Want = "reverted"    // the HelmRelease has no mark of a drill
	Restored   Want = "restored"    // the operator's Deployment has the label that it had
	Shielded   Want = "shielded"    // the DaemonSet replaces no pod by itself
	Outdated   Want = "outdated"    // pods of the DaemonSet differ from its template
	UpToDate   Want = "up-to-date"  // none does
	RollsAgain Want = "rolls-again" // none does, and the strategy is the one from before
	NoOperator Want = "no-operator" // the operator has no pod
	AsReady    Want = "as-ready"    // it has as many ready pods as before
	Unhealthy  Want = "unhealthy"   // the Kustomization names what is broken as not healthy
	NotFine    Want = "not-fine"    // it has not called healthy what is broken
	SameAgents Want = "same-agents" // no agent was replaced or restarted
	Applied    Want = "applied"     // the HelmRelease has what was committed
)

func allWell(_ *Plan, _ *Journal, f facts.Facts) (bool, string) {
	ok, why := released(f)
	if !ok {
		return false, why
	}
	ks := owning(f)
	ready := Ready(ks)
	switch {
	case ks == nil:
		return false, "no Kustomization applies the HelmRelease"
	case ks.Suspend:
		return false, "Kustomization " + ks.ID() + " is suspended"
	case ks.ObservedGeneration < ks.Generation, ready.Status != "True":
		return false, "Kustomization " + ks.ID() + ": " + or(strings.TrimSpace(ready.Reason+" "+ready.Message), "no word yet")
	}
	return true, why
}

// began is when the step that is being taken began; zero where none is.
func (j *Journal) began() time.Time {
	for i := len(j.Steps) - 1; i >= 0; i-- {
		if s := j.Steps[i]; !s.Began.IsZero() && s.Ended.IsZero() {
			return s.Began
		}
	}
	return time.Time{}
}

// since tells whether the request that a controller handled last was made since then: requests are named by their time.
func since(handled string, then time.Time) bool {
	at, err := time.Parse(time.RFC3339Nano, handled)
	return err == nil && !then.IsZero() && !at.Before(then)
}

func reconciled(_ *Plan, j *Journal, f facts.Facts) (bool, string) {
	hr, ks := heldRelease(f), owning(f)
	switch {
	case hr == nil || ks == nil:
		return false, "Flux's objects are not there"
	case !since(ks.HandledReconcileAt, j.began()):
		return false, "Kustomization " + ks.ID() + " has not reconciled yet"
	case !since(hr.HandledReconcileAt, j.began()):
		return false, "HelmRelease " + hr.ID() + " has not reconciled yet"
	}
	return true, fmt.Sprintf("both reconciled: revision %d as before", j.Revision)
}

func reverted(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	hr := heldRelease(f)
	if hr == nil {
		return false, "the HelmRelease is not there"
	}
	if _, there := hr.Labels[drillMark]; there {
		return false, p.Release.String() + " still has label " + drillMark
	}
	return true, p.Release.String() + " has lost label " + drillMark
}

func applied(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	hr := heldRelease(f)
	if hr == nil {
		return false, "the HelmRelease is not there"
	}
	if hr.Labels[drillMark] != p.Drill.Value {
		return false, p.Release.String() + " does not have what was committed yet"
	}
	return true, p.Release.String() + " has what was committed"
}

// subjectOf finds what a drill breaks among the workloads.
func subjectOf(all []facts.Workload, ref Ref) *facts.Workload {
	i := slices.IndexFunc(all, func(w facts.Workload) bool {
		return w.Kind == ref.Kind && w.Namespace == ref.Namespace && w.Name == ref.Name
	})
	if i < 0 {
		return nil
	}
	return &all[i]
}

// pair is the drill's workload as it is and as it was.
func pair(p *Plan, j *Journal, live []facts.Workload, base func(*facts.Live) []facts.Workload) (is, was *facts.Workload, why string) {
	is = subjectOf(live, p.Drill.Subject)
	if j.Base != nil {
		was = subjectOf(base(j.Base), p.Drill.Subject)
	}
	switch {
	case is == nil:
		why = p.Drill.Subject.String() + " is not there"
	case was == nil:
		why = "it is not known what " + p.Drill.Subject.String() + " was"
	}
	return is, was, why
}

func deployments(l *facts.Live) []facts.Workload { return l.Deployments }
func daemonSets(l *facts.Live) []facts.Workload  { return l.DaemonSets }

func restored(p *Plan, j *Journal, f facts.Facts) (bool, string) {
	is, was, why := pair(p, j, f.Live.Deployments, deployments)
	if why != "" {
		return false, why
	}
	if is.Labels[childLabel] != was.Labels[childLabel] {
		return false, fmt.Sprintf("%s still has label %s: %s", p.Drill.Subject, childLabel, or(is.Labels[childLabel], "(absent)"))
	}
	return true, fmt.Sprintf("%s has label %s: %s again", p.Drill.Subject, childLabel, was.Labels[childLabel])
}

func shielded(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	w := subjectOf(f.Live.DaemonSets, p.Drill.Subject)
	if w == nil || w.UpdateStrategy != "OnDelete" {
		return false, p.Drill.Subject.String() + " replaces pods by itself"
	}
	return true, p.Drill.Subject.String() + " replaces no pod by itself"
}

func outdated(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	w := subjectOf(f.Live.DaemonSets, p.Drill.Subject)
	if w == nil || w.ObservedGeneration < w.Generation || w.Updated >= w.Desired {
		return false, "no pod differs from the template of " + p.Drill.Subject.String() + " yet"
	}
	return true, fmt.Sprintf("%d of %d pods are as the template has them", w.Updated, w.Desired)
}

// upToDate counts pods that came while the template was marked as up to date where the user accepts that they are
// replaced once more: nothing but that makes them so.
func upToDate(p *Plan, j *Journal, f facts.Facts) (bool, string) {
	w := subjectOf(f.Live.DaemonSets, p.Drill.Subject)
	if w == nil || w.ObservedGeneration < w.Generation {
		return false, p.Drill.Subject.String() + " has not been looked at by its controller yet"
	}
	late := 0
	if p.Drill.Accept && j.Base != nil {
		f.Base = j.Base
		for _, pod := range f.Live.Pods {
			if pod.Owner == w.Kind+"/"+w.Name && !slices.ContainsFunc(j.Base.Pods, func(b facts.Pod) bool { return b.UID == pod.UID }) {
				late++
			}
		}
	}
	if int(w.Updated)+late < int(w.Desired) {
		return false, fmt.Sprintf("%d of %d pods are as the template of %s has them; one that came during the drill stays another until it is replaced: accept that with --undo --allow-danger", w.Updated, w.Desired, p.Drill.Subject)
	}
	return true, fmt.Sprintf("%d of %d pods are as the template has them", w.Updated, w.Desired)
}

func rollsAgain(p *Plan, j *Journal, f facts.Facts) (bool, string) {
	is, was, why := pair(p, j, f.Live.DaemonSets, daemonSets)
	if why != "" {
		return false, why
	}
	if is.UpdateStrategy != was.UpdateStrategy {
		return false, fmt.Sprintf("the update strategy of %s is %s, and was %s", p.Drill.Subject, is.UpdateStrategy, was.UpdateStrategy)
	}
	return upToDate(p, j, f)
}

func noOperator(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	w := subjectOf(f.Live.Deployments, p.Drill.Subject)
	if w == nil || w.ObservedGeneration < w.Generation || w.Total > 0 {
		return false, p.Drill.Subject.String() + " still has pods"
	}
	return true, "no operator"
}

func asReady(p *Plan, j *Journal, f facts.Facts) (bool, string) {
	is, was, why := pair(p, j, f.Live.Deployments, deployments)
	if why != "" {
		return false, why
	}
	if is.ObservedGeneration < is.Generation || is.Desired != was.Desired || is.Ready < was.Ready {
		return false, fmt.Sprintf("%d of %d pods of %s are ready", is.Ready, was.Ready, p.Drill.Subject)
	}
	return true, fmt.Sprintf("%d pods of %s are ready", is.Ready, p.Drill.Subject)
}

func unhealthy(p *Plan, _ *Journal, f facts.Facts) (bool, string) {
	ks := liveKustomization(f, p.Wiring)
	ready := Ready(ks)
	switch {
	case ks == nil:
		return false, p.Wiring.String() + " is not there"
	case ready.Status != "False" || ready.Reason != "HealthCheckFailed":
		return false, "Kustomization " + ks.ID() + ": " + strings.TrimSpace(ready.Status+" "+ready.Reason)
	case !strings.Contains(ready.Message, p.Drill.Subject.String()):
		return false, "Kustomization " + ks.ID() + " does not name " + p.Drill.Subject.String() + ": " + ready.Message
	}
	return true, ready.Reason + ": " + ready.Message
}

func notFine(p *Plan, j *Journal, f facts.Facts) (bool, string) {
	ks := liveKustomization(f, p.Wiring)
	if ks == nil || Ready(ks).Status != "True" || !since(ks.HandledReconcileAt, j.began()) {
		return true, "no word yet"
	}
	why := "Kustomization " + ks.ID() + " has looked, and is Ready: " + p.Drill.Subject.String() + " is healthy to it"
	if p.Drill.Subject.Kind == "Deployment" && p.Drill.Name == "health-operator" {
		why += ": 0 of 0 pods. Drift detection would bring it back; spec.healthCheckExprs can call it unhealthy"
	}
	return false, why
}

// sameAgents compares the agents alone with the baseline.
func sameAgents(_ *Plan, j *Journal, f facts.Facts) (bool, string) {
	if j.Base == nil {
		return true, "no baseline"
	}
	agents := func(pods []facts.Pod) []facts.Pod {
		return slices.DeleteFunc(slices.Clone(pods), func(p facts.Pod) bool { return p.Owner != "DaemonSet/"+f.Expect.Cilium.DaemonSet })
	}
	base := *j.Base
	base.Pods, f.Live.Pods, f.Base = agents(base.Pods), agents(f.Live.Pods), &base
	if changed := Touched(f); len(changed) > 0 {
		return false, changed[0].Pod + ": " + changed[0].Text
	}
	return true, fmt.Sprintf("%d agents as before", len(f.Live.Pods))
}

// keepOwners keeps who owns the object's fields, and what the object is to which that belongs.
func (b *BeforeImage) keepOwners(raw json.RawMessage) {
	var o struct {
		Metadata struct {
			ManagedFields json.RawMessage `json:"managedFields"`
		} `json:"metadata"`
	}
	if json.Unmarshal(raw, &o) == nil {
		b.Owners, b.Content = o.Metadata.ManagedFields, ContentDigest(raw)
	}
}

// ContentDigest is the SHA-256 of an object without what changes by itself: its status, who owns its fields, its
// versions, and the annotations that controllers and this tool write their own words to.
func ContentDigest(raw json.RawMessage) string {
	var o map[string]any
	if json.Unmarshal(raw, &o) != nil {
		return ""
	}
	delete(o, "status")
	if meta, ok := o["metadata"].(map[string]any); ok {
		for _, key := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"} {
			delete(meta, key)
		}
		annotations, _ := meta["annotations"].(map[string]any)
		for key := range annotations {
			if strings.HasPrefix(key, "reconcile.fluxcd.io/") || key == facts.DrillsAnnotation ||
				key == "deprecated.daemonset.template.generation" || key == "deployment.kubernetes.io/revision" {
				delete(annotations, key)
			}
		}
		if len(annotations) == 0 {
			delete(meta, "annotations")
		}
	}
	text, err := json.Marshal(o) // of what was decoded from JSON: cannot fail
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
