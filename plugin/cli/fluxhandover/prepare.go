package fluxhandover

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/act"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// job is one cluster that is to be handed over.
type job struct {
	target  cli.Target
	cluster changer
	keeper  handover.Keeper // one for all of a run: it knows what it last loaded or saved
	plan    *handover.Plan
	journal *handover.Journal // of a run that is gone on with; nil for a new one
	drills  handover.Keeper   // of drills: it knows what it last loaded
	before  *handover.Journal // of the run that a rollback undoes; nil where there is none
}

// prepare plans every cluster before the first is changed: one that is refused keeps all from beginning.
func (o *runOptions) prepare(ctx context.Context, targets []cli.Target, saved *report.Plan) ([]*job, error) {
	inputs, err := o.seen(ctx, targets)
	if err != nil {
		return nil, err
	}
	jobs := make([]*job, len(targets))
	plans := make([]*handover.Plan, len(targets))
	for i, t := range targets {
		j := &job{target: t}
		if j.cluster, err = o.reach(ctx, &o.aims, t); err != nil {
			return nil, &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("reach %s: %w", t.Name, err)}
		}
		if j.journal, err = o.unfinished(ctx, j, inputs[i].Facts.Live.UID); err != nil {
			if locked := o.busy(ctx, j); locked != nil {
				return nil, locked
			}
			return nil, err
		}
		if err := o.plans(ctx, j, inputs[i]); err != nil {
			return nil, err
		}
		if saved != nil && j.journal == nil && j.plan.Ready && !j.plan.Done {
			if err := o.same(planFor(saved, t), j.plan, "plan"); err != nil {
				return nil, err
			}
		}
		jobs[i], plans[i] = j, j.plan
	}
	if err := verdict(plans); err != nil {
		doc := report.NewPlan(plans, o.soak, o.allow, "")
		doc.Next = o.ways(jobs)
		return nil, errors.Join(err, o.out.Print(o.env, doc))
	}
	return jobs, nil
}

// ways are the commands to go on with where a run that stopped cannot be gone on with as things are.
func (o *runOptions) ways(jobs []*job) (next []string) {
	for _, j := range jobs {
		if j.journal != nil && !j.plan.Ready {
			next = append(next, o.again(j.target), o.command("rollback", []cli.Target{j.target}))
		}
	}
	return next
}

// busy tells whether a run that has not come to its end is still going on: then nobody has to go on with it.
func (o *runOptions) busy(ctx context.Context, j *job) error {
	l, err := j.cluster.Take(ctx, o.holder+" (looking)")
	if held := (*act.Held)(nil); errors.As(err, &held) {
		return &cli.Exit{Code: cli.ExitLocked, Err: fmt.Errorf("cluster %s: %w", j.target.Name, err)}
	}
	if err == nil {
		return l.Release(ctx)
	}
	return nil
}

// unfinished is the journal of a run that began on the cluster and did not come to its end; nil where there is none.
// Without --resume it is an error: what stands half-way is not begun anew.
func (o *runOptions) unfinished(ctx context.Context, j *job, uid string) (*handover.Journal, error) {
	if uid == "" {
		return nil, nil // the plan will say so
	}
	if err := o.noDrillLeft(ctx, j, uid); err != nil {
		return nil, err
	}
	if j.keeper == nil {
		j.keeper = keep(o.env, j.target.Name, &files{state: o.state, uid: uid}, j.cluster.Kept())
	}
	last, err := j.keeper.Load(ctx)
	switch {
	case err != nil:
		return nil, &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("read the journal of %s: %w", j.target.Name, err)}
	case !last.Unfinished() || last.UID != uid:
		return nil, nil
	case last.Sound() != nil:
		return nil, o.strange(j.target, last, "plan", last.Sound())
	case last.Name != handover.HandoverName:
		return nil, &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s: %s %s of %s did not come to its end; go on with it: %s",
			j.target.Name, last.Name, last.Run, last.Holder, o.command(strings.Fields(last.Name)[0], []cli.Target{j.target}))}
	case !o.resume:
		text := fmt.Sprintf("cluster %s: run %s of %s did not come to its end", j.target.Name, last.Run, last.Holder)
		if last.Stop != "" {
			text += ": " + strings.Join(strings.Fields(last.Stop), " ")
		}
		return nil, &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("%s; go on with it: %s", text, o.again(j.target))}
	}
	return last, nil
}

// again is the command that goes on with a run.
func (o *runOptions) again(t cli.Target) string {
	return o.command("run", []cli.Target{t}, "--resume")
}

// plans makes a job's plan, or that of the run that is gone on with.
func (o *runOptions) plans(ctx context.Context, j *job, in handover.Input) error {
	if j.journal != nil {
		if err := j.journal.Bound(in); err != nil {
			return o.strange(j.target, j.journal, "plan", err)
		}
		p, err := handover.Again(in, j.journal)
		if errors.Is(err, handover.ErrUnsure) {
			return &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("cluster %s: %w", j.target.Name, err)}
		}
		if err != nil {
			return o.strange(j.target, j.journal, "plan", err)
		}
		j.plan = p
		if j.journal.Adopting() {
			return nil
		}
	} else {
		j.plan = handover.Make(in)
	}
	if err := o.allowed(ctx, j.target, j.plan); err != nil {
		return &cli.Exit{Code: cli.ExitCannotTell, Err: err}
	}
	return nil
}

// same refuses where the plan of now is not the one that was saved or shown; again is the command that plans once more.
func (o *runOptions) same(was, now *handover.Plan, again ...string) error {
	changes := changed(was, now)
	if len(changes) == 0 {
		return nil
	}
	return &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s is not as it was planned for: %s; nothing was changed there; plan again: %s",
		now.Cluster, strings.Join(changes, "; "), cli.Shell(o.env.Name, append(again, "--context", now.Context)...))}
}

// changed says in what two plans for one cluster differ, where that matters.
func changed(was, now *handover.Plan) []string {
	var all []string
	add := func(what, from, to string) {
		if from != to {
			all = append(all, fmt.Sprintf("%s was %s and is %s", what, show(from), show(to)))
		}
	}
	add("the UID of kube-system", was.UID, now.UID)
	add("the strategy", string(was.Strategy), string(now.Strategy))
	all = append(all, now.World.Since(was.World)...)
	add("what is accepted by name", strings.Join(was.Accepted, ", "), strings.Join(now.Accepted, ", "))
	if len(all) == 0 && was.Digest != now.Digest {
		all = append(all, "what the steps would do has changed")
	}
	return all
}

func show(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}
