package fluxhandover

import (
	"context"
	"errors"
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// What a run does when it stopped before its end.
const (
	onFailureStop     = "stop"     // Flux's objects stay, suspended
	onFailureRollback = "rollback" // the cluster is taken back to its bootstrap
)

func onFailures() []string { return []string{onFailureStop, onFailureRollback} }

// orBack hands a cluster over and, where that stopped and the user wants it, takes it back. Whoever interrupts wants
// nothing more to be done, and a lock that is lost is somebody else's.
func (o *runOptions) orBack(ctx context.Context, j *job, tell func(handover.Event)) (report.RunCluster, error) {
	c, err := o.one(ctx, j, tell)
	if err == nil || o.onFailure != onFailureRollback || c.Outcome != report.RunStopped || ctx.Err() != nil {
		return c, err
	}
	stop := c.Stop
	o.env.Say("cluster %s: %v", j.target.Name, err)
	back := &rollbackOptions{runOptions: *o, to: handover.ToBootstrap}
	undo := &job{target: j.target, cluster: j.cluster, keeper: j.keeper}
	planned := back.plans(ctx, undo)
	if planned == nil {
		planned = verdict([]*handover.Plan{undo.plan})
	}
	if planned != nil {
		why := ""
		if undo.plan != nil {
			for _, r := range undo.plan.Refusals {
				why += " " + r.ID + ": " + r.Reason + ";"
			}
		}
		return c, &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s: stopped, and not taken back:%s see: %s",
			j.target.Name, why, o.command("rollback", []cli.Target{j.target}, "--dry-run"))}
	}
	c, err = back.one(ctx, undo, tell)
	if err != nil {
		return c, errors.Join(fmt.Errorf("cluster %s: stopped: %s", j.target.Name, stop), err)
	}
	c.Stop = "the handover stopped: " + stop
	return c, &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s: the handover stopped, and was taken back: Cilium is the bootstrap's; see why: %s",
		j.target.Name, o.command("plan", []cli.Target{j.target}))}
}
