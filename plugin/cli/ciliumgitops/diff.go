package ciliumgitops

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// What a diff is about.
const (
	whatValues    = "values"
	whatManifests = "manifests"
	whatImpact    = "impact"
)

func whats() []string { return []string{whatValues, whatManifests, whatImpact} }

// Where values come from.
const (
	fromRelease   = "release"
	fromGit       = "git"
	fromCluster   = "cluster"
	fromBootstrap = "bootstrap"
	fromFile      = "file"
)

func places() []string { return []string{fromRelease, fromGit, fromCluster, fromBootstrap, fromFile} }

// diffOptions are the flags of diff.
type diffOptions struct {
	env      *cli.Env
	clusters *cli.Clusters
	out      cli.Output
	from, to string
	with     string
	what     string
	ignore   []string
	defaults bool
	chart    string
	caFile   string
	roots    []byte // what caFile holds

	recording []string
	records   map[string]*facts.Facts // by cluster, where recordings are compared
	repoGiven bool
}

func newDiff(env *cli.Env) *cobra.Command {
	o := &diffOptions{env: env, clusters: cli.NewClusters()}
	cmd := &cobra.Command{
		Use:   "diff",
		Short: "Say what Flux would do to the Helm release that runs, and which pods it would restart",
		Long: `Compares the values of two places, or renders what Flux would apply and says what that does to the cluster.

Places are: release (the newest record of the Helm release), git (the HelmRelease in --repo, composed and substituted),
cluster (the HelmRelease that the cluster has), bootstrap (the fleet's values file, or what your own helmfile makes of
the fleet's state with write-values), file=PATH (a values file, or the output of helm get values). With a third place,
--with, each has a column, and the table says which of them is the odd one.

--recording answers from what verify --record kept instead of from clusters. It holds no secrets: where one side has a
secret of which the recording does not tell whether it is the same, that is said, and the exit code is 3.

--what impact renders as helm-controller does: the chart that Flux would fetch, its version with the OCI digest, the
cluster's version and APIs, lookups answered by the cluster, post-renderers and labels. It says which objects change,
which pods are replaced and by which field. It needs get and list, and writes nothing. Labels and annotations that
change on objects alone, and certificates that Helm makes anew each time, do not count as differences.

--what manifests renders the same and shows each object that differs from the release's manifest, field by field. Where
KUBECTL_EXTERNAL_DIFF is set and no -o is given, that program compares both as files, as with kubectl diff.

Exit codes: 0 no difference, 1 differences, 2 wrong usage or input, 3 something could not be seen.`,
		Example: fmt.Sprintf(`  # What differs between what runs and what Git says
  %[1]s diff --context infra,apps

  # What adoption would do
  %[1]s diff --what impact --context infra

  # The release that runs, Git, and what the bootstrap would install again
  %[1]s diff --with bootstrap --context infra

  # A page for whoever approves it
  %[1]s diff --what impact --report html=impact.html

  # A values file against the release
  %[1]s diff --to file=values.yaml --context apps`, env.Name),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.repoGiven = cmd.Flags().Changed("repo")
			return o.run(cmd.Context())
		},
	}
	flags := cmd.Flags()
	o.out.Like = []report.Doc{report.ValuesDiff{}, report.ManifestDiff{}, report.Impact{}}
	o.clusters.AddFlags(flags)
	o.out.AddFlags(flags)
	o.out.AddReports(flags)
	o.addFlags(flags)
	o.clusters.Complete(cmd)
	o.out.Complete(cmd)
	_ = cmd.RegisterFlagCompletionFunc("what", cobra.FixedCompletions(whats(), cobra.ShellCompDirectiveNoFileComp))
	for _, flag := range []string{"from", "to", "with"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(places(), cobra.ShellCompDirectiveNoFileComp))
	}
	return cmd
}

func (o *diffOptions) addFlags(flags *pflag.FlagSet) {
	flags.StringVar(&o.from, "from", fromRelease, "Place to compare from, one of: release, git, cluster, bootstrap, file=PATH")
	flags.StringVar(&o.to, "to", "", "Place to compare with (default: git where --repo has the cluster, else cluster)")
	flags.StringVar(&o.what, "what", whatValues, "What to compare, one of: "+strings.Join(whats(), ", "))
	flags.StringVar(&o.with, "with", "", "A third place to compare with: shows which of the three is the odd one")
	flags.StringSliceVar(&o.recording, "recording", nil, "Answer from recordings (files, folders, - for stdin) instead of from clusters")
	flags.StringSliceVar(&o.ignore, "ignore", nil, "Leave out values, or fields of objects, at and below these paths")
	flags.BoolVar(&o.defaults, "show-defaults", false, "Show also where one side only spells out the chart's default (of values)")
	flags.StringVar(&o.chart, "chart", "", "Use this chart, a folder or an archive, instead of the one that Flux would fetch")
	flags.StringVar(&o.caFile, "ca-file", "", "Trust these certificate authorities, in PEM, of a chart's registry or repository, besides the system's")
}

func (o *diffOptions) run(ctx context.Context) error {
	if err := o.validate(); err != nil {
		return err
	}
	targets, err := o.targets()
	if err != nil {
		return err
	}
	switch o.what {
	case whatImpact:
		return o.impact(ctx, targets)
	case whatManifests:
		return o.manifests(ctx, targets)
	}
	return o.values(ctx, targets)
}

// targets are the clusters that the question is about; a nameless one where files alone answer.
func (o *diffOptions) targets() ([]cli.Target, error) {
	switch {
	case len(o.recording) > 0:
		return o.readRecordings()
	case o.needsCluster():
		return o.clusters.Targets()
	}
	return []cli.Target{{}}, nil
}

func (o *diffOptions) validate() error {
	rendered := o.what != whatValues
	switch {
	case !slices.Contains(whats(), o.what):
		return cli.Usage("--what: %q is not one of %s", o.what, strings.Join(whats(), ", "))
	case rendered && o.from != fromRelease:
		return cli.Usage("--what %s begins at the release that runs: leave out --from", o.what)
	case rendered && (o.to == fromRelease || o.to == fromBootstrap):
		return cli.Usage("--what %s ends at git, cluster or file=PATH", o.what)
	case rendered && o.with != "":
		return cli.Usage("--with is of values: --what %s has two sides", o.what)
	case rendered && o.defaults:
		return cli.Usage("--show-defaults is of values: what --what %s renders has no defaults", o.what)
	case o.caFile != "" && (!rendered || len(o.recording) > 0):
		return cli.Usage("--ca-file is of the chart's registry, which is asked for --what impact and manifests of a cluster alone")
	case o.with != "" && (o.with == o.from || o.with == o.to):
		return cli.Usage("--with: %s is one of the two already", o.with)
	case len(o.recording) > 0 && o.clusters.Given():
		return cli.Usage("--recording answers from recordings and --context from clusters: give one of them")
	case o.clusters.Timeout <= 0:
		return cli.Usage("--timeout: %s is not a time to wait", o.clusters.Timeout)
	}
	for flag, place := range map[string]string{"--from": o.from, "--to": o.to, "--with": o.with} {
		if err := validPlace(flag, place); err != nil {
			return err
		}
	}
	if err := o.readRoots(); err != nil {
		return err
	}
	return o.out.Check(o.env, map[string]report.Doc{
		whatValues: report.ValuesDiff{}, whatManifests: report.ManifestDiff{}, whatImpact: report.Impact{},
	}[o.what])
}

func (o *diffOptions) readRoots() error {
	if o.caFile == "" {
		return nil
	}
	var err error
	if o.roots, err = os.ReadFile(o.caFile); err != nil {
		return cli.Usage("--ca-file: %w", err)
	}
	if !x509.NewCertPool().AppendCertsFromPEM(o.roots) {
		return cli.Usage("--ca-file: %s holds no certificate in PEM", o.caFile)
	}
	return nil
}

// write prints doc and keeps it in every --report.
func (o *diffOptions) write(doc report.Doc) error {
	if err := o.out.Save(doc); err != nil {
		return err
	}
	return o.out.Print(o.env, doc)
}

// answered is the exit of an answer: different, else not wholly known, else the same.
func answered(different, unknown bool) error {
	switch {
	case different:
		return &cli.Exit{Code: cli.ExitNo}
	case unknown:
		return &cli.Exit{Code: cli.ExitCannotTell}
	}
	return nil
}

func validPlace(flag, place string) error {
	kind, path, given := strings.Cut(place, "=")
	switch {
	case place == "" && flag != "--from":
		return nil
	case kind == fromFile && path == "":
		return cli.Usage("%s: name the file: file=PATH", flag)
	case kind != fromFile && given, !slices.Contains(places(), kind):
		return cli.Usage("%s: %q is not one of release, git, cluster, bootstrap, file=PATH", flag, place)
	}
	return nil
}

// needsCluster tells whether anything is asked that files alone cannot answer.
func (o *diffOptions) needsCluster() bool {
	return !isFile(o.from) || !isFile(o.to) || o.with != "" && !isFile(o.with)
}

func isFile(place string) bool { return strings.HasPrefix(place, fromFile+"=") }

// target is where to compare with: as the user said, else Git where it has the cluster, else the cluster.
func (o *diffOptions) target(t cli.Target) string {
	if o.to != "" {
		return o.to
	}
	if r := o.recorded(t); r != nil && o.recordedGit(r) {
		return fromGit
	}
	if _, err := os.Stat(filepath.Join(o.clusters.Repo(), filepath.FromSlash(t.Path))); err == nil && t.Path != "" {
		return fromGit
	}
	return fromCluster
}
