package fluxhandover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/chart"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// rollbackOptions are the flags of rollback. What it carries out, it carries out as run does.
type rollbackOptions struct {
	runOptions

	to     string
	dryRun bool
}

func newRollback(env *cli.Env) *cobra.Command {
	o := &rollbackOptions{runOptions: runOptions{aims: newAims(env)}}
	cmd := &cobra.Command{
		Use:   "rollback",
		Short: "Give Cilium back to its bootstrap, without a restart",
		Long: `Suspends Flux's objects of Cilium, the Kustomization first, and sees them suspended; has Helm go back to what the
bootstrap had, as a new revision; and then removes what the handover brought and nothing else needs, which prunes and
uninstalls nothing while it is suspended. Where Flux's controllers do not answer, nothing is removed: the rollback stops
there, and goes on when it is called again. What going back would do to Cilium's objects is known beforehand: where it would replace a pod or delete an object, nothing is done
unless the object is named with --allow. Meanwhile no pod of Cilium may be replaced or restart.

It goes by the journal of the run that is undone, or, where there is none, by what is there. What Git applies is not
removed, for Flux would bring it back active: it stays suspended, and the answer says what has to leave Git first.

The steps are written down before they are taken, as those of run are. A rollback that stopped goes on when it is called
again, from another machine, too.

Exit codes: 0 done, or nothing to do, 2 wrong usage or input, 3 something could not be seen and nothing was changed,
4 refused, or stopped: the message names the next command, 5 another handover holds a cluster's lock,
130 interrupted before any change.`,
		Example: fmt.Sprintf(`  # What it would do; nothing is changed
  %[1]s rollback --context infra --dry-run

  # Back to the bootstrap's Helm release, with no object of Flux's left
  %[1]s rollback --context infra

  # Undo the adoption, and keep the HelmRelease, suspended
  %[1]s rollback --context infra --to hold --yes`, env.Name),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.cmd = cmd
	flags := cmd.Flags()
	o.clusters.AddFlags(flags)
	o.clusters.Complete(cmd)
	o.out.AddFlags(flags)
	o.out.Complete(cmd)
	flags.StringVar(&o.to, "to", handover.ToBootstrap, "How far to go back, what stays at last, one of: "+strings.Join(handover.RollbackTargets(), ", "))
	flags.StringSliceVar(&o.allow, "allow", nil, "Accept that going back replaces this object's pods, or deletes it: KIND/NAME, such as DaemonSet/cilium; repeatable")
	flags.BoolVar(&o.dryRun, "dry-run", false, "Say what would be done, and do nothing")
	flags.BoolVar(&o.yes, "yes", false, "Do not ask")
	flags.StringVar(&o.holder, "holder", o.holder, "Who runs this, for the lock and the journal (default: USER@HOST)")
	o.probe.AddFlags(flags, probeUsage)
	_ = cmd.RegisterFlagCompletionFunc("to", cobra.FixedCompletions(handover.RollbackTargets(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *rollbackOptions) run(ctx context.Context) error {
	if err := o.check(); err != nil {
		return err
	}
	if o.holder == "" {
		o.holder = holder(o.env)
	}
	targets, err := o.clusters.Targets()
	if err != nil {
		return err
	}
	if err := o.open(); err != nil {
		return err
	}
	jobs := make([]*job, len(targets))
	plans := make([]*handover.Plan, len(targets))
	for i, t := range targets {
		if jobs[i], err = o.job(ctx, t); err != nil {
			return err
		}
		plans[i] = jobs[i].plan
	}
	doc := report.NewPlan(plans, 0, o.allow, o.again(targets...))
	refused := verdict(plans)
	if o.dryRun || refused != nil {
		return errors.Join(o.out.Print(o.env, doc), refused)
	}
	if !o.yes {
		style, err := o.env.Style(o.env.ErrOut, o.out.Color)
		if err != nil {
			return err
		}
		doc.Next = nil // it is what is asked for
		if err := report.Print(o.env.ErrOut, report.Format{}, doc, style); err != nil {
			return err
		}
	}
	if err := o.confirm(jobs, "Take Cilium back from Flux there?"); err != nil {
		return err
	}
	err = o.each(ctx, jobs, o.one, o.choices)
	for _, p := range plans {
		for _, note := range p.Notes { // what is left for Git
			o.env.Say("%s: %s", p.Cluster, note)
		}
	}
	return err
}

func (o *rollbackOptions) check() error {
	var like report.Doc = report.Run{}
	if o.dryRun {
		like = report.Plan{}
	}
	if err := errors.Join(o.clusters.OnlyNamed(), o.out.Check(o.env, like)); err != nil {
		return err
	}
	if err := o.probe.Check(); err != nil {
		return err
	}
	if !slices.Contains(handover.RollbackTargets(), o.to) {
		return cli.Usage("--to: %q is not one of %s", o.to, strings.Join(handover.RollbackTargets(), ", "))
	}
	if o.clusters.Timeout <= 0 {
		return cli.Usage("--timeout: %s is not a time to wait", o.clusters.Timeout)
	}
	for _, name := range o.allow {
		if kind, object, ok := strings.Cut(name, "/"); !ok || kind == "" || object == "" {
			return cli.Usage("--allow: %q is not KIND/NAME, such as DaemonSet/cilium", name)
		}
	}
	if !o.yes && !o.dryRun && !o.asks() {
		return cli.Usage("there is no terminal to ask on: look at the plan with --dry-run, then say --yes")
	}
	return nil
}

// open finds the folder of journals; what only looks makes none.
func (o *rollbackOptions) open() (err error) {
	if o.dryRun {
		dir, err := stateDir(o.env)
		o.state = &state{dir: dir}
		if err != nil {
			return &cli.Exit{Code: cli.ExitUsage, Err: err}
		}
		return nil
	}
	if o.state, err = openState(o.env); err != nil {
		return &cli.Exit{Code: cli.ExitUsage, Err: err}
	}
	return nil
}

// again is this very command, for those clusters.
func (o *rollbackOptions) again(targets ...cli.Target) string {
	return o.command("rollback", targets, cli.Typed(o.cmd.Flags(), append(probeNames(), "to", "allow")...)...)
}

// job plans the way back of one cluster, or goes on with a rollback that did not come to its end.
func (o *rollbackOptions) job(ctx context.Context, t cli.Target) (*job, error) {
	j := &job{target: t}
	var err error
	if j.cluster, err = o.reach(ctx, &o.aims, t); err != nil {
		return nil, &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("reach %s: %w", t.Name, err)}
	}
	if err := o.plans(ctx, j); err != nil {
		return nil, err
	}
	return j, nil
}

// plans makes a job's plan from the cluster and from its last journal.
func (o *rollbackOptions) plans(ctx context.Context, j *job) error {
	parts := func(cli.Target) []facts.Part { return handover.RollbackParts() }
	f := o.clusters.Gather(ctx, o.env, []cli.Target{j.target}, true, parts)[0]
	if err := ctx.Err(); err != nil {
		return err
	}
	in := handover.RollbackInput{Facts: f, To: o.to, Allow: o.allow}
	last, err := o.last(ctx, j, f.Live.UID)
	if err != nil {
		return err
	}
	in.Journal = last
	if in.Rendered, err = o.back(ctx, j.target, &in); err != nil {
		in.Unrendered = err.Error()
	}
	facts.Clean(&in.Facts)
	if last.Unfinished() && last.Name == handover.RollbackName {
		j.journal = last
		if j.plan, err = handover.UndoAgain(in, last); err != nil {
			return o.strange(j.target, last, "rollback", err)
		}
	} else {
		j.before, j.plan = last, handover.UndoHandover(in)
	}
	if err := o.allowed(ctx, j.target, j.plan); err != nil {
		return &cli.Exit{Code: cli.ExitCannotTell, Err: err}
	}
	return nil
}

// last is the cluster's newest journal of a run or a rollback; nil where there is none. A drill that has not undone
// what it broke comes first.
func (o *rollbackOptions) last(ctx context.Context, j *job, uid string) (*handover.Journal, error) {
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
	case last == nil || last.UID != uid:
		return nil, nil
	case last.Sound() != nil:
		return nil, o.strange(j.target, last, "rollback", last.Sound())
	case last.Name == handover.HandoverName || last.Name == handover.RollbackName:
		return last, nil
	case last.Unfinished():
		verb, _, _ := strings.Cut(last.Name, " ")
		return nil, &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("cluster %s: %s %s has not put everything back; let it first: %s",
			j.target.Name, last.Name, last.Run, o.command(verb, []cli.Target{j.target}))}
	}
	return nil, nil
}

// back is what Helm would do to go back; nil where it does not come to that.
func (o *rollbackOptions) back(ctx context.Context, t cli.Target, in *handover.RollbackInput) (*facts.Rendered, error) {
	if t.Broken != nil || len(in.Facts.Live.Records) == 0 {
		return nil, nil // the plan sees for itself
	}
	ctx, cancel := context.WithTimeout(ctx, o.clusters.Timeout)
	defer cancel()
	session, err := chart.Open(ctx, t.Config, t.Expect)
	if err != nil {
		return nil, errors.New(facts.Text(facts.RedactText(err.Error())))
	}
	rendered, err := session.Back(ctx, handover.RollbackRevision(in.Journal))
	if err != nil {
		return nil, errors.New(facts.Text(facts.RedactText(err.Error())))
	}
	return rendered, nil
}
