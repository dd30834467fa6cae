package fluxhandover

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
	"github.com/cilium-gitops/cilium-gitops/plugin/runbook"
	"github.com/cilium-gitops/cilium-gitops/plugin/scaffold"
)

// runbookOptions are the flags of runbook.
type runbookOptions struct {
	env      *cli.Env
	clusters *cli.Clusters
	cmd      *cobra.Command
	out      cli.Output
	sequence []string
	soak     time.Duration
	dir      string
	force    bool
}

func newRunbook(env *cli.Env) *cobra.Command {
	o := &runbookOptions{env: env, clusters: cli.NewClusters()}
	cmd := &cobra.Command{
		Use:   "runbook",
		Short: "Write the fleet's own pages: handing over, what is wrong, what comes after, the way back",
		Long: `Writes four pages in Markdown: handover.md, troubleshooting.md, next-steps.md and rollback.md, for the clusters of
fleet.yaml as the working tree has them. Every command in them names this fleet's contexts, namespaces, objects and
files, and can be run as it stands; those that change a cluster or Git are in blocks marked "sh changes". It looks at no
cluster.

Exit codes: 0 written, 2 wrong usage or input, 4 a file is there that somebody else wrote.`,
		Example: fmt.Sprintf(`  # To read, from the repository's root
  %[1]s runbook

  # Beside the manifests, for the next one who needs it
  %[1]s runbook --output docs/cilium

  # One cluster first, watched for an hour
  %[1]s runbook --sequence infra,apps --soak 1h`, env.Name),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.cmd = cmd
	flags, all := cmd.Flags(), pflag.NewFlagSet("", pflag.ContinueOnError)
	o.clusters.AddFlags(all)
	for _, name := range []string{"fleet", "repo"} { // no cluster is looked at
		flags.AddFlag(all.Lookup(name))
	}
	flags.VarP(&o.out.Format, "format", "o", "Output format, one of: "+strings.Join(report.FormatNames(), ", "))
	o.out.Color = "never" // the pages are as they are
	flags.StringSliceVar(&o.sequence, "sequence", nil, "The clusters in the order in which they are handed over (default: as in the fleet file)")
	flags.DurationVar(&o.soak, "soak", 0, "How long a cluster is watched after its adoption (default: the program's own time)")
	flags.StringVar(&o.dir, "output", "", "Write the pages to this folder instead of printing them")
	flags.BoolVar(&o.force, "force", false, "Overwrite files that somebody else wrote")
	_ = cmd.MarkFlagDirname("output")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(report.FormatNames(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (o *runbookOptions) run(ctx context.Context) error {
	if o.soak < 0 {
		return cli.Usage("--soak: %s is negative", o.soak)
	}
	if err := o.out.Check(o.env, report.Runbook{}); err != nil {
		return err
	}
	in, err := o.input(ctx)
	if err != nil {
		return err
	}
	pages, err := runbook.Make(in)
	if err != nil {
		return cli.Usage("write the runbook: %w", err)
	}
	if o.dir != "" {
		if err := o.write(pages); err != nil {
			return err
		}
	}
	return o.out.Print(o.env, report.NewRunbook(pages, o.dir))
}

// input is what the fleet file and the working tree say.
func (o *runbookOptions) input(ctx context.Context) (runbook.Input, error) {
	f, found, err := o.clusters.Fleet()
	if err != nil {
		return runbook.Input{}, err
	}
	if !found || len(f.Clusters) == 0 {
		return runbook.Input{}, cli.Usage("no %s in %s names a cluster; write one: kubectl cilium-gitops scaffold", fleet.File, o.clusters.Repo())
	}
	order, err := o.order(f)
	if err != nil {
		return runbook.Input{}, err
	}
	in := runbook.Input{Fleet: f, Soak: o.soak, Typed: cli.Shell(o.env.Name, append([]string{"runbook"}, cli.Typed(o.cmd.Flags(), "sequence", "soak", "output")...)...)}
	tree, err := repo.Open(o.clusters.Repo())
	if err != nil {
		return in, cli.Usage("read the working tree: %w", err)
	}
	defer tree.Close()
	if o.knows("drill") {
		in.Drills = harmless()
	}
	if tree.IsFile(f.Bootstrap.Helmfile) {
		in.Helmfile = f.Bootstrap.Helmfile
	}
	for _, c := range order {
		of, err := tree.Cluster(ctx, f, c, repo.Lax)
		if err != nil {
			return in, cli.Usage("read the working tree: cluster %s: %w", c.Name, err)
		}
		in.Clusters = append(in.Clusters, runbook.Cluster{Cluster: c, Git: of.Facts()})
	}
	return in, nil
}

// knows tells whether this program has such a command.
func (o *runbookOptions) knows(name string) bool {
	return slices.ContainsFunc(o.cmd.Root().Commands(), func(c *cobra.Command) bool { return c.Name() == name })
}

// harmless are the drills that do no harm while they last.
func harmless() []string {
	var names []string
	for _, d := range handover.Drills() {
		if !d.Dangerous {
			names = append(names, d.Name)
		}
	}
	return names
}

// order is the fleet's clusters as they are handed over.
func (o *runbookOptions) order(f fleet.Fleet) ([]fleet.Cluster, error) {
	if len(o.sequence) == 0 {
		return f.Clusters, nil
	}
	var all []fleet.Cluster
	for _, name := range o.sequence {
		i := slices.IndexFunc(f.Clusters, func(c fleet.Cluster) bool { return c.Name == name })
		if i < 0 {
			return nil, cli.Usage("--sequence: the fleet has no cluster %q", name)
		}
		if slices.Contains(all, f.Clusters[i]) {
			return nil, cli.Usage("--sequence: %q is in it twice", name)
		}
		all = append(all, f.Clusters[i])
	}
	return all, nil
}

// write writes the pages, all or none. What somebody else wrote stays, unless the user says otherwise.
func (o *runbookOptions) write(pages []runbook.Page) error {
	var files []scaffold.Laid
	var foreign []string
	for _, p := range pages {
		old, err := os.ReadFile(filepath.Join(o.dir, p.Name))
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return cli.Usage("write the runbook: %w", err)
		case !strings.HasPrefix(string(old), runbook.Mark):
			foreign = append(foreign, filepath.Join(o.dir, p.Name))
		}
		files = append(files, scaffold.Laid{Path: p.Name, Action: scaffold.Changed, New: p.Text})
	}
	if len(foreign) > 0 && !o.force {
		return &cli.Exit{Code: cli.ExitRefused, Err: fmt.Errorf("write the runbook: somebody else wrote %s; name another folder, or overwrite: --force", strings.Join(foreign, ", "))}
	}
	if err := cli.WriteTree(o.dir, files); err != nil {
		return cli.Usage("write the runbook: %w", err)
	}
	return nil
}
