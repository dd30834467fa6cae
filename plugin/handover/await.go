package handover

import (
	"context"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// settle waits until objects are current, a little at a time: in between the hard guards are judged.
func (r *Runner) settle(ctx context.Context, p *Plan, j *Journal, s *Step, deadline time.Time) error {
	if len(s.Settle) == 0 {
		return nil
	}
	guards := checks(s.Guard)
	for {
		err := r.World.Settle(ctx, s.Settle, settling)
		if err == nil {
			return nil
		}
		f, _ := r.observe(ctx, p, check.Needs(guards, nil)) // a guard that cannot see is judged again by wait
		f.Base, f.Accepted = j.Base, p.begun(j)
		w := watched{bad: map[check.ID]time.Time{}}
		if stop := w.guard(s, j, f, guards, r.Clock.Now()); stop != nil {
			return stop
		}
		if err := r.again(ctx, deadline, "wait until they are current", err); err != nil {
			return err
		}
	}
}
