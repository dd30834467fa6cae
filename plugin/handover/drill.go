package handover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// undoing is how long a drill may take to put everything back, keeping how long to keep its result.
const (
	undoing = 15 * time.Minute
	keeping = 30 * time.Second
)

// Drill runs a plan that breaks something on purpose: its steps, and then, however those ended, the steps that undo. A
// drill whose process died is undone by calling Drill again with its journal: nothing is broken twice. The error is a
// *Stop where the drill did not show what it was to show, or where it could not be undone; Journal.Phase tells which,
// and Journal.Result what it came to.
func (r *Runner) Drill(ctx context.Context, p *Plan, j *Journal) error {
	failed := r.show(ctx, p, j)
	var stop *Stop
	if errors.As(failed, &stop) && stop.Kind == StopLost {
		return failed // whoever has the lock undoes it
	}
	if j.Result == nil {
		j.Result = r.resultOf(p, j, failed)
	}
	if failed != nil {
		j.Stop = failed.Error()
		r.tell(j, p.Step(stopped(failed)), Event{Kind: Stopped, Text: reasonOf(failed)})
	}
	if !j.Changed() && p.Drill.Finding == "" {
		j.Phase, j.Ended = Finished, r.Clock.Now().UTC()
		return errors.Join(failed, r.Journal.Save(context.WithoutCancel(ctx), j))
	}
	// What was begun is undone, though the user interrupts.
	ctx, cancel := context.WithTimeout(withoutInterrupt(ctx), undoing)
	defer cancel()
	j.Phase = Undoing
	s, err := r.steps(ctx, p, j, p.Undo)
	if err == nil {
		s, err = keptStep(p), r.keep(ctx, p, j)
	}
	if err == nil {
		j.Phase, j.Ended = Finished, r.Clock.Now().UTC()
		err = r.save(ctx, j)
	}
	if err != nil {
		j.Phase, j.Ended = Undoing, time.Time{}
		undo := r.ended(ctx, s, err)
		j.Stop = undo.Error()
		return errors.Join(undo, failed, r.save(ctx, j))
	}
	r.tell(j, nil, Event{Kind: Done, Text: "everything is as it was"})
	return failed
}

// withoutInterrupt outlives the user's interruption, and ends when the lock is lost.
func withoutInterrupt(ctx context.Context) context.Context {
	out, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		if errors.Is(context.Cause(ctx), ErrLost) {
			cancel(ErrLost)
		}
	})
	return out
}

// show takes the steps that break, unless another process has begun with them.
func (r *Runner) show(ctx context.Context, p *Plan, j *Journal) error {
	switch {
	case j.Result != nil && j.Result.Outcome == facts.DrillShown:
		return nil
	case j.Result != nil:
		return &Stop{Kind: StopTime, Step: StepSee, Reason: j.Result.Text}
	case j.Phase == Undoing || j.Changed():
		return &Stop{Kind: StopInterrupted, Step: StepSee, Reason: "the drill was interrupted, and is undone"}
	case p.Drill.Finding != "":
		return &Stop{Kind: StopWorld, Step: StepSee, Reason: p.Drill.Finding}
	}
	if err := r.save(ctx, j); err != nil {
		return r.ended(ctx, &p.Steps[0], err)
	}
	if err := r.baseline(ctx, j); err != nil {
		return r.ended(ctx, &p.Steps[0], err)
	}
	j.Until = r.Clock.Now().UTC().Add(p.Drill.Bound)
	if s, err := r.steps(ctx, p, j, p.Steps); err != nil {
		return r.ended(ctx, s, err)
	}
	return nil
}

// baseline keeps how things are, for guards to compare with.
func (r *Runner) baseline(ctx context.Context, j *Journal) error {
	f, err := r.World.Observe(ctx, BaseParts())
	if err := errors.Join(err, blindness(f)); err != nil {
		return r.failed("see the cluster", err)
	}
	j.Base = memo(f.Live)
	return nil
}

// resultOf is what a drill came to that ended so.
func (r *Runner) resultOf(p *Plan, j *Journal, failed error) *facts.DrillResult {
	result := &facts.DrillResult{Outcome: facts.DrillShown, At: r.Clock.Now().UTC()}
	if rec := j.Step(StepSee); rec != nil && !rec.Ended.IsZero() {
		result.Took, result.Text = rec.Ended.Sub(rec.Began).Round(time.Millisecond), rec.Text
	}
	var stop *Stop
	if !errors.As(failed, &stop) {
		return result
	}
	result.Outcome, result.Took, result.Text = facts.DrillStopped, 0, stop.Reason
	if slices.Contains(p.Drill.Shows, stop.Step) && (stop.Kind == StopTime || stop.Kind == StopGuard) || p.Drill.Finding != "" {
		result.Outcome = facts.DrillNotShown
	}
	return result
}

// keep writes the result where later looks at the cluster find it. A drill that ended before there was anything to see
// says nothing, and leaves the result of the one before it.
func (r *Runner) keep(ctx context.Context, p *Plan, j *Journal) error {
	if j.Result.Outcome == facts.DrillStopped {
		return nil
	}
	deadline := r.Clock.Now().Add(keeping)
	for {
		raw, err := r.World.Image(ctx, p.Release)
		if err == nil {
			var a Action
			if a, err = keepResult(p, raw, *j.Result); err == nil {
				err = r.World.Do(ctx, a)
			}
		}
		if err == nil {
			return nil
		}
		if err := r.again(ctx, deadline, "keep the result in "+p.Release.String(), err); err != nil {
			return err
		}
	}
}

// keepResult adds a result to those that the HelmRelease has.
func keepResult(p *Plan, raw json.RawMessage, result facts.DrillResult) (Action, error) {
	var hr struct {
		Metadata struct {
			Annotations map[string]string `json:"annotations"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(raw, &hr); err != nil {
		return Action{}, fmt.Errorf("it is not there")
	}
	all := facts.ParseDrills(hr.Metadata.Annotations[facts.DrillsAnnotation])
	if all == nil {
		all = map[string]facts.DrillResult{}
	}
	all[p.Drill.Name] = result
	text, err := json.Marshal(all)
	if err != nil {
		return Action{}, err
	}
	return Action{
		Verb: Patch, Ref: p.Release, Manager: OwnManager, Why: "what the drill came to",
		Change: change(string(text), "metadata", "annotations", facts.DrillsAnnotation),
	}, nil
}

// keptStep is what a result that could not be kept is told of as.
func keptStep(p *Plan) *Step {
	if n := len(p.Undo); n > 0 {
		return &p.Undo[n-1]
	}
	return &Step{ID: StepSee}
}

// violated finds what should hold all the time and does not. What cannot be seen is looked at again.
func violated(p *Plan, s *Step, j *Journal, f facts.Facts, now time.Time) *Stop {
	for _, w := range s.While {
		if slices.ContainsFunc(w.Parts(), func(part facts.Part) bool { return !known(f, part) }) {
			continue
		}
		if ok, why := w.Holds(p, j, f); !ok {
			note(j, f, now)
			return &Stop{Kind: StopGuard, Reason: why}
		}
	}
	return nil
}

func stopped(err error) string {
	var stop *Stop
	errors.As(err, &stop)
	return stop.Step
}

func reasonOf(err error) string {
	var stop *Stop
	errors.As(err, &stop)
	return stop.Reason
}

// ended is err as a *Stop of that step.
func (r *Runner) ended(ctx context.Context, s *Step, err error) error {
	var stop *Stop
	if !errors.As(err, &stop) {
		stop = &Stop{Kind: StopError, Reason: err.Error(), Err: err}
	}
	stop.Step = s.ID
	switch {
	case errors.Is(err, ErrLost), errors.Is(context.Cause(ctx), ErrLost):
		stop.Kind = StopLost
	case ctx.Err() != nil:
		stop.Kind = StopInterrupted
	}
	return stop
}

// before is what the run kept of an object; nil where it has not written to it.
func (j *Journal) before(ref Ref) *BeforeImage {
	for i := range j.Before {
		if j.Before[i].Ref == ref {
			return &j.Before[i]
		}
	}
	return nil
}
