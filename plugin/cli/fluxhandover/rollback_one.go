package fluxhandover

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// one takes one cluster back, under its lock. What was planned before the lock was taken is planned again.
func (o *rollbackOptions) one(ctx context.Context, j *job, tell func(handover.Event)) (report.RunCluster, error) {
	return o.under(ctx, j, func(ctx context.Context, id string) (report.RunCluster, error) {
		shown, before := j.plan, j.journal
		j.journal = nil
		err := o.plans(ctx, j)
		if err == nil && (j.journal == nil) != (before == nil) {
			err = &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s: another run was here in between; see: %s", j.target.Name, o.command("status", []cli.Target{j.target}))}
		}
		if err == nil {
			err = errors.Join(verdict([]*handover.Plan{j.plan}), o.same(shown, j.plan, "rollback", "--dry-run"))
		}
		if err != nil {
			return o.about(j, report.RunRefused), err
		}
		return o.carry(ctx, j, id, tell)
	})
}

// carry runs the plan of a cluster whose lock is ours.
func (o *rollbackOptions) carry(ctx context.Context, j *job, id string, tell func(handover.Event)) (report.RunCluster, error) {
	runner := &handover.Runner{Clock: clock(o.env.Now), Tell: tell, Holder: o.holder, Tool: tool(), Journal: j.keeper}
	var journal *handover.Journal
	if j.journal != nil {
		journal = runner.GoOnUndo(j.plan, j.journal)
	} else {
		journal = runner.BeginUndo(j.plan, id, j.before)
	}
	open, err := o.measure(ctx, j)
	if err != nil {
		return o.about(j, report.RunUnseen), err
	}
	dir := o.state.run(journal.Cluster, journal.Run)
	runner.World = j.cluster.World(filepath.Join(dir, "backup"), journal.Objects)
	err = runner.Run(ctx, j.plan, journal)
	o.measured(ctx, open, journal, j.keeper)
	return o.outcome(ctx, j, journal, ended{dir: dir, world: runner.World, again: o.again(j.target)}, err)
}

func (o *rollbackOptions) choices(c report.RunCluster, j *job) []string {
	status := o.command("status", []cli.Target{j.target})
	if c.Outcome == report.RunLocked {
		return []string{status}
	}
	return []string{o.again(j.target), status}
}
