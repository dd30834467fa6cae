package handover

import (
	"context"
	"errors"
	"time"
)

// undoing is how long a drill may take to put everything back.
const undoing = 10 * time.Minute

// Drill runs a plan that breaks something on purpose: its steps, and then, however those ended, the steps that undo. A
// drill whose process died is undone by calling Drill again with its journal: nothing is broken twice. The error is a
// *Stop where the drill did not show what it was to show, or where it could not be undone.
func (r *Runner) Drill(ctx context.Context, p *Plan, j *Journal) error {
	var failed error
	if j.Phase != Undoing && !j.Changed() {
		if err := r.save(ctx, j); err != nil {
			return r.ended(ctx, &p.Steps[0], err)
		}
		if s, err := r.steps(ctx, p, j, p.Steps); err != nil {
			failed = r.ended(ctx, s, err)
		}
	} else {
		failed = &Stop{Kind: StopInterrupted, Step: "drill", Reason: "the drill was interrupted, and is undone"}
	}
	var stop *Stop
	if errors.As(failed, &stop) && stop.Kind == StopLost {
		return failed // whoever has the lock undoes it
	}
	// What was begun is undone, though the user interrupts.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoing)
	defer cancel()
	j.Phase = Undoing
	if s, err := r.steps(ctx, p, j, p.Undo); err != nil {
		j.Stop = r.ended(ctx, s, err).Error()
		return errors.Join(failed, r.ended(ctx, s, err), r.save(ctx, j))
	}
	j.Phase, j.Ended = Finished, r.Clock.Now().UTC()
	if failed != nil {
		j.Stop = failed.Error()
	}
	if err := r.save(ctx, j); err != nil {
		return errors.Join(failed, err)
	}
	r.tell(j, nil, Event{Kind: Done, Text: "everything is as it was"})
	return failed
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
