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

// runOptions are the flags of run.
type runOptions struct {
	aims

	out      cli.Output
	sequence []string
	plan     string
	yes      bool
	resume   bool
	// onFailure is one of onFailures.
	onFailure string
	holder    string
	probe     cli.Probe

	state *state
}

func newRun(env *cli.Env) *cobra.Command {
	o := &runOptions{aims: newAims(env)}
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Hand Cilium over to Flux, one cluster after the other",
		Long: `Plans each cluster, shows which clusters these are, asks, and then carries the plans out: backs up, places Flux's
objects with the HelmRelease held back, lets it adopt the release, proves that nothing was disturbed, and watches for a
while before the next cluster begins. All the while no pod of Cilium may be replaced or restart, no node may be lost,
and cilium-config may not change; where one does, Flux's objects are suspended, and the run stops.

Each step is written down before it is taken, in a folder of this machine ($XDG_STATE_HOME/cilium-gitops, else
~/.local/state/cilium-gitops) and in the cluster (ConfigMap cilium-gitops-handover). A run that stopped, was
interrupted or killed goes on with --resume, from another machine, too. At any moment Cilium runs, under the old
owner or the new one.

Only clusters given by --context are changed. A cluster that was handed over already is left alone.

Exit codes: 0 done, or nothing to do, 2 wrong usage or input, 3 something could not be seen and nothing was changed,
4 refused, or stopped: the message names the next command, 5 another handover holds a cluster's lock,
130 interrupted before any change.`,
		Example: fmt.Sprintf(`  # What flux handover plan ended with
  %[1]s run --context infra --context apps --sequence infra,apps

  # The plan that was reviewed, and no other
  %[1]s run --context infra --plan plan.json --yes

  # Measure meanwhile whether connections between pods live, and the longest gap
  %[1]s run --context infra --probe

  # Go on with a run that stopped
  %[1]s run --context infra --resume

  # For a program that watches: each event is a line of JSON
  %[1]s run --context infra --yes -o json`, env.Name),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.addFlags(cmd)
	o.out.AddFlags(cmd.Flags())
	o.out.Complete(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&o.sequence, "sequence", nil, "The clusters in the order in which they are handed over, by name or context (default: as given by --context)")
	flags.StringVar(&o.plan, "plan", "", "Run the plan in this file, which plan --save wrote, and refuse where the world has changed since")
	flags.BoolVar(&o.yes, "yes", false, "Do not ask")
	flags.BoolVar(&o.resume, "resume", false, "Go on with the run that stopped")
	flags.StringVar(&o.onFailure, "on-failure", onFailureStop, "What to do with a cluster whose run stopped before its end, one of: "+strings.Join(onFailures(), ", "))
	o.probe.AddFlags(flags, probeUsage)
	_ = cmd.RegisterFlagCompletionFunc("on-failure", cobra.FixedCompletions(onFailures(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("sequence", cli.ListCompletion(o.clusters.Contexts))
	_ = cmd.MarkFlagFilename("plan", "json")
	flags.StringVar(&o.holder, "holder", o.holder, "Who runs this, for the lock and the journal (default: USER@HOST)")
	return cmd
}

func (o *runOptions) run(ctx context.Context) error {
	if err := errors.Join(o.validate(), o.clusters.OnlyNamed(), o.out.Check(o.env, report.Run{})); err != nil {
		return err
	}
	if err := o.probe.Check(); err != nil {
		return err
	}
	if !slices.Contains(onFailures(), o.onFailure) {
		return cli.Usage("--on-failure: %q is not one of %s", o.onFailure, strings.Join(onFailures(), ", "))
	}
	targets, err := o.targets()
	if err != nil {
		return err
	}
	saved, err := o.saved(targets)
	if err != nil {
		return err
	}
	if !o.yes && !o.asks() {
		return cli.Usage("there is no terminal to ask on: look at the plan (%s), then say --yes", o.command("plan", targets))
	}
	if o.holder == "" {
		o.holder = holder(o.env)
	}
	if o.state, err = openState(o.env); err != nil {
		return &cli.Exit{Code: cli.ExitUsage, Err: err}
	}
	jobs, err := o.prepare(ctx, targets, saved)
	if err != nil {
		return err
	}
	if err := o.confirm(jobs, "Hand Cilium over to Flux there?"); err != nil {
		return err
	}
	return o.all(ctx, jobs)
}

// targets are the clusters in the order in which they are handed over.
func (o *runOptions) targets() ([]cli.Target, error) {
	given, err := o.clusters.Targets()
	if err != nil || len(o.sequence) == 0 {
		return given, err
	}
	var ordered []cli.Target
	for _, name := range o.sequence {
		i := slices.IndexFunc(given, func(t cli.Target) bool { return t.Name == name || t.Context == name })
		if i < 0 {
			return nil, cli.Usage("--sequence: %q is not one of the clusters given by --context: %s", name, called(given))
		}
		if slices.ContainsFunc(ordered, func(t cli.Target) bool { return t.Context == given[i].Context }) {
			return nil, cli.Usage("--sequence: %q is in it twice", name)
		}
		ordered = append(ordered, given[i])
	}
	if len(ordered) != len(given) {
		return nil, cli.Usage("--sequence has %s, and --context %s: both have to name the same clusters", strings.Join(o.sequence, ","), called(given))
	}
	return ordered, nil
}

func called(targets []cli.Target) string {
	var names []string
	for _, t := range targets {
		names = append(names, t.Name)
	}
	return strings.Join(names, ", ")
}

// saved reads --plan. What the plan was made with holds for the run, unless the user says otherwise.
func (o *runOptions) saved(targets []cli.Target) (*report.Plan, error) {
	if o.plan == "" {
		return nil, nil
	}
	doc, err := readPlan(o.plan)
	if err != nil {
		return nil, cli.Usage("read the plan: %w", err)
	}
	for _, t := range targets {
		if planFor(&doc, t) == nil {
			return nil, cli.Usage("the plan %s has nothing for cluster %s; make one that has: %s", o.plan, t.Name, o.command("plan", targets, "--save", o.plan))
		}
		if p := planFor(&doc, t); p.Digest != "" && p.Digest != p.Sealed() {
			return nil, cli.Usage("the plan %s was changed after it was saved: its digest for cluster %s is not that of its steps; make it anew: %s", o.plan, t.Name, o.command("plan", targets, "--save", o.plan))
		}
	}
	flags := o.cmd.Flags()
	if !flags.Changed("soak") {
		o.soak = doc.Soak
	}
	if !flags.Changed("allow-restart") {
		o.allow = doc.AllowRestart
	}
	if !flags.Changed("strategy") {
		o.strategy = string(doc.Strategy)
	}
	return &doc, nil
}

func planFor(doc *report.Plan, t cli.Target) *handover.Plan {
	for _, p := range doc.Plans {
		if p.Cluster == t.Name {
			return p
		}
	}
	return nil
}
