package fluxhandover

import (
	"context"
	"errors"
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// tellAll says which drills there are, and what they would be on the clusters that were named.
func (o *drillOptions) tellAll(ctx context.Context, drills []handover.Drill) error {
	there := map[string][]report.DrillThere{}
	if !o.clusters.Given() {
		return o.out.Print(o.env, report.NewDrillList(drills, there))
	}
	targets, err := o.clusters.Targets()
	if err != nil {
		return err
	}
	dir, err := stateDir(o.env)
	if err != nil {
		return &cli.Exit{Code: cli.ExitUsage, Err: err}
	}
	o.state, o.danger = &state{dir: dir}, true // it is said of each whether it is dangerous
	for _, t := range targets {
		for _, d := range drills {
			j := &drillJob{job: &job{target: t}, drill: d}
			if j.cluster, err = o.reach(ctx, &o.aims, t); err == nil {
				err = o.planDrill(ctx, j)
			}
			if err != nil {
				return &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("look at %s: %w", t.Name, err)}
			}
			there[d.Name] = append(there[d.Name], report.OfDrillPlan(j.plan, j.plan.Drill.Last))
		}
	}
	return o.out.Print(o.env, report.NewDrillList(drills, there))
}

// drillAll holds the drills one after the other. One that shows nothing is no reason not to hold the next; one that is
// not undone, or stopped, is.
func (o *drillOptions) drillAll(ctx context.Context, jobs []*drillJob) error {
	return o.drillEach(ctx, jobs, func(ctx context.Context, j *drillJob, id string, tell func(handover.Event)) (report.DrillDone, error) {
		if err := o.planWell(ctx, j); err != nil {
			return j.done(report.DrillUnseen), err
		}
		if !j.plan.Ready {
			r := j.done(report.DrillRefused)
			r.Refusals = j.plan.Refusals
			return r, verdict([]*handover.Plan{j.plan})
		}
		return o.hold(ctx, j, nil, id, tell)
	})
}

// undoAll puts back what drills have left on the clusters.
func (o *drillOptions) undoAll(ctx context.Context, targets []cli.Target) error {
	var jobs []*drillJob
	var all []*job
	for _, t := range targets {
		j := &drillJob{job: &job{target: t}}
		f := o.clusters.Gather(ctx, o.env, []cli.Target{t}, true, func(cli.Target) []facts.Part { return handover.DrillParts() })[0]
		if f.Live.UID == "" {
			return &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("see which cluster %s is: %s", t.Name, f.Blind[facts.Identity])}
		}
		var err error
		if j.cluster, err = o.reach(ctx, &o.aims, t); err != nil {
			return &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("reach %s: %w", t.Name, err)}
		}
		if j.journal, err = o.left(ctx, j.job, f.Live.UID); err != nil {
			return err
		}
		if j.journal == nil {
			o.env.Say("cluster %s: no drill has left anything", t.Name)
			continue
		}
		if err := o.planUndo(ctx, j, f); err != nil {
			return err
		}
		o.env.Say("cluster %s: %s", t.Name, leftWords(j.journal))
		jobs, all = append(jobs, j), append(all, j.job)
	}
	if err := o.confirm(all, "Put it back?"); err != nil {
		return err
	}
	return o.drillEach(ctx, jobs, func(ctx context.Context, j *drillJob, id string, tell func(handover.Event)) (report.DrillDone, error) {
		left, err := o.left(ctx, j.job, j.journal.UID)
		if err != nil {
			return j.done(report.DrillUnseen), err
		}
		if left == nil {
			return j.done(report.DrillUndone), nil // by somebody else, meanwhile
		}
		f := o.clusters.Gather(ctx, o.env, []cli.Target{j.target}, true, func(cli.Target) []facts.Part { return handover.DrillParts() })[0]
		j.journal = left
		if err := o.planUndo(ctx, j, f); err != nil {
			return j.done(report.DrillNotDone), err
		}
		return o.hold(ctx, j, left, id, tell)
	})
}

// planUndo plans the way back of a drill that is not undone: anew, by what the cluster says.
func (o *drillOptions) planUndo(ctx context.Context, j *drillJob, f facts.Facts) (err error) {
	if err := j.journal.Sound(); err != nil {
		return o.strange(j.target, j.journal, "drill", err)
	}
	file := ""
	if j.journal.Plan.Drill.Name == "git-change" {
		file, _ = o.checkout(ctx, j.target, f)
	}
	if j.plan, err = handover.UndoDrill(f, j.journal, file); err != nil {
		return o.strange(j.target, j.journal, "drill", err)
	}
	j.drill, _ = handover.DrillNamed(j.plan.Drill.Name)
	return nil
}

// drillEach does something with each drill under its cluster's lock.
func (o *drillOptions) drillEach(ctx context.Context, jobs []*drillJob, do func(context.Context, *drillJob, string, func(handover.Event)) (report.DrillDone, error)) error {
	tell, begin, closed := o.view()
	var all []report.DrillDone
	var next []string
	var worst error
	stopped := false
	for _, j := range jobs {
		if stopped {
			all = append(all, j.done(report.DrillNotBegun))
			continue
		}
		begin(j.plan)
		r := j.done(report.DrillUnseen)
		c, err := o.under(ctx, j.job, func(ctx context.Context, id string) (c report.RunCluster, err error) {
			r, err = do(ctx, j, id, tell)
			return c, err
		})
		if c.Outcome == report.RunLocked {
			r.Outcome, r.Text = report.DrillLocked, c.Stop
		}
		all = append(all, r)
		worst = worse(worst, err)
		switch r.Outcome {
		case facts.DrillShown, facts.DrillNotShown, report.DrillUndone:
		default:
			command := o.command("status", []cli.Target{j.target})
			if o.undo || r.Outcome == report.DrillNotDone {
				command = o.undoing(j.target)
			}
			stopped, next = true, append(next, command)
		}
	}
	closed()
	doc := report.NewDrills(all, next)
	if o.out.Format.String() == "json" {
		return errors.Join(worst, report.PrintLine(o.env.Out, doc))
	}
	return errors.Join(worst, o.out.Print(o.env, doc))
}

// worse is the one of two errors that outweighs the other: the greater exit code.
func worse(a, b error) error {
	var one, other *cli.Exit
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case errors.As(a, &one) && errors.As(b, &other) && other.Code <= one.Code:
		return a
	}
	return b
}
