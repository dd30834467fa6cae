package handover

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// BaseParts are what a run's baseline holds: what its guards compare with.
func BaseParts() []facts.Part {
	return []facts.Part{
		facts.Identity, facts.Version, facts.Nodes, facts.DaemonSets, facts.Deployments, facts.Pods, facts.Config,
		facts.Releases, facts.Release, facts.HelmReleases, facts.Kustomizations, facts.Sources,
	}
}

// watched is a step's wait, from one look to the next.
type watched struct {
	deadline time.Time
	since    time.Time // Until has held from then on
	bad      map[check.ID]time.Time
	unsure   string // which guard has not passed at the last look, and why; empty where all have
}

// wait looks until what the step waits for holds, long enough, or a guard fails, or the time is up.
func (r *Runner) wait(ctx context.Context, p *Plan, j *Journal, s *Step, rec *StepRecord, deadline time.Time) error {
	if len(s.Until) == 0 {
		return nil
	}
	guards := checks(slices.Concat(s.Guard, s.Patient))
	parts := slices.Concat(partsOf(s.Until), partsOf(s.While), check.Needs(guards, nil))
	slices.Sort(parts)
	parts = slices.Compact(parts)
	w := watched{deadline: deadline, bad: map[check.ID]time.Time{}}
	for {
		f, err := r.observe(ctx, p, parts)
		if err != nil && (ctx.Err() != nil || errors.Is(err, ErrLost)) {
			return r.failed("see the cluster", err)
		}
		f.Base, f.Accepted = j.Base, p.begun(j)
		over, err := r.look(p, j, s, rec, &w, f, guards)
		if over || err != nil {
			return err
		}
		if err := r.World.Changed(ctx, r.pause(s, &w)); err != nil && ctx.Err() != nil {
			return r.failed("wait", err)
		}
	}
}

// pause is how long to wait at most before looking again.
func (r *Runner) pause(s *Step, w *watched) time.Duration {
	d := min(tick, w.deadline.Sub(r.Clock.Now()))
	if !w.since.IsZero() {
		d = min(d, w.since.Add(s.For).Sub(r.Clock.Now()))
	}
	if w.unsure != "" && d <= 0 {
		d = hurry
	}
	return max(d, 10*time.Millisecond)
}

// look judges what is seen: guards first, then what is waited for.
func (r *Runner) look(p *Plan, j *Journal, s *Step, rec *StepRecord, w *watched, f facts.Facts, guards []check.Check) (bool, error) {
	now := r.Clock.Now()
	if stop := w.guard(s, j, f, guards, now); stop != nil {
		return false, stop
	}
	if stop := violated(p, s, j, f, now); stop != nil {
		return false, stop
	}
	ok, why := true, ""
	for _, want := range s.Until {
		if ok, why = want.Holds(p, j, f); !ok {
			break
		}
	}
	pods := check.Since(f)
	e := Event{Kind: Waiting, Text: why, Pods: pods.Before, Untouched: pods.Same, Elapsed: now.Sub(rec.Began)}
	switch {
	case !ok:
		w.since = time.Time{}
	case w.since.IsZero():
		w.since = now
	}
	long := ok && now.Sub(w.since) >= s.For
	if long && w.unsure != "" {
		e.Text, why = w.unsure, w.unsure
	}
	if long && w.unsure == "" {
		rec.Text = why
		if s.ID == StepProof || s.ID == StepSoak {
			j.Proof = memo(f.Live)
			rec.Text = pods.Words() + "; " + why
		}
		return true, nil
	}
	if !now.Before(w.deadline) {
		return false, &Stop{Kind: StopTime, Reason: fmt.Sprintf("not within %s: %s", s.Within, why)}
	}
	if ok && !long {
		e.Text = fmt.Sprintf("%s left", (s.For - now.Sub(w.since)).Round(time.Second))
	}
	r.tell(j, s, e)
	return false, nil
}

func evidence(v check.Verdict) string {
	var all []string
	for _, e := range v.Evidence {
		all = append(all, fmt.Sprintf("%s: %s", e.Where, e.Got))
	}
	if len(all) == 0 {
		return ""
	}
	if len(all) > 3 {
		all = append(all[:3], fmt.Sprintf("and %d more", len(v.Evidence)-3))
	}
	return " (" + strings.Join(all, "; ") + ")"
}

// maxSeen bounds how many changes of pods a journal tells of, one by one: those that were seen first.
const maxSeen = 1000

// note puts into the journal what became of the pods, where they were seen.
func note(j *Journal, f facts.Facts, now time.Time) {
	if !known(f, facts.Pods) {
		return
	}
	for _, e := range Touched(f) {
		if len(j.Seen) == maxSeen {
			break
		}
		e.Time = now.UTC()
		j.Seen = append(j.Seen, e)
	}
	if len(j.Seen) > 0 {
		j.Proof = memo(f.Live) // what was seen last, instead of what was seen before it happened
	}
}

// Touched are Cilium's pods that are not as they were at f's baseline, one event each; none where there is no baseline.
func Touched(f facts.Facts) []PodEvent {
	if f.Base == nil {
		return nil
	}
	var all []PodEvent
	for _, e := range check.PodChanges(f) {
		all = append(all, PodEvent{Pod: e.Where, Text: e.Got})
	}
	return all
}

// ciliumPods are those of the workloads of Cilium's release.
func ciliumPods(f facts.Facts) []facts.Pod { return f.Workloads().Pods(f.Live.Pods) }

// checks are those of that ID.
func checks(ids []check.ID) []check.Check {
	return slices.DeleteFunc(check.All(), func(c check.Check) bool { return !slices.Contains(ids, c.ID) })
}

func partsOf(all []Want) []facts.Part {
	var parts []facts.Part
	for _, w := range all {
		parts = append(parts, w.Parts()...)
	}
	slices.Sort(parts)
	return slices.Compact(parts)
}

// blindness is an error that says what could not be seen; nil where all was.
func blindness(f facts.Facts) error {
	var all []error
	for part, why := range f.Blind {
		all = append(all, fmt.Errorf("%s: %s", part, why))
	}
	slices.SortFunc(all, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	return errors.Join(all...)
}

// imageOf is what is kept of an object: nothing that could be secret.
func imageOf(ref Ref, raw json.RawMessage) BeforeImage {
	image := BeforeImage{Ref: ref, Existed: len(raw) > 0}
	var body map[string]any
	if !image.Existed || json.Unmarshal(raw, &body) != nil {
		return image
	}
	meta, _ := body["metadata"].(map[string]any)
	image.UID, _ = meta["uid"].(string)
	spec, _ := body["spec"].(map[string]any)
	image.Suspend, _ = spec["suspend"].(bool)
	plain, err := json.Marshal(spec)
	if err == nil {
		sum := sha256.Sum256(plain)
		image.Digest = hex.EncodeToString(sum[:])
	}
	return image
}

// observe looks at the cluster, with the names of the plan's own objects, which the fleet may have otherwise.
func (r *Runner) observe(ctx context.Context, p *Plan, parts []facts.Part) (facts.Facts, error) {
	f, err := r.World.Observe(ctx, parts)
	if p.Release.Name != "" {
		f.Expect.Flux.HelmReleaseNamespace, f.Expect.Flux.HelmRelease = p.Release.Namespace, p.Release.Name
	}
	return f, err
}
