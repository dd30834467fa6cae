package fluxhandover

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/act"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// all hands the clusters over one after the other, and begins none after one that did not go well.
func (o *runOptions) all(ctx context.Context, jobs []*job) error {
	return o.each(ctx, jobs, o.orBack, o.choices)
}

// carrying brings one cluster to the end of its plan.
type carrying func(ctx context.Context, j *job, tell func(handover.Event)) (report.RunCluster, error)

// each carries the clusters' plans out one after the other, and begins none after one that did not go well. choices
// are the commands to go on with there.
func (o *runOptions) each(ctx context.Context, jobs []*job, carry carrying, choices func(report.RunCluster, *job) []string) error {
	tell, begin, closed := o.view()
	var clusters []report.RunCluster
	var next []string
	var failed error
	for _, j := range jobs {
		if failed != nil {
			clusters = append(clusters, o.about(j, report.RunNot))
			continue
		}
		if j.plan.Done {
			clusters = append(clusters, o.about(j, report.RunNothing))
			continue
		}
		begin(j.plan)
		c, err := carry(ctx, j, tell)
		clusters = append(clusters, c)
		if failed = err; failed != nil {
			next = choices(c, j)
		}
	}
	closed()
	failed = interrupted(ctx, clusters, failed)
	doc := report.NewRun(clusters, next)
	print := func() error { return o.out.Print(o.env, doc) }
	if o.out.Format.String() == "json" {
		print = func() error { return report.PrintLine(o.env.Out, doc) }
	}
	if err := print(); err != nil {
		return errors.Join(failed, err)
	}
	return failed
}

// interrupted is failed, unless the user interrupted and clusters before have been changed: then it does not say that
// nothing was.
func interrupted(ctx context.Context, clusters []report.RunCluster, failed error) error {
	changed := slices.ContainsFunc(clusters, func(c report.RunCluster) bool {
		return c.Outcome == report.RunFinished || c.Outcome == report.RunRolledBack
	})
	var exit *cli.Exit
	if ctx.Err() == nil || failed == nil || !changed || errors.As(failed, &exit) && exit.Code == cli.ExitRefused {
		return failed
	}
	return &cli.Exit{Code: cli.ExitRefused, Err: errors.New("interrupted between two clusters; to go on, type the same again: clusters that are done are left alone")}
}

// view is how a run is told of: to whom each event goes, what begins a cluster, and what ends it all.
func (o *runOptions) view() (tell func(handover.Event), begin func(*handover.Plan), end func()) {
	if o.out.Format.String() == "json" {
		return report.Events(o.env.Out), func(*handover.Plan) {}, func() {}
	}
	style, err := o.env.Style(o.env.ErrOut, o.out.Color)
	if err != nil {
		style = report.Style{} // Check has seen the flag: cannot be
	}
	v := report.NewRunView(o.env.ErrOut, style)
	return v.Tell, v.Cluster, v.Close
}

func (o *runOptions) about(j *job, outcome report.RunOutcome) report.RunCluster {
	p := j.plan
	return report.RunCluster{
		Cluster: p.Cluster, Context: p.Context, Server: p.Server, UID: p.UID, Strategy: p.Strategy,
		Outcome: outcome, Steps: []handover.StepRecord{},
	}
}

// choices are the commands to go on with after a run did not come to its end.
func (o *runOptions) choices(c report.RunCluster, j *job) []string {
	targets := []cli.Target{j.target}
	switch c.Outcome {
	case report.RunStopped, report.RunGoing:
		return []string{o.again(j.target), o.command("rollback", targets), o.command("status", targets)}
	case report.RunLocked:
		return []string{o.command("status", targets)}
	}
	return []string{o.command("plan", targets)}
}

// one hands one cluster over, under its lock.
func (o *runOptions) one(ctx context.Context, j *job, tell func(handover.Event)) (report.RunCluster, error) {
	return o.under(ctx, j, func(ctx context.Context, id string) (report.RunCluster, error) { return o.locked(ctx, j, id, tell) })
}

// under does something to one cluster while its lock is ours.
func (o *runOptions) under(ctx context.Context, j *job, do func(ctx context.Context, id string) (report.RunCluster, error)) (report.RunCluster, error) {
	id, err := o.id()
	if err != nil {
		return o.about(j, report.RunNot), err
	}
	l, err := j.cluster.Take(ctx, o.holder+" "+id)
	if held := (*act.Held)(nil); errors.As(err, &held) {
		c := o.about(j, report.RunLocked)
		c.Holder, c.Stop = held.Holder, err.Error()
		return c, &cli.Exit{Code: cli.ExitLocked}
	}
	if err != nil {
		return o.about(j, report.RunUnseen), &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("cluster %s: %w", j.target.Name, err)}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-l.Lost():
			cancel(handover.ErrLost)
		case <-ctx.Done():
		}
	}()
	c, err := do(ctx, id)
	giving, done := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer done()
	if given := l.Release(giving); given != nil {
		o.env.Say("cluster %s: the lock could not be given back, and is free in a moment: %v", j.target.Name, given)
	}
	return c, err
}

// id names a run: when it began, and what tells it from another of the same second.
func (o *runOptions) id() (string, error) {
	var random [2]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", fmt.Errorf("name the run: %w", err)
	}
	return o.env.Now().UTC().Format("20060102T150405Z") + "-" + hex.EncodeToString(random[:]), nil
}

// locked carries the plan out. What was planned before the lock was taken is planned again: the cluster before this one
// may have taken its time.
func (o *runOptions) locked(ctx context.Context, j *job, id string, tell func(handover.Event)) (report.RunCluster, error) {
	shown, before := j.plan, j.journal
	inputs, err := o.seen(ctx, []cli.Target{j.target})
	if err != nil {
		return o.about(j, report.RunUnseen), err
	}
	if j.journal, err = o.unfinished(ctx, j, shown.UID); err == nil && !sameRun(j.journal, before) {
		err = &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s: another run was here in between; see: %s", j.target.Name, o.command("status", []cli.Target{j.target}))}
	}
	if err == nil {
		err = o.plans(ctx, j, inputs[0])
	}
	if err == nil {
		err = verdict([]*handover.Plan{j.plan})
		if j.journal == nil {
			err = errors.Join(err, o.same(shown, j.plan, "plan"))
		}
	}
	if err != nil {
		c := o.about(j, report.RunRefused)
		for _, r := range j.plan.Refusals {
			c.Stop += r.ID + ": " + r.Reason + " "
		}
		return c, err
	}
	journal := j.journal
	runner := &handover.Runner{
		Clock: clock(o.env.Now), Tell: tell, Holder: o.holder, Tool: tool(), Journal: j.keeper,
	}
	if journal == nil {
		journal = runner.Begin(j.plan, id)
	}
	open, err := o.measure(ctx, j)
	if err != nil {
		return o.about(j, report.RunUnseen), err
	}
	dir := o.state.run(journal.Cluster, journal.Run)
	runner.World = j.cluster.World(filepath.Join(dir, o.backup(journal)), journal.Objects)
	if w, ok := runner.World.(*world); ok {
		w.release = j.plan.Release
	}
	err = runner.Run(ctx, j.plan, journal)
	o.measured(ctx, open, journal, j.keeper)
	return o.outcome(ctx, j, journal, ended{dir: dir, world: runner.World, again: o.again(j.target)}, err)
}

// sameRun tells whether two journals are of one run, or neither is there.
func sameRun(a, b *handover.Journal) bool {
	return (a == nil) == (b == nil) && (a == nil || a.Run == b.Run)
}

// backup is the folder of a run's backup. A run that takes its baseline anew backs up anew, and keeps what it had.
func (o *runOptions) backup(journal *handover.Journal) string {
	if !journal.Renews() {
		return "backup"
	}
	return "backup-" + o.env.Now().UTC().Format("20060102T150405.000Z")
}

// ended is what there is of a run that came to an end, or stopped.
type ended struct {
	dir   string
	world handover.World
	again string // the command that goes on with it
}

// outcome is what became of a run, as a document and as an exit.
func (o *runOptions) outcome(ctx context.Context, j *job, journal *handover.Journal, e ended, err error) (report.RunCluster, error) {
	c := report.OfJournal(journal, j.target.Expect)
	c.Server = j.plan.Server
	if evidence := filepath.Join(e.dir, evidenceFile); journal.Base != nil {
		if kept := o.evidence(ctx, journal, e.world, evidence); kept != nil {
			o.env.Say("cluster %s: the evidence could not be kept: %v", j.target.Name, kept)
		} else {
			c.Evidence = evidence
		}
	}
	var stop *handover.Stop
	switch {
	case err == nil:
		return c, nil
	case !errors.As(err, &stop):
		return c, &cli.Exit{Code: cli.ExitRefused, Err: err}
	}
	c.Outcome, c.Stop = report.RunStopped, stop.Error()
	switch {
	case stop.Kind == handover.StopInterrupted && !journal.Changed():
		c.Outcome = report.RunNot
		return c, &cli.Exit{Code: cli.ExitInterrupted, Err: errors.New("interrupted; nothing was changed")}
	case stop.Kind == handover.StopLost:
		c.Outcome = report.RunLocked
		return c, &cli.Exit{Code: cli.ExitLocked, Err: fmt.Errorf("cluster %s: the lock was lost at step %s", j.target.Name, stop.Step)}
	}
	text := "stopped"
	switch {
	case stop.Kind == handover.StopInterrupted:
		return c, &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s: interrupted at step %s; Cilium runs on; go on: %s", j.target.Name, stop.Step, e.again)}
	case stop.Frozen && journal.Changed():
		text = "stopped; Flux's objects of Cilium are suspended, and Cilium runs on"
	case journal.Changed():
		text = "stopped; it was not seen that Flux's objects of Cilium are suspended: look at them"
	}
	on := "go on: " + e.again
	if stop.Kind == handover.StopGuard && journal.Name == handover.HandoverName && journal.Adopting() {
		on = fmt.Sprintf("take it back: %s; or accept by name what has happened, and go on: %s --allow-restart KIND/NAME",
			o.command("rollback", []cli.Target{j.target}), e.again)
	}
	return c, &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s: %s: %w; %s", j.target.Name, text, stop, on)}
}

// clock is a function that tells the time.
type clock func() time.Time

func (c clock) Now() time.Time { return c() }

// tool is which build this is, for journals.
func tool() string {
	build := cli.Build("flux-handover")
	return build.Name + "/" + build.Version
}

// evidenceFile is what is kept of a run for whoever wants to check it later.
const evidenceFile = "evidence.yaml"

// evidence keeps how the cluster is, beside how it was before the run: a recording that verify judges again.
func (o *runOptions) evidence(ctx context.Context, journal *handover.Journal, w handover.World, path string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.clusters.Timeout)
	defer cancel()
	f, err := w.Observe(ctx, handover.BaseParts())
	if err != nil {
		return err
	}
	f.Base, f.Accepted = journal.Base, journal.Accepted
	journal.Measured(&f)
	f = handover.Evidence(f)
	facts.Clean(&f)
	return writeFacts(path, slices.Clip([]facts.Facts{f}))
}
