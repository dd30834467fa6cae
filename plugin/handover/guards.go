package handover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// guarded tells whether all guards of a step have to pass before anything of it is done: what these steps let go or give
// away is not undone by a guard that fails afterwards.
func (s *Step) guarded() bool {
	return slices.Contains([]string{StepAdopt, StepFields, StepHelm, StepOwner}, s.ID)
}

// unrolled is a step before anything that it rolls can have been rolled: all workloads have to be as ready as before.
func (p *Plan) unrolled(s *Step, j *Journal) *Step {
	if len(p.begun(j)) > 0 {
		return s
	}
	plain := *s
	plain.Rolls = nil
	return &plain
}

// guard finds what stops the run, and keeps in w.unsure which guard has not passed. A guard that cannot see is no reason to
// stop at once: what it guards is compared with the baseline, so that nothing is missed once it sees again. Nothing ends
// well before it has, and the step's time limit holds.
func (w *watched) guard(s *Step, j *Journal, f facts.Facts, guards []check.Check, now time.Time) *Stop {
	w.unsure = ""
	for _, v := range check.Run(rolling(s, f), guards) {
		switch {
		case v.Outcome == check.Unknown && seenWhole(s, f, v.Check), v.Outcome == check.Pass:
			delete(w.bad, v.Check)
			continue
		case v.Outcome == check.Fail:
			if w.bad[v.Check].IsZero() {
				w.bad[v.Check] = now
			}
		case v.Outcome != check.Unknown:
			delete(w.bad, v.Check)
		}
		said := fmt.Sprintf("%s: %s%s", v.Check, v.Reason, evidence(v))
		if v.Outcome == check.Fail && (slices.Contains(s.Guard, v.Check) || now.Sub(w.bad[v.Check]) >= patience) {
			note(j, f, now)
			return &Stop{Kind: StopGuard, Reason: said}
		}
		if w.unsure == "" {
			w.unsure = said
		}
	}
	return nil
}

// seenWhole tells whether a guard has something to compare once the workloads that the step rolls count as well: without
// them there may be none left.
func seenWhole(s *Step, f facts.Facts, id check.ID) bool {
	if len(s.Rolls) == 0 {
		return false
	}
	verdicts := check.Run(f, checks([]check.ID{id}))
	return len(verdicts) == 1 && verdicts[0].Outcome != check.Unknown
}

// before judges what has to hold before a step does anything: what the step insists on, when it begins, and for a step
// that is guarded all its guards, also when it is gone on with. What cannot be seen is looked at again; what is otherwise
// stops.
func (r *Runner) before(ctx context.Context, p *Plan, j *Journal, s *Step, rec *StepRecord, deadline time.Time) error {
	var wants []Want
	if rec.Begun == 0 {
		wants = s.Before
	}
	var guards []check.Check
	if s.guarded() && rec.Taken < len(s.Do) {
		guards = checks(slices.Concat(s.Guard, s.Patient))
	}
	if len(wants)+len(guards) == 0 {
		return nil
	}
	text, err := r.insist(ctx, p, j, p.unrolled(s, j), wants, guards, deadline)
	if err == nil && text != "" {
		rec.Text = text
	}
	return err
}

// insist waits until wants hold and guards pass, at the same look. A want that does not hold, and was seen, stops; so
// does a guard, as it does in any wait.
func (r *Runner) insist(
	ctx context.Context, p *Plan, j *Journal, s *Step, wants []Want, guards []check.Check, deadline time.Time,
) (string, error) {
	parts := slices.Concat(partsOf(wants), check.Needs(guards, nil))
	slices.Sort(parts)
	parts = slices.Compact(parts)
	w := watched{bad: map[check.ID]time.Time{}}
	for {
		f, err := r.observe(ctx, p, parts)
		f.Base, f.Accepted = j.Base, p.begun(j)
		unseen := errors.Join(err, blindTo(f, requiredBy(wants)))
		text := ""
		if unseen == nil {
			for _, want := range wants {
				ok, why := want.Holds(p, j, f)
				if !ok {
					return "", &Stop{Kind: StopWorld, Reason: why}
				}
				text = why
			}
		}
		if err == nil {
			if stop := w.guard(s, j, f, guards, r.Clock.Now()); stop != nil {
				return "", stop
			}
		}
		if unseen == nil && w.unsure == "" {
			return text, nil
		}
		if unseen == nil {
			if !r.Clock.Now().Before(deadline) {
				return "", &Stop{Kind: StopTime, Reason: "before anything was done, not seen to be well: " + w.unsure}
			}
			unseen = errors.New(w.unsure)
		}
		if err := r.again(ctx, deadline, "see the cluster", unseen); err != nil {
			return "", err
		}
	}
}

// requiredBy are the parts without which wants cannot be judged.
func requiredBy(all []Want) []facts.Part {
	var parts []facts.Part
	for _, w := range all {
		parts = append(parts, wants[w].parts...)
	}
	return parts
}

// blindTo is blindness to those parts alone.
func blindTo(f facts.Facts, parts []facts.Part) error {
	blind := map[facts.Part]string{}
	for part, why := range f.Blind {
		if slices.Contains(parts, part) {
			blind[part] = why
		}
	}
	return blindness(facts.Facts{Blind: blind})
}
