package ciliumgitops

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/compare"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// compareOptions are the flags of compare.
type compareOptions struct {
	env       *cli.Env
	clusters  *cli.Clusters
	out       cli.Output
	from      []string
	what      []string
	reference string
	noExec    bool
}

func newCompare(env *cli.Env) *cobra.Command {
	o := &compareOptions{env: env, clusters: cli.NewClusters()}
	cmd := &cobra.Command{
		Use:   "compare",
		Short: "Say in what clusters differ that should be alike, and what they must not have in common",
		Long: `Compares any number of clusters: settings, the values of the Helm release, versions, features (declared,
configured, effective), cilium-config, objects and their health, and Flux's objects. A difference that a variable of
the clusters explains is expected; any other is not. What clusters must not have in common is a clash: names and ids,
overlapping networks, addresses, AS numbers.

Exit codes: 0 only expected differences, 1 an unexpected one or a clash, 2 wrong usage or input, 3 something could
not be seen and nothing is unexpected.`,
		Example: fmt.Sprintf(`  # Two clusters
  %[1]s compare --context infra,apps

  # A fleet: each with most of the others, or with one
  %[1]s compare --all-contexts
  %[1]s compare --all-contexts --reference infra

  # Values and versions alone, of recordings
  %[1]s compare --from recordings/ --what values,versions`, env.Name),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	flags := cmd.Flags()
	o.clusters.AddFlags(flags)
	o.out.AddFlags(flags)
	flags.StringSliceVar(&o.from, "from", nil, "Compare recordings (files, folders, - for stdin) instead of clusters")
	flags.StringSliceVar(&o.what, "what", nil, "Only these: "+strings.Join(aspectNames(), ", "))
	flags.StringVar(&o.reference, "reference", "", "Compare every cluster with this one (default: with most of the others)")
	flags.BoolVar(&o.noExec, "no-exec", false, "Do not exec into the agents; what only they can tell is not compared")
	o.clusters.Complete(cmd)
	o.out.Complete(cmd)
	_ = cmd.RegisterFlagCompletionFunc("what", cli.ListCompletion(aspectNames))
	_ = cmd.RegisterFlagCompletionFunc("reference", cli.ListCompletion(o.clusters.Contexts))
	return cmd
}

func aspectNames() []string {
	var names []string
	for _, a := range compare.Aspects() {
		names = append(names, string(a))
	}
	return names
}

func (o *compareOptions) run(ctx context.Context) error {
	aspects, err := o.aspects()
	if err != nil {
		return err
	}
	if err := o.validate(); err != nil {
		return err
	}
	all, err := o.look(ctx, aspects)
	if err != nil {
		return err
	}
	if err := o.comparable(all); err != nil {
		return err
	}
	result := compare.Of(all, aspects, o.reference)
	if err := o.out.Print(o.env, report.NewComparison(all, result, o.reference)); err != nil {
		return err
	}
	switch different, blind := result.Worst(); {
	case different:
		return &cli.Exit{Code: cli.ExitNo}
	case blind:
		return &cli.Exit{Code: cli.ExitCannotTell}
	}
	return nil
}

func (o *compareOptions) aspects() ([]compare.Aspect, error) {
	if len(o.what) == 0 {
		return compare.Aspects(), nil
	}
	var all []compare.Aspect
	for _, name := range o.what {
		if !slices.Contains(aspectNames(), name) {
			return nil, cli.Usage("--what: %q is not one of %s", name, strings.Join(aspectNames(), ", "))
		}
		all = append(all, compare.Aspect(name))
	}
	return all, nil
}

func (o *compareOptions) validate() error {
	switch {
	case len(o.from) > 0 && o.clusters.Given():
		return cli.Usage("--from compares recordings and --context looks at clusters: give one of them")
	case o.clusters.Timeout <= 0:
		return cli.Usage("--timeout: %s is not a time to wait", o.clusters.Timeout)
	}
	return o.out.Check(o.env)
}

// look is what there is to compare: recordings, or clusters as they are now.
func (o *compareOptions) look(ctx context.Context, aspects []compare.Aspect) ([]facts.Facts, error) {
	if len(o.from) > 0 {
		return o.clusters.Recordings(o.env, o.from)
	}
	targets, err := o.clusters.Targets()
	if err != nil {
		return nil, err
	}
	if len(targets) < 2 {
		return nil, o.tooFew(len(targets))
	}
	parts := func(cli.Target) []facts.Part { return append(compare.Needs(aspects), facts.Tree) }
	all := o.clusters.Gather(ctx, o.env, targets, o.noExec, parts)
	return all, o.clusters.AddTrees(ctx, all, targets, parts)
}

func (o *compareOptions) tooFew(n int) error {
	return cli.Usage("comparing takes two clusters and more, here is %d; name them: --context infra,apps", n)
}

// comparable refuses what cannot be told apart or has nothing to be compared with.
func (o *compareOptions) comparable(all []facts.Facts) error {
	if len(all) < 2 {
		return o.tooFew(len(all))
	}
	seen := map[string]bool{}
	for _, f := range all {
		if seen[f.Cluster] {
			return cli.Usage("two of the clusters are called %s", f.Cluster)
		}
		seen[f.Cluster] = true
	}
	if o.reference != "" && !seen[o.reference] {
		return cli.Usage("--reference: there is no cluster %q among those compared", o.reference)
	}
	return nil
}
