package fluxhandover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/checkout"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// drillJob is one drill on one cluster.
type drillJob struct {
	*job

	drill handover.Drill
}

func (j *drillJob) done(outcome facts.DrillOutcome) report.DrillDone {
	return report.DrillDone{Cluster: j.target.Name, Context: j.target.Context, Name: j.drill.Name, Check: j.drill.Check, Outcome: outcome}
}

// prepareDrill reaches the cluster and plans the drill there.
func (o *drillOptions) prepareDrill(ctx context.Context, j *drillJob) (err error) {
	if j.cluster, err = o.reach(ctx, &o.aims, j.target); err != nil {
		return &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("reach %s: %w", j.target.Name, err)}
	}
	if err := o.planWell(ctx, j); err != nil {
		return err
	}
	if err := o.allowed(ctx, j.target, j.plan); err != nil {
		return &cli.Exit{Code: cli.ExitCannotTell, Err: err}
	}
	return nil
}

// lull is how long a drill waits for Flux to come to an end with what it is at, breath how long between two looks.
const (
	lull   = time.Minute
	breath = 2 * time.Second
)

// planWell plans the drill once Flux is not at work on what the drill is about, or has been for too long: the drill before
// may have left it something to do.
func (o *drillOptions) planWell(ctx context.Context, j *drillJob) error {
	end := o.env.Now().Add(lull)
	for {
		if err := o.planDrill(ctx, j); err != nil || !j.plan.Drill.Working || !o.env.Now().Before(end) {
			return err
		}
		if err := o.env.Sleep(ctx, breath); err != nil {
			return err
		}
	}
}

// planDrill plans the drill by what the cluster says now.
func (o *drillOptions) planDrill(ctx context.Context, j *drillJob) error {
	parts := func(cli.Target) []facts.Part { return handover.DrillParts() }
	f := o.clusters.Gather(ctx, o.env, []cli.Target{j.target}, true, parts)[0]
	if err := ctx.Err(); err != nil {
		return err
	}
	in := handover.DrillInput{Facts: f, Objects: map[handover.Ref]json.RawMessage{}, Danger: o.danger}
	var err error
	if in.Value, err = o.id(); err != nil {
		return err
	}
	if f.Live.UID == "" || !o.undoable(f) {
		j.plan = handover.MakeDrill(j.drill, in)
		return nil
	}
	if in.Busy, err = o.busy(ctx, j.job, f.Live.UID); err != nil {
		return err
	}
	w := j.cluster.World("", nil)
	for _, ref := range handover.DrillObjects(f) {
		if in.Objects[ref], err = w.Image(ctx, ref); err != nil {
			return &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("cluster %s: %w", j.target.Name, err)}
		}
	}
	if j.drill.Name == "git-change" {
		in.File, in.Checkout = o.checkout(ctx, j.target, f)
	}
	j.plan = handover.MakeDrill(j.drill, in)
	return nil
}

// undoable tells whether there is anything to hold a drill on: else its objects need not be asked for.
func (o *drillOptions) undoable(f facts.Facts) bool { return len(f.Live.HelmReleases) > 0 }

// busy words what has to come to its end before a drill begins; empty where nothing has to.
func (o *drillOptions) busy(ctx context.Context, j *job, uid string) (string, error) {
	if left, err := o.left(ctx, j, uid); left != nil || err != nil {
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%s %s of %s is not undone", left.Name, left.Run, left.Holder), nil
	}
	last, err := j.cluster.Kept().Load(ctx)
	if err != nil {
		return "", &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("read the journal of %s: %w", j.target.Name, err)}
	}
	if last.Unfinished() && last.UID == uid {
		return fmt.Sprintf("%s %s of %s did not come to its end", last.Name, last.Run, last.Holder), nil
	}
	return "", nil
}

// checkout is where the user's checkout has the HelmRelease, and what is wrong with it.
func (o *drillOptions) checkout(ctx context.Context, t cli.Target, f facts.Facts) (file, trouble string) {
	f.Seen = slices.Clone(f.Seen) // it is added to, and sorted
	all := []facts.Facts{f}
	if _, err := o.clusters.Trees(ctx, all, []cli.Target{t}, func(cli.Target) []facts.Part { return []facts.Part{facts.Tree} }); err != nil {
		return "", err.Error()
	}
	release := all[0].Git.Cilium()
	if release == nil {
		return "", all[0].Blind[facts.Tree]
	}
	return release.File, checkout.Checkout{Dir: o.clusters.Repo()}.Trouble(ctx)
}

// drillWorld is a cluster and the user's checkout.
type drillWorld struct {
	handover.World

	checkout checkout.Checkout
}

// Do takes an action, a commit in the checkout.
func (w drillWorld) Do(ctx context.Context, a handover.Action) error {
	if a.Verb != handover.Commit {
		return w.World.Do(ctx, a)
	}
	var change struct {
		Metadata struct {
			Labels map[string]*string `json:"labels"`
		} `json:"metadata"`
	}
	if err := json.Unmarshal(a.Change, &change); err != nil {
		return fmt.Errorf("commit to %s: %w", a.File, err)
	}
	for key, value := range change.Metadata.Labels {
		l := checkout.Label{File: a.File, Kind: a.Ref.Kind, Namespace: a.Ref.Namespace, Name: a.Ref.Name, Key: key}
		if value != nil {
			l.Value = *value
		}
		if err := w.checkout.Push(ctx, l); err != nil {
			return fmt.Errorf("commit to %s in %s: %w", a.File, w.checkout.Dir, err)
		}
	}
	return nil
}

// hold holds a drill, or undoes one, on a cluster whose lock is ours.
func (o *drillOptions) hold(ctx context.Context, j *drillJob, journal *handover.Journal, id string, tell func(handover.Event)) (report.DrillDone, error) {
	runner := &handover.Runner{Clock: clock(o.env.Now), Tell: tell, Holder: o.holder, Tool: tool(), Journal: j.drills}
	runner.World = drillWorld{World: j.cluster.World("", nil), checkout: checkout.Checkout{Dir: o.clusters.Repo()}}
	undo := journal != nil
	if undo {
		j.plan.Drill.Accept = o.danger
		journal.Distrust()
	} else {
		journal = runner.Begin(j.plan, id)
	}
	open, err := o.measure(ctx, j.job)
	if err != nil {
		return j.done(report.DrillUnseen), err
	}
	err = runner.Drill(ctx, j.plan, journal)
	o.measured(ctx, open, journal, j.drills)
	r := j.done(report.DrillNotDone)
	r.Streams = journal.Streams
	r.Run, r.Seen, r.Steps, r.Notes = journal.Run, journal.Seen, journal.Steps, j.plan.Notes
	if journal.Result != nil {
		r.At, r.Took, r.Text = journal.Result.At, journal.Result.Took, journal.Result.Text
	}
	if !journal.Ended.IsZero() {
		r.Lasted = journal.Ended.Sub(journal.Began)
	}
	var stop *handover.Stop
	switch {
	case errors.As(err, &stop) && stop.Kind == handover.StopLost:
		r.Outcome = report.DrillLocked
		return r, &cli.Exit{Code: cli.ExitLocked, Err: fmt.Errorf("cluster %s: the lock was lost at step %s; see who has it: %s", j.target.Name, stop.Step, o.command("status", []cli.Target{j.target}))}
	case journal.Phase != handover.Finished:
		r.Text = journal.Stop
		return r, &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s: drill %s is not undone: %s; go on: %s", j.target.Name, j.drill.Name, journal.Stop, o.undoing(j.target))}
	case undo:
		r.Outcome = report.DrillUndone
		return r, nil
	}
	r.Outcome = journal.Result.Outcome
	return r, o.exit(j, journal, err)
}

// exit is the exit of a drill that is undone.
func (o *drillOptions) exit(j *drillJob, journal *handover.Journal, err error) error {
	var stop *handover.Stop
	switch {
	case err == nil:
		return nil
	case journal.Result.Outcome == facts.DrillNotShown:
		return &cli.Exit{Code: cli.ExitNo}
	case errors.As(err, &stop) && stop.Kind == handover.StopInterrupted && !journal.Changed():
		return &cli.Exit{Code: cli.ExitInterrupted, Err: errors.New("interrupted; nothing was changed")}
	}
	return &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s: drill %s stopped, and is undone: %w", j.target.Name, j.drill.Name, err)}
}
