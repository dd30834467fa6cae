package handover

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// Renewal is one time that a run was gone on with before its adoption had begun: the world was judged anew, and the
// baseline is taken anew.
type Renewal struct {
	Time time.Time `json:"time"`
	// Text says what had changed since the run began, or was last gone on with.
	Text string `json:"text"`
}

// maxRenewals bounds how many a journal keeps, the latest.
const maxRenewals = 20

// Renews tells whether going on with a run takes its baseline anew: it has placed objects, and its adoption has not begun,
// so that nothing of Cilium can be another by what the run did.
func (j *Journal) Renews() bool { return j.Name == HandoverName && j.Changed() && !j.Adopting() }

// renew has the preflight and the baseline taken again, against the world of p, and the steps that placed what is not there
// any more.
func (j *Journal) renew(p *Plan, now time.Time) {
	text := "nothing that is recorded of the cluster has changed"
	if changes := p.World.Since(j.World); len(changes) > 0 {
		text = strings.Join(changes, "; ")
	}
	j.Renewed = append(j.Renewed, Renewal{Time: now.UTC(), Text: text})
	j.Renewed = slices.Clip(j.Renewed[max(0, len(j.Renewed)-maxRenewals):])
	j.World, j.Revision, j.Tree, j.Accepted = p.World.kept(), p.World.Revision, p.World.Tree, p.Accepted
	j.Base, j.Proof, j.Backup, j.Method = nil, nil, "", ""
	for i := range j.Steps {
		rec := &j.Steps[i]
		if rec.ID == StepAdopt {
			break
		}
		if rec.ID == StepPreflight || rec.ID == StepBackup || slices.Contains(p.replace, rec.ID) && rec.Taken > 0 {
			rec.Began, rec.Ended, rec.Taken, rec.Text = time.Time{}, time.Time{}, 0, ""
		}
	}
}

// resume takes up a run, and lets go what was suspended when it stopped, when there is anything. Where the adoption has
// begun, the guards speak before that.
func (r *Runner) resume(ctx context.Context, p *Plan, j *Journal) error {
	last := stepAt(p, j)
	if j.Renews() {
		j.renew(p, r.Clock.Now())
		last = &p.Steps[0]
		r.tell(j, last, Event{Kind: Doing, Text: "go on, with a new baseline: " + j.Renewed[len(j.Renewed)-1].Text})
	}
	j.Phase, j.Stop, j.Holder, j.Accepted = Running, "", or(r.Holder, j.Holder), p.Accepted
	if err := r.save(ctx, j); err != nil {
		return r.stop(ctx, p, j, last, err)
	}
	if len(j.Frozen) == 0 {
		return nil
	}
	if j.Adopting() {
		if err := r.clear(ctx, p, j, last); err != nil {
			return r.stop(ctx, p, j, last, err)
		}
	}
	for _, ref := range slices.Clone(j.Frozen) {
		if ref == p.Release && !j.Adopting() {
			continue // it is held, as it should be
		}
		again := Action{Verb: Resume, Ref: ref, Manager: FluxCLI, Why: "the run goes on"}
		if _, err := r.bind(ctx, p, j, p.Step(StepAdopt), again, time.Time{}); err != nil {
			return r.stop(ctx, p, j, last, err)
		}
		if err := r.World.Do(ctx, again); err != nil {
			return r.stop(ctx, p, j, last, r.failed("resume "+ref.String(), err))
		}
	}
	j.Frozen = nil
	if err := r.save(ctx, j); err != nil {
		return r.stop(ctx, p, j, last, err)
	}
	return nil
}

// stepAt is the first step that has not ended.
func stepAt(p *Plan, j *Journal) *Step {
	for i := range p.Steps {
		if rec := j.Step(p.Steps[i].ID); rec != nil && rec.Ended.IsZero() {
			return &p.Steps[i]
		}
	}
	return &p.Steps[0]
}

// clear waits until the guards of a step pass, before Flux's objects are let go again. Whose release Helm's newest is
// cannot be told before: that an upgrade failed is mended by going on.
func (r *Runner) clear(ctx context.Context, p *Plan, j *Journal, s *Step) error {
	ids := slices.DeleteFunc(slices.Concat(s.Guard, s.Patient), func(id check.ID) bool { return id == "CG403" })
	_, err := r.insist(ctx, p, j, p.unrolled(s, j), nil, checks(ids), r.Clock.Now().Add(slack))
	return err
}

// Since says in what a world differs from an earlier one, where that matters.
func (s State) Since(was State) []string {
	var all []string
	add := func(what, from, to string) {
		if from != to {
			all = append(all, fmt.Sprintf("%s was %s and is %s", what, or(from, "(none)"), or(to, "(none)")))
		}
	}
	add("Helm's newest revision", fmt.Sprint(was.Revision), fmt.Sprint(s.Revision))
	add("its status", was.Status, s.Status)
	add("the chart's version", was.ChartVersion, s.ChartVersion)
	add("the chart's source", was.Chart.Of, s.Chart.Of)
	add("the chart's digest", digestOf(was.Chart), digestOf(s.Chart))
	add("the digest of the values", was.Values, s.Values)
	add("the digest of the HelmRelease's spec", was.Spec, s.Spec)
	add("the API server's version", was.Version, s.Version)
	add("the commit of the working tree", was.Tree, s.Tree)
	return append(all, s.podsSince(was)...)
}
