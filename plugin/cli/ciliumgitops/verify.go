package ciliumgitops

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// verifyOptions are the flags of verify.
type verifyOptions struct {
	env      *cli.Env
	clusters *cli.Clusters
	out      cli.Output
	phases   []string
	checks   []string
	skips    []string
	list     bool
	from     []string
	record   string
	baseline string
	noExec   bool
	wait     time.Duration
	watch    bool
	failOn   string
	probe    probeFlags
}

func newVerify(env *cli.Env) *cobra.Command {
	o := &verifyOptions{env: env, clusters: cli.NewClusters(), failOn: "fail"}
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Say what is true of Cilium on one or many clusters, node by node",
		Long: `Looks at each cluster once and judges what it saw: workloads, agents, features, CRDs, the Helm release,
settings and neighbours. Every feature is seen on three levels: declared (the release's values), configured
(cilium-config) and effective (each agent). What could not be seen is unknown, never pass.

Exit codes: 0 everything passes, 1 a check failed, 2 wrong usage or input, 3 something could not be seen.`,
		Example: fmt.Sprintf(`  # The current context, or the clusters of fleet.yaml
  %[1]s verify

  # Two clusters at once; the exit code is the verdict
  %[1]s verify --context infra,apps

  # Without exec into the agents, and a report for CI
  %[1]s verify --context infra --no-exec --report junit=verify.xml

  # Keep what was seen, judge it again elsewhere
  %[1]s verify --context infra --record infra.yaml
  %[1]s verify --from infra.yaml -o wide

  # Not only what is configured: pods that reach one another, Services, DNS, the API server
  %[1]s verify --context infra --phase validation --probe

  # Was anything disturbed since?
  %[1]s verify --context infra --phase handover --baseline infra.yaml`, env.Name),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.addFlags(cmd)
	return cmd
}

func (o *verifyOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	o.out.Like = []report.Doc{report.Verification{}}
	o.clusters.AddFlags(flags)
	o.clusters.AddShard(flags)
	o.out.AddFlags(flags)
	o.out.AddReports(flags)
	flags.StringSliceVar(&o.phases, "phase", nil, "Only these phases: "+strings.Join(phaseNames(), ", "))
	flags.StringSliceVar(&o.checks, "check", nil, "Only these checks, by ID")
	flags.StringSliceVar(&o.skips, "skip", nil, "Not these checks, by ID")
	flags.BoolVar(&o.list, "list", false, "List the checks and look at nothing")
	flags.StringSliceVar(&o.from, "from", nil, "Judge recordings (files, folders, - for stdin) instead of clusters")
	flags.StringVar(&o.record, "record", "", "Keep what was seen in this file, without secrets")
	flags.StringVar(&o.baseline, "baseline", "", "Compare with this earlier recording of the same clusters: pods, nodes, configuration")
	flags.BoolVar(&o.noExec, "no-exec", false, "Do not exec into the agents; what only they can tell is skipped")
	o.probe.add(flags)
	flags.DurationVar(&o.wait, "wait", 0, "Look again until everything passes, for this long at most")
	flags.BoolVar(&o.watch, "watch", false, "Look again and show every change, until everything passes or --wait is over")
	flags.StringVar(&o.failOn, "fail-on", o.failOn, "What makes the exit code 1: fail or warn")
	o.clusters.Complete(cmd)
	o.out.Complete(cmd)
	for name, words := range map[string]func() []string{"phase": phaseNames, "check": checkIDs, "skip": checkIDs} {
		_ = cmd.RegisterFlagCompletionFunc(name, cli.ListCompletion(words))
	}
	_ = cmd.RegisterFlagCompletionFunc("fail-on", cli.FixedCompletion([]string{"fail", "warn"}))
}

func phaseNames() []string {
	var names []string
	for _, p := range check.Phases() {
		names = append(names, string(p))
	}
	return names
}

func (o *verifyOptions) run(ctx context.Context) error {
	checks, err := o.selected()
	if err != nil {
		return err
	}
	if err := o.validate(); err != nil {
		return err
	}
	if o.list {
		return o.out.Print(o.env, report.NewCheckList(checks))
	}
	look, err := o.looker(checks)
	if err != nil {
		return err
	}
	return o.until(ctx, checks, look)
}

func (o *verifyOptions) validate() error {
	switch {
	case o.failOn != "fail" && o.failOn != "warn":
		return cli.Usage("--fail-on: %q is not one of fail, warn", o.failOn)
	case len(o.from) > 0 && o.clusters.Given():
		return cli.Usage("--from judges recordings and --context looks at clusters: give one of them")
	case len(o.from) > 0 && o.clusters.Sharded():
		return cli.Usage("--from judges what was recorded and --shard looks at a part of the clusters: give one of them")
	case len(o.from) > 0 && (o.record != "" || o.wait > 0 || o.watch || o.noExec):
		return cli.Usage("--from judges what was recorded: --record, --wait, --watch and --no-exec have no meaning with it")
	case o.wait < 0:
		return cli.Usage("--wait: %s is negative", o.wait)
	case o.clusters.Timeout <= 0:
		return cli.Usage("--timeout: %s is not a time to wait", o.clusters.Timeout)
	}
	if err := o.probe.validate(o); err != nil {
		return err
	}
	return o.out.Check(o.env, report.Verification{})
}

// selected are the checks that the flags leave.
func (o *verifyOptions) selected() ([]check.Check, error) {
	all := check.All()
	for _, id := range slices.Concat(o.checks, o.skips) {
		if !slices.ContainsFunc(all, func(c check.Check) bool { return named(c, []string{id}) }) {
			return nil, unknownCheck(o.env, id)
		}
	}
	for _, p := range o.phases {
		if !slices.Contains(phaseNames(), p) {
			return nil, cli.Usage("there is no phase %q; there are: %s", p, strings.Join(phaseNames(), ", "))
		}
	}
	kept := slices.DeleteFunc(slices.Clone(all), func(c check.Check) bool {
		return len(o.phases) > 0 && !slices.Contains(o.phases, string(c.Phase)) ||
			len(o.checks) > 0 && !named(c, o.checks) || named(c, o.skips)
	})
	if len(kept) == 0 {
		return nil, cli.Usage("no check is left of --phase, --check and --skip; list them with: %s verify --list", o.env.Name)
	}
	return kept, nil
}

func named(c check.Check, ids []string) bool {
	return slices.ContainsFunc(ids, func(id string) bool { return strings.EqualFold(id, string(c.ID)) })
}

// answer is one look and its judgement.
type answer struct {
	facts    []facts.Facts
	verdicts []check.Verdict
}

func (o *verifyOptions) judge(all []facts.Facts, checks []check.Check) answer {
	a := answer{facts: all}
	for _, f := range all {
		a.verdicts = append(a.verdicts, check.Run(f, checks)...)
	}
	return a
}

// worst is how bad the answer is, where warnings count only if they make the exit code.
func (a answer) worst() check.Outcome { return check.Worst(a.verdicts) }

func (o *verifyOptions) good(a answer) bool {
	return cli.ForOutcome(a.worst(), o.failOutcome()) == nil
}

func (o *verifyOptions) failOutcome() check.Outcome {
	if o.failOn == "warn" {
		return check.Warn
	}
	return check.Fail
}
