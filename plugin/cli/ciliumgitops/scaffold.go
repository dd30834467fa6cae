package ciliumgitops

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
	"github.com/cilium-gitops/cilium-gitops/plugin/scaffold"
)

// scaffoldOptions are the flags of scaffold.
type scaffoldOptions struct {
	env      *cli.Env
	clusters *cli.Clusters
	out      cli.Output
	from     []string
	output   string
	force    bool
	dryRun   bool
	version  string
	options  scaffold.Options
}

func newScaffold(env *cli.Env) *cobra.Command {
	o := &scaffoldOptions{env: env, clusters: cli.NewClusters(), output: "."}
	o.options.Chart, o.options.Source = scaffold.DefaultChart, scaffold.DefaultSource
	cmd := &cobra.Command{
		Use:   "scaffold",
		Short: "Write the GitOps files of a fleet from the Helm releases that run",
		Long: `Writes one HelmRelease for all clusters, with the values that their Helm releases have now and a variable exactly
where they differ, and what Flux needs around it: the chart's source, each cluster's settings and Kustomization, the
fleet file, and the bootstrap's template of the same values. Where clusters differ in shape, a patch in the cluster's
own Kustomization says so.

Files that are there keep what they hold: settings, resources and documents are added; a file that says something
else is a conflict, and then nothing is written. Secrets are never written: --secret names where they will be.

Exit codes: 0 written or nothing to do, 2 wrong usage or input, 3 a cluster could not be seen, 4 refused.`,
		Example: fmt.Sprintf(`  # From both live clusters into this repository; look first
  %[1]s scaffold --context infra,apps --dry-run
  %[1]s scaffold --context infra,apps

  # From recordings, into an empty directory
  %[1]s scaffold --from infra.yaml,apps.yaml --output fleet

  # From the output of helm get values, one file per cluster
  %[1]s scaffold --from file=infra=infra-values.yaml --from file=apps=apps-values.yaml --cilium-version 1.18.2

  # The chart from a registry
  %[1]s scaffold --context infra,apps --chart-source oci://registry.example.org/charts/cilium`, env.Name),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("repo") { // the fleet file is that of the tree that is written
				if err := cmd.Flags().Set("repo", o.output); err != nil {
					return err
				}
			}
			return o.run(cmd.Context())
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (o *scaffoldOptions) addFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	o.clusters.AddFlags(flags)
	flags.VarP(&o.out.Format, "format", "o", "Output format, one of: "+strings.Join(report.FormatNames(), ", "))
	o.out.Color = "auto"
	flags.StringVar(&o.out.Color, "color", o.out.Color, "Colour, one of: "+strings.Join(report.ColorModes(), ", "))
	flags.StringSliceVar(&o.from, "from", []string{"release"}, "Where values come from: release (of live clusters), recordings (files, folders, -), or file=[CLUSTER=]VALUES.yaml")
	flags.StringVar(&o.output, "output", o.output, "Directory to write to, the repository's root")
	flags.StringVar(&o.version, "cilium-version", "", "Version of the chart, where values come from files and no settings say it")
	flags.StringVar(&o.options.Chart, "chart-source", o.options.Chart, "Where Flux takes the chart from: https://.. of a Helm repository or oci://.. of the chart")
	flags.BoolVar(&o.options.Insecure, "chart-source-insecure", false, "Fetch the chart without TLS")
	flags.StringVar(&o.options.Source, "flux-source", o.options.Source, "What the Flux Kustomization takes its tree from, KIND/NAME")
	flags.StringVar(&o.options.Secret, "secret", "", "Name of the Secret that holds the values which must not be in Git")
	flags.BoolVar(&o.force, "force", false, "Overwrite our own files that say something else")
	flags.BoolVar(&o.dryRun, "dry-run", false, "Write nothing; show what would change")
	o.clusters.Complete(cmd)
	_ = cmd.MarkFlagDirname("output")
	fixed := func(name string, words []string) {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
	fixed("format", report.FormatNames())
	fixed("color", report.ColorModes())
}

func (o *scaffoldOptions) run(ctx context.Context) error {
	if err := o.validate(); err != nil {
		return err
	}
	f, _, err := o.clusters.Fleet()
	if err != nil {
		return err
	}
	o.options.Fleet = f
	all, err := o.sources(ctx)
	if err != nil {
		return err
	}
	there, close := tree(o.output)
	defer close()
	if err := o.settle(all, there); err != nil {
		return err
	}
	tree := scaffold.Make(all, o.options)
	laid, err := scaffold.Lay(tree.Files, there, o.force)
	if err != nil {
		return cli.Usage("look into %s: %w", o.output, err)
	}
	refused := len(tree.Problems) > 0 || slices.ContainsFunc(laid, func(l scaffold.Laid) bool { return l.Action == scaffold.Conflict })
	write := !o.dryRun && !refused
	if write {
		if err := cli.WriteTree(o.output, laid); err != nil {
			return cli.Usage("%w", err)
		}
	}
	var names []string
	for _, c := range all {
		names = append(names, c.Name)
	}
	if err := o.out.Print(o.env, report.NewScaffold(o.output, names, tree, laid, write, o.dryRun)); err != nil {
		return err
	}
	if refused {
		return &cli.Exit{Code: cli.ExitRefused}
	}
	return nil
}

var objectName = regexp.MustCompile(`^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$`)

func (o *scaffoldOptions) validate() error {
	kinds := map[bool]int{}
	for _, from := range o.from {
		kinds[from == "release"]++
	}
	kind, name, ok := strings.Cut(o.options.Source, "/")
	switch {
	case slices.Contains(report.FormatNames(), o.output):
		return cli.Usage("--output is the directory to write to; the format of the answer is -o %s", o.output)
	case len(kinds) > 1:
		return cli.Usage("--from: release is of live clusters, anything else of files: give one of them")
	case kinds[false] > 0 && o.clusters.Given():
		return cli.Usage("--from reads files and --context looks at clusters: give one of them")
	case o.clusters.Timeout <= 0:
		return cli.Usage("--timeout: %s is not a time to wait", o.clusters.Timeout)
	case !strings.HasPrefix(o.options.Chart, "https://") && !strings.HasPrefix(o.options.Chart, "http://") && !strings.HasPrefix(o.options.Chart, "oci://"):
		return cli.Usage("--chart-source: %q is neither https:// nor oci://", o.options.Chart)
	case strings.HasPrefix(o.options.Chart, "oci://") && path.Base(o.options.Chart) != "cilium":
		return cli.Usage("--chart-source: %q does not end in the chart's name: oci://HOST/PATH/cilium", o.options.Chart)
	case !ok || name == "" || kind != "GitRepository" && kind != "OCIRepository" && kind != "Bucket":
		return cli.Usage("--flux-source: %q is not KIND/NAME, such as GitRepository/flux-system", o.options.Source)
	case strings.ContainsAny(o.options.Chart, " \t\r\n\"'`#${}"):
		return cli.Usage("--chart-source: %q is no address", o.options.Chart)
	case !objectName.MatchString(name) || o.options.Secret != "" && !objectName.MatchString(o.options.Secret):
		return cli.Usage("--flux-source, --secret: names of objects are of lower-case letters, digits, dashes and dots")
	}
	return o.out.Check(o.env)
}

// tree is what a directory holds, as far as no link leads out of it; one that is not there holds nothing.
func tree(dir string) (there fs.FS, close func()) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return os.DirFS(dir), func() {} // whose reads say what is wrong with it
	}
	return root.FS(), func() { root.Close() }
}

// settle takes the settings of clusters from the tree where it has them: that is what Flux will substitute.
func (o *scaffoldOptions) settle(all []scaffold.Cluster, there fs.FS) error {
	for i := range all {
		file := path.Join(all[i].Path, "cluster-settings.yaml")
		data, err := fs.ReadFile(there, file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return cli.Usage("read the settings: %w", err)
		}
		settings, err := scaffold.ReadSettings(data)
		if err != nil {
			return cli.Usage("read the settings %s: %w", file, err)
		}
		all[i].Settings = settings
	}
	for i := range all {
		if all[i].Version == "" {
			all[i].Version = o.version
		}
		if all[i].Version == "" {
			all[i].Version = all[i].Settings["CILIUM_VERSION"]
		}
	}
	return nil
}
