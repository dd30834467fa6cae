package fluxhandover

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// left is the journal of a drill that is not undone; nil where there is none. The keeper that loaded it is the job's.
func (o *runOptions) left(ctx context.Context, j *job, uid string) (*handover.Journal, error) {
	k := keep(o.env, j.target.Name, &files{state: &state{dir: filepath.Join(o.state.dir, "drills")}, uid: uid}, j.cluster.KeptDrill())
	last, err := k.Load(ctx)
	if err != nil {
		return nil, &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("read the journal of drills of %s: %w", j.target.Name, err)}
	}
	j.drills = k
	if !last.Unfinished() || last.UID != uid {
		return nil, nil
	}
	return last, nil
}

// noDrillLeft refuses where a drill is not undone: nothing else begins before.
func (o *runOptions) noDrillLeft(ctx context.Context, j *job, uid string) error {
	left, err := o.left(ctx, j, uid)
	if left == nil || err != nil {
		return err
	}
	return o.refuseDrill(j.target, left)
}

func (a *aims) refuseDrill(t cli.Target, left *handover.Journal) error {
	return &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s: %s; undo it first: %s", t.Name, leftWords(left), a.undoing(t))}
}

// drillsLeft refuses where a cluster's own journal says that a drill is not undone there.
func (a *aims) drillsLeft(ctx context.Context, targets []cli.Target) error {
	var all []error
	for _, t := range targets {
		left, err := a.drillLeft(ctx, t)
		switch {
		case err != nil:
			a.env.Say("cluster %s: it is not known whether a drill is undone there: %v", t.Name, err)
		case left != nil:
			all = append(all, a.refuseDrill(t, left))
		}
	}
	return errors.Join(all...)
}

// seen are the targets that answered.
func seen(targets []cli.Target, plans []*handover.Plan) []cli.Target {
	var all []cli.Target
	for i, t := range targets {
		if plans[i].UID != "" {
			all = append(all, t)
		}
	}
	return all
}

// drillLeft is the journal that a cluster has of a drill that is not undone; nil where there is none.
func (a *aims) drillLeft(ctx context.Context, t cli.Target) (*handover.Journal, error) {
	ctx, cancel := context.WithTimeout(ctx, a.clusters.Timeout)
	defer cancel()
	c, err := a.reach(ctx, a, t)
	if err != nil {
		return nil, err
	}
	left, err := c.KeptDrill().Load(ctx)
	if err != nil || !left.Unfinished() {
		return nil, err
	}
	return left, nil
}

// drill is where a drill stands that is not undone; nil where there is none, or where the cluster does not say: then it
// does not say where a handover stands, either.
func (o *statusOptions) drill(ctx context.Context, t cli.Target) *report.RunCluster {
	left, err := o.drillLeft(ctx, t)
	if err != nil || left == nil {
		return nil
	}
	c := report.OfJournal(left, t.Expect)
	c.Cluster, c.Context = t.Name, t.Context
	if !o.env.Now().Before(left.Until) { // whoever was to undo it by then is dead
		c.Outcome = report.RunStopped
	}
	return &c
}

// leftWords says what a drill has left.
func leftWords(j *handover.Journal) string {
	text := fmt.Sprintf("%s %s of %s has not put everything back", j.Name, j.Run, j.Holder)
	if !j.Until.IsZero() {
		text += ", and was to by " + j.Until.UTC().Format(time.RFC3339)
	}
	return text
}

func (a *aims) undoing(t cli.Target) string {
	return a.command("drill", []cli.Target{t}, "--undo")
}
