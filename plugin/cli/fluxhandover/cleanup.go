package fluxhandover

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/chart"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// cleanupOptions are the flags of cleanup. It takes a cluster's lock as run does.
type cleanupOptions struct {
	runOptions

	keep int
}

func newCleanup(env *cli.Env) *cobra.Command {
	o := &cleanupOptions{runOptions: runOptions{aims: newAims(env)}, keep: 1}
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Find what bootstrap, handovers and drills have left over, and remove it",
		Long: `Lists what is left over in each cluster, and removes it with --yes:

- records of a second Helm release of Cilium, such as a HelmRelease with the wrong name makes: the record Secrets alone,
  where no HelmRelease manages them and every object that they name is Cilium's own release's. Nothing is ever
  uninstalled, and each record is kept on this machine before it goes;
- Kustomizations that a run suspended when it stopped, and that still are, though the run is over;
- fields of Cilium's objects that the bootstrap's Helm owns beside Flux, and that would stay when Git loses them;
- pods of probes, the namespaces of those that were killed, once their deadline has passed, and locks that nobody holds;
- journals, backups and evidence of finished runs on this machine, but for the newest.

What cannot go yet says what has to be done first.

Exit codes: 0 nothing is left over, 1 something is, 2 wrong usage or input, 3 something could not be seen, 4 something
could not be removed, 5 another handover holds a cluster's lock.`,
		Example: fmt.Sprintf(`  # What is left over; nothing is changed
  %[1]s cleanup --context infra,apps

  # Remove it
  %[1]s cleanup --context infra,apps --yes`, env.Name),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.cmd = cmd
	flags := cmd.Flags()
	o.clusters.AddFlags(flags)
	o.clusters.Complete(cmd)
	o.out.AddFlags(flags)
	o.out.Complete(cmd)
	flags.BoolVar(&o.yes, "yes", false, "Remove what is listed")
	flags.IntVar(&o.keep, "keep", o.keep, "How many finished runs of each cluster stay on this machine; with 0 the journal in the cluster goes, too")
	return cmd
}

func (o *cleanupOptions) run(ctx context.Context) error {
	if err := o.out.Check(o.env, report.Cleanup{}); err != nil {
		return err
	}
	switch {
	case o.keep < 0:
		return cli.Usage("--keep: %d is negative", o.keep)
	case o.clusters.Timeout <= 0:
		return cli.Usage("--timeout: %s is not a time to wait", o.clusters.Timeout)
	}
	if o.yes {
		if err := o.clusters.OnlyNamed(); err != nil {
			return err
		}
	}
	targets, err := o.clusters.Targets()
	if err != nil {
		return err
	}
	dir, err := stateDir(o.env)
	if err != nil {
		return &cli.Exit{Code: cli.ExitUsage, Err: err}
	}
	o.holder, o.state = holder(o.env), &state{dir: dir}
	var clusters []report.CleanupCluster
	var failed error
	for _, t := range targets {
		c, err := o.cluster(ctx, t)
		if err := ctx.Err(); err != nil {
			return err
		}
		clusters, failed = append(clusters, c), errors.Join(failed, err)
	}
	doc := report.NewCleanup(clusters, nil)
	if doc.Count(report.LeftFound) > 0 {
		doc.Next = []string{o.command("cleanup", targets, append(cli.Typed(o.cmd.Flags(), "keep"), "--yes")...)}
	}
	if err := o.out.Print(o.env, doc); err != nil {
		return err
	}
	if failed != nil {
		return failed
	}
	return cleanupExit(doc)
}

// cleanupExit is the answer to whether anything is left over.
func cleanupExit(doc report.Cleanup) error {
	unseen := slices.ContainsFunc(doc.Clusters, func(c report.CleanupCluster) bool { return len(c.Unseen) > 0 })
	switch {
	case doc.Count(report.LeftFailed) > 0:
		return &cli.Exit{Code: cli.ExitRefused}
	case doc.Count(report.LeftFound)+doc.Count(report.LeftKept) > 0:
		return &cli.Exit{Code: cli.ExitNo}
	case unseen:
		return &cli.Exit{Code: cli.ExitCannotTell}
	}
	return nil
}

// cluster looks for leftovers in one cluster and, with --yes, removes them under its lock.
func (o *cleanupOptions) cluster(ctx context.Context, t cli.Target) (report.CleanupCluster, error) {
	j := &job{target: t, plan: &handover.Plan{Name: handover.CleanupName, Cluster: t.Name, Context: t.Context}}
	var err error
	if j.cluster, err = o.reach(ctx, &o.aims, t); err != nil {
		return report.CleanupCluster{Cluster: t.Name, Context: t.Context, Unseen: []string{err.Error()}}, nil
	}
	c := o.look(ctx, j)
	if !o.yes || len(c.Unseen) > 0 || !slices.ContainsFunc(c.Leftovers, func(i report.CleanupItem) bool { return i.Outcome == report.LeftFound }) {
		return c, nil
	}
	_, err = o.under(ctx, j, func(ctx context.Context, _ string) (report.RunCluster, error) {
		locks := slices.DeleteFunc(c.Leftovers, func(i report.CleanupItem) bool { return !freed(i.Leftover) })
		c = o.look(ctx, j) // who had the lock before may have changed something
		o.remove(ctx, j, &c)
		for i := range locks {
			locks[i].Outcome = report.LeftRemoved
		}
		c.Leftovers = append(locks, c.Leftovers...)
		return report.RunCluster{}, nil
	})
	return c, err
}

// freed tells a dead lock, which goes when it is taken and given back.
func freed(l handover.Leftover) bool { return l.Action == nil && l.Keep == "" && l.Folder == "" }

// look finds what is left over.
func (o *cleanupOptions) look(ctx context.Context, j *job) report.CleanupCluster {
	t := j.target
	in := handover.CleanupInput{Keep: o.keep, Now: o.env.Now()}
	c := report.CleanupCluster{Cluster: t.Name, Context: t.Context, Server: t.Config.Host}
	unseen := func(what string, err error) {
		if err != nil {
			c.Unseen = append(c.Unseen, what+": "+facts.Text(facts.RedactText(err.Error())))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, o.clusters.Timeout)
	defer cancel()
	var err error
	in.Objects, err = o.objects(ctx, t)
	unseen("the release's objects", err)
	in.Facts, err = j.cluster.World("", in.Objects).Observe(ctx, append(handover.CleanupParts(), facts.Fields))
	unseen("the cluster", err)
	for _, part := range slices.Sorted(maps.Keys(in.Facts.Blind)) {
		unseen(string(part), errors.New(in.Facts.Blind[part]))
	}
	in.Own, err = j.cluster.Own(ctx)
	unseen("this tool's own objects", err)
	in.Journal, err = j.cluster.Kept().Load(ctx)
	unseen("the journal", err)
	c.UID = in.Facts.Live.UID
	folders, err := o.folders(c.UID)
	unseen("the folder of runs", err)
	for _, l := range append(handover.Leftovers(in), folders...) {
		item := report.CleanupItem{Leftover: l, Outcome: report.LeftFound}
		if l.Keep != "" {
			item.Outcome = report.LeftKept
		}
		c.Leftovers = append(c.Leftovers, item)
	}
	return c
}

// objects are those of the release.
func (o *cleanupOptions) objects(ctx context.Context, t cli.Target) ([]handover.Ref, error) {
	session, err := chart.Open(ctx, t.Config, t.Expect)
	if err != nil {
		return nil, err
	}
	found, err := session.Objects(ctx)
	refs := make([]handover.Ref, 0, len(found))
	for _, o := range found {
		refs = append(refs, handover.Ref{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name})
	}
	return refs, err
}

// folders are those of the cluster's finished runs on this machine, but for the newest.
func (o *cleanupOptions) folders(uid string) ([]handover.Leftover, error) {
	found, err := filepath.Glob(filepath.Join(o.state.dir, "*", journalFile))
	if err != nil || uid == "" {
		return nil, err
	}
	type run struct {
		dir string
		j   *handover.Journal
	}
	var runs []run
	for _, path := range found {
		j, err := readJournal(path)
		if err != nil {
			return nil, fmt.Errorf("read the journal %s: %w; where it is of no use, move its folder away", path, err)
		}
		if j.UID == uid && !j.Unfinished() {
			runs = append(runs, run{filepath.Dir(path), j})
		}
	}
	slices.SortFunc(runs, func(a, b run) int { return b.j.Began.Compare(a.j.Began) })
	var all []handover.Leftover
	for _, r := range runs[min(o.keep, len(runs)):] {
		all = append(all, handover.Leftover{Folder: r.dir, What: fmt.Sprintf("%s of %s: journal, backup with the release's secrets, evidence", r.j.Name, r.j.Began.UTC().Format("2006-01-02 15:04"))})
	}
	return all, nil
}

// remove takes away what was found.
func (o *cleanupOptions) remove(ctx context.Context, j *job, c *report.CleanupCluster) {
	world := j.cluster.World("", nil)
	for i := range c.Leftovers {
		item := &c.Leftovers[i]
		var err error
		switch {
		case item.Outcome != report.LeftFound:
			continue
		case item.Folder != "":
			err = os.RemoveAll(item.Folder)
		case item.Action != nil:
			if item.Backup, err = o.keepRecord(ctx, j, world, item.Action.Ref); err == nil {
				err = world.Do(ctx, *item.Action)
			}
		}
		if item.Outcome = report.LeftRemoved; err != nil {
			item.Outcome, item.Error = report.LeftFailed, err.Error()
		}
	}
}
