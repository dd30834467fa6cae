package fluxhandover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// drillOptions are the flags of drill. It asks, locks and tells as run does.
type drillOptions struct {
	runOptions

	list, undo, danger bool
}

func newDrill(env *cli.Env) *cobra.Command {
	o := &drillOptions{runOptions: runOptions{aims: newAims(env)}}
	cmd := &cobra.Command{
		Use:   "drill [NAME..]",
		Short: "Break something on purpose, see that Flux notices, and put it back",
		Long: `Shows on a cluster that Cilium is in Flux's hands: that what is changed by hand is put back, that what is not healthy is
reported, that what is committed arrives. Each drill breaks one thing, waits until Flux's own condition says so, and
undoes it, whatever became of it: the change is written down before it is made, and so is the way back. A drill whose
process died is undone by --undo, from another machine, too, and until then no other run begins. Where a pod of Cilium's
is replaced or restarts that should not, the drill stops and is undone.

What a drill came to is kept in the HelmRelease (annotation cilium-gitops.dev/drills), for
kubectl cilium-gitops verify --phase validation. Without a name nothing is broken: --list says what there is.

Exit codes: 0 every drill showed what it is for, or is undone, 1 one did not, 2 wrong usage or input, 3 something could
not be seen and nothing was changed, 4 refused, or not undone: the message names the next command, 5 another handover
holds a cluster's lock, 130 interrupted before any change.`,
		Example: fmt.Sprintf(`  # What there is, and what each would be on a cluster
  %[1]s drill --list
  %[1]s drill --list --context infra

  # Flux puts back what is changed by hand, and reports agents that are not healthy
  %[1]s drill drift-object drift-child health-agent --context infra

  # Finish what a drill that was killed has left
  %[1]s drill --undo --context infra --yes`, env.Name),
		Args:              cobra.ArbitraryArgs,
		RunE:              func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
		ValidArgsFunction: cli.ArgsCompletion(0, drillNames),
	}
	o.cmd = cmd
	flags := cmd.Flags()
	o.clusters.AddFlags(flags)
	o.clusters.Complete(cmd)
	o.out.AddFlags(flags)
	o.out.Complete(cmd)
	flags.BoolVar(&o.list, "list", false, "Say which drills there are, what each proves, its danger and how long it takes; with --context also what it would be there")
	flags.BoolVar(&o.undo, "undo", false, "Put back what a drill that did not come to its end has left")
	flags.BoolVar(&o.danger, "allow-danger", false, "Accept what a dangerous drill does; with --undo, that a pod which came during the drill is replaced once more")
	o.probe.AddFlags(flags, probeUsage)
	flags.BoolVar(&o.yes, "yes", false, "Do not ask")
	flags.StringVar(&o.holder, "holder", "", "Who runs this, for the lock and the journal (default: USER@HOST)")
	return cmd
}

func drillNames() []string {
	var names []string
	for _, d := range handover.Drills() {
		names = append(names, d.Name)
	}
	return names
}

func (o *drillOptions) run(ctx context.Context, args []string) error {
	drills, err := o.check(args)
	if err != nil {
		return err
	}
	if o.list {
		return o.tellAll(ctx, drills)
	}
	targets, err := o.clusters.Targets()
	if err != nil {
		return err
	}
	if o.holder == "" {
		o.holder = holder(o.env)
	}
	if o.state, err = openState(o.env); err != nil {
		return &cli.Exit{Code: cli.ExitUsage, Err: err}
	}
	if o.undo {
		return o.undoAll(ctx, targets)
	}
	var jobs []*drillJob
	var all []*job
	for _, t := range targets {
		for _, d := range drills {
			j := &drillJob{job: &job{target: t}, drill: d}
			if err := o.prepareDrill(ctx, j); err != nil {
				return err
			}
			jobs, all = append(jobs, j), append(all, j.job)
		}
	}
	if refused := o.refusals(jobs); refused != nil {
		return refused
	}
	if err := o.confirm(all, "Break that there, and put it back?"); err != nil {
		return err
	}
	return o.drillAll(ctx, jobs)
}

// check holds the flags together, and finds the drills that are meant.
func (o *drillOptions) check(args []string) ([]handover.Drill, error) {
	var like report.Doc = report.Drills{}
	if o.list {
		like = report.DrillList{}
	}
	if err := o.out.Check(o.env, like); err != nil {
		return nil, err
	}
	var drills []handover.Drill
	for _, name := range args {
		d, found := handover.DrillNamed(name)
		if !found {
			return nil, cli.Usage("there is no drill %q; there are: %s", name, strings.Join(drillNames(), ", "))
		}
		if slices.ContainsFunc(drills, func(other handover.Drill) bool { return other.Name == d.Name }) {
			return nil, cli.Usage("drill %q is named twice", name)
		}
		drills = append(drills, d)
	}
	if err := o.probe.Check(); err != nil {
		return nil, err
	}
	switch {
	case o.list && o.probe.On:
		return nil, cli.Usage("--list breaks nothing: there is nothing to measure by --probe")
	case o.list && o.undo:
		return nil, cli.Usage("--list and --undo do not go together")
	case o.list && len(drills) == 0:
		return handover.Drills(), nil
	case o.list:
		return drills, nil
	case o.undo && len(drills) > 0:
		return nil, cli.Usage("--undo takes no names: it undoes what there is")
	case !o.undo && len(drills) == 0:
		return nil, cli.Usage("name a drill: %s; what they are: %s", strings.Join(drillNames(), ", "), cli.Shell(o.env.Name, "drill", "--list"))
	case o.clusters.Timeout <= 0:
		return nil, cli.Usage("--timeout: %s is not a time to wait", o.clusters.Timeout)
	}
	if err := o.clusters.OnlyNamed(); err != nil {
		return nil, err
	}
	if !o.yes && !o.asks() {
		return nil, cli.Usage("there is no terminal to ask on: look at what it would be (%s), then say --yes", cli.Shell(o.env.Name, "drill", "--list"))
	}
	return drills, nil
}

// refusals prints what keeps drills from beginning: one that is refused keeps all from it.
func (o *drillOptions) refusals(jobs []*drillJob) error {
	var done []report.DrillDone
	code := cli.ExitYes
	for _, j := range jobs {
		r := j.done(report.DrillNotBegun)
		if !j.plan.Ready {
			r.Outcome, code = report.DrillRefused, max(code, cli.ExitRefused)
			if j.plan.Unsure() {
				r.Outcome = report.DrillUnseen
			}
			r.Refusals = j.plan.Refusals
		}
		done = append(done, r)
	}
	if code == cli.ExitYes {
		return nil
	}
	if !slices.ContainsFunc(done, func(r report.DrillDone) bool { return r.Outcome == report.DrillRefused }) {
		code = cli.ExitCannotTell
	}
	return errors.Join(o.out.Print(o.env, report.NewDrills(done, nil)), &cli.Exit{Code: code})
}
