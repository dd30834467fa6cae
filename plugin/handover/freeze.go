package handover

import (
	"context"
	"errors"
	"slices"
	"time"
)

// freezing is how long it may take to see that Flux has let go, attempt how long one try may take, and atOnce how often an
// object that somebody else writes to meanwhile is tried before there is a pause.
const (
	freezing = 30 * time.Second
	attempt  = 10 * time.Second
	atOnce   = 5
)

// stop ends a run before its end: it freezes where something went wrong, and writes down why. Where the user
// interrupted, or somebody else has the lock, nothing more is written to Flux's objects: Cilium runs, under the owner
// that it has at that moment.
func (r *Runner) stop(ctx context.Context, p *Plan, j *Journal, s *Step, err error) error {
	var stop *Stop
	if !errors.As(err, &stop) {
		stop = &Stop{Kind: StopError, Reason: err.Error(), Err: err}
	}
	stop.Step = s.ID
	switch {
	case errors.Is(err, ErrLost), errors.Is(context.Cause(ctx), ErrLost):
		stop.Kind, stop.Reason = StopLost, "somebody else has the lock"
		return stop
	case ctx.Err() != nil:
		stop.Kind = StopInterrupted
	}
	j.Stop = stop.Error()
	if stop.Kind != StopInterrupted {
		lost := false
		stop.Frozen, lost = r.freeze(ctx, p, j, s)
		if lost {
			stop.Kind, stop.Reason = StopLost, "somebody else has the lock"
			return stop
		}
		j.Phase = Frozen
	}
	saving, cancel := context.WithTimeout(context.WithoutCancel(ctx), attempt)
	defer cancel()
	if err := r.Journal.Save(saving, j); err != nil && stop.Err == nil {
		stop.Err = err
	}
	r.tell(j, s, Event{Kind: Stopped, Text: stop.Reason})
	return stop
}

// freeze suspends the Kustomization and the HelmRelease, where they exist, and tells whether it has seen that Flux let go
// of the release. Each is tried again until it is suspended or the time is up, whatever becomes of the other. lost:
// somebody else has the lock, and nothing more was written. Before the run has placed anything there is nothing to freeze.
func (r *Runner) freeze(ctx context.Context, p *Plan, j *Journal, s *Step) (seen, lost bool) {
	if !j.Changed() {
		return true, false
	}
	ctx, cancel := context.WithTimeout(withoutInterrupt(ctx), freezing+attempt)
	defer cancel()
	end := r.Clock.Now().Add(freezing)
	left := slices.DeleteFunc([]Ref{p.Wiring, p.Release}, func(ref Ref) bool { return ref == Ref{} })
	for {
		var still []Ref
		for _, ref := range left {
			switch err := r.suspend(ctx, j, ref); {
			case errors.Is(err, ErrLost), errors.Is(context.Cause(ctx), ErrLost):
				return false, true
			case err != nil:
				still = append(still, ref)
			}
		}
		if left = still; len(left) == 0 && r.hasLetGo(ctx, p, j) {
			r.tell(j, s, Event{Kind: Froze, Text: "Flux's objects are suspended"})
			return true, false
		}
		if !r.Clock.Now().Before(end) || r.World.Changed(ctx, hurry) != nil && ctx.Err() != nil {
			return false, false
		}
	}
}

// hasLetGo tells whether Flux was seen to have let go of the release.
func (r *Runner) hasLetGo(ctx context.Context, p *Plan, j *Journal) bool {
	f, err := r.observe(ctx, p, LetGo.Parts())
	if err != nil {
		return false
	}
	ok, _ := LetGo.Holds(p, j, f)
	return ok
}

// suspend suspends one object where it exists; nil where that is known to be so. What was suspended before the run is not
// ours to let go later. An object that changes meanwhile is looked at and written to again at once. It is written down
// first, where that can be: a cluster that does not take the journal may still take the suspension, which matters more.
func (r *Runner) suspend(ctx context.Context, j *Journal, ref Ref) error {
	var err error
	for range atOnce {
		if err = r.suspendOnce(ctx, j, ref); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return err
}

func (r *Runner) suspendOnce(ctx context.Context, j *Journal, ref Ref) error {
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	raw, err := r.World.Image(ctx, ref)
	if err != nil || raw == nil || imageOf(ref, raw).Suspend {
		return err
	}
	if !slices.Contains(j.Frozen, ref) {
		j.Frozen = append(j.Frozen, ref)
		saving, done := context.WithTimeout(ctx, attempt/2)
		err := r.Journal.Save(saving, j)
		done()
		if errors.Is(err, ErrLost) {
			return err
		}
	}
	return r.World.Do(ctx, Action{Verb: Suspend, Ref: ref, Manager: FluxCLI, Why: "the run stopped"})
}
