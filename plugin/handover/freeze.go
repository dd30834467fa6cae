package handover

import (
	"context"
	"errors"
	"slices"
	"time"
)

// freezing is how long it may take to see that Flux has let go.
const freezing = 30 * time.Second

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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), freezing+10*time.Second)
	defer cancel()
	j.Stop = stop.Error()
	if stop.Kind != StopInterrupted {
		stop.Frozen = r.freeze(ctx, p, j, s)
		j.Phase = Frozen
	}
	if err := r.Journal.Save(ctx, j); err != nil && stop.Err == nil {
		stop.Err = err
	}
	r.tell(j, s, Event{Kind: Stopped, Text: stop.Reason})
	return stop
}

// freeze suspends the Kustomization, then the HelmRelease, where they exist, and tells whether it has seen that Flux let
// go of the release. Before the run has placed anything there is nothing to freeze.
func (r *Runner) freeze(ctx context.Context, p *Plan, j *Journal, s *Step) bool {
	if !j.Changed() {
		return true
	}
	done := true
	for _, ref := range []Ref{p.Wiring, p.Release} {
		if ref != (Ref{}) {
			done = r.suspend(ctx, j, ref) && done
		}
	}
	if !done {
		return false
	}
	end := r.Clock.Now().Add(freezing)
	for {
		f, err := r.observe(ctx, p, Held.Parts())
		if err == nil {
			if ok, _ := Held.Holds(p, j, f); ok || heldRelease(f) == nil && len(f.Blind) == 0 {
				r.tell(j, s, Event{Kind: Froze, Text: "Flux's objects are suspended"})
				return true
			}
		}
		if !r.Clock.Now().Before(end) || r.World.Changed(ctx, hurry) != nil && ctx.Err() != nil {
			return false
		}
	}
}

// suspend suspends one object where it exists. What was suspended before the run is not ours to let go later.
func (r *Runner) suspend(ctx context.Context, j *Journal, ref Ref) bool {
	raw, err := r.World.Image(ctx, ref)
	if err != nil {
		return false
	}
	if raw == nil || imageOf(ref, raw).Suspend {
		return true
	}
	if !slices.Contains(j.Frozen, ref) {
		j.Frozen = append(j.Frozen, ref)
	}
	if err := r.Journal.Save(ctx, j); err != nil {
		return false
	}
	return r.World.Do(ctx, Action{Verb: Suspend, Ref: ref, Manager: FluxCLI, Why: "the run stopped"}) == nil
}
