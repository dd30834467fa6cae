package fluxhandover

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// reportOptions are the flags of report.
type reportOptions struct {
	aims

	out      cli.Output
	journals []string
	evidence string
}

func newReport(env *cli.Env) *cobra.Command {
	o := &reportOptions{aims: newAims(env)}
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Tell what a handover did, from its journal: steps, pods, checks, evidence",
		Long: `Tells of each cluster's newest handover and of the rollbacks and drills after it: what was done when, what became of
every pod, what the checks say of the end beside the beginning, and the commands that check the same again. As HTML it
is one page, with a picture of pods and steps over time, that asks for nothing beyond itself.

It reads the journals of this machine ($XDG_STATE_HOME/cilium-gitops, else ~/.local/state/cilium-gitops) and the one in
each cluster, whichever knows more, or the files that --journal names, and then no cluster. It changes nothing.

Exit codes: 0 told, 1 no run is recorded of a cluster, 2 wrong usage or input, 3 a cluster could not be seen and this
machine has no journal of it.`,
		Example: fmt.Sprintf(`  # The clusters of fleet.yaml, on the terminal
  %[1]s report

  # One page for whoever asks
  %[1]s report --context infra,apps --report html=handover.html

  # Elsewhere, from a journal alone
  %[1]s report --journal journal.json -o markdown

  # What the checks were judged from, to judge it again
  %[1]s report --context infra --evidence infra.yaml
  kubectl cilium-gitops verify --phase handover --from infra.yaml`, env.Name),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.cmd = cmd
	flags := cmd.Flags()
	o.clusters.AddFlags(flags)
	o.clusters.Complete(cmd)
	o.out.Like = []report.Doc{report.Story{}}
	o.out.AddFlags(flags)
	o.out.AddReports(flags)
	o.out.Complete(cmd)
	flags.StringArrayVar(&o.journals, "journal", nil, "Tell of the run with this journal, a file, instead of looking at clusters; repeatable")
	flags.StringVar(&o.evidence, "evidence", "", "Keep what is judged in this file, for verify --from")
	_ = cmd.RegisterFlagCompletionFunc("journal", o.completeJournal)
	return cmd
}

func (o *reportOptions) run(ctx context.Context) error {
	switch {
	case o.clusters.Timeout <= 0:
		return cli.Usage("--timeout: %s is not a time to wait", o.clusters.Timeout)
	case len(o.journals) > 0 && o.clusters.Given():
		return cli.Usage("--journal tells of what is in a file and --context of what clusters say: give one of them")
	}
	if err := o.out.Check(o.env, report.Story{}); err != nil {
		return err
	}
	told, missing, err := o.told(ctx)
	if err != nil {
		return err
	}
	if len(told) == 0 {
		return missing
	}
	if err := o.keep(told); err != nil {
		return err
	}
	doc := report.NewStory(o.env.Now(), tool(), told, o.next(told))
	if err := o.out.Save(doc); err != nil {
		return err
	}
	return errors.Join(missing, o.out.Print(o.env, doc))
}

// told are the runs, and why there is none of some cluster.
func (o *reportOptions) told(ctx context.Context) (told []report.Told, missing error, err error) {
	if len(o.journals) > 0 {
		told, err = o.fromFiles()
		return told, nil, err
	}
	targets, err := o.clusters.Targets()
	if err != nil {
		return nil, nil, err
	}
	here, err := o.here()
	if err != nil {
		return nil, nil, err
	}
	code := cli.ExitYes
	var errs []error
	there := o.all(ctx, targets)
	for i, t := range targets {
		runs, why, err := o.ofCluster(t, here, there[i])
		if err != nil {
			errs, code = append(errs, err), max(code, why)
			continue
		}
		told = append(told, runs...)
	}
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	if len(errs) > 0 {
		missing = &cli.Exit{Code: code, Err: errors.Join(errs...)}
	}
	return told, missing, nil
}

// fromFiles are the runs of those journals, in the order given.
func (o *reportOptions) fromFiles() ([]report.Told, error) {
	f, _, err := o.clusters.Fleet()
	if err != nil {
		return nil, err
	}
	var told []report.Told
	for _, path := range o.journals {
		j, err := cleanJournal(path)
		if err != nil {
			return nil, cli.Usage("read the journal %s: %w", path, err)
		}
		told = append(told, o.tell(kept{journal: j, path: path}, f.Expect(f.ByContext(j.Context)), ""))
	}
	return told, nil
}

// answer is what a cluster has to say: its journal, nil where it has none, or why it said nothing.
type answer struct {
	journal *handover.Journal
	err     error
}

// all asks every cluster, at once.
func (o *reportOptions) all(ctx context.Context, targets []cli.Target) []answer {
	answers := make([]answer, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() { answers[i].journal, answers[i].err = o.there(ctx, t) })
	}
	wg.Wait()
	return answers
}

// ofCluster are the runs of one cluster: its own journal, and those of this machine.
func (o *reportOptions) ofCluster(t cli.Target, here []kept, of answer) ([]report.Told, int, error) {
	there, err := of.journal, of.err
	var own []kept
	for _, k := range here {
		if there != nil && k.journal.UID == there.UID || there == nil && k.journal.Context == t.Context && k.journal.Cluster == t.Name {
			own = append(own, k)
		}
	}
	if there != nil {
		own = join(own, there)
	}
	switch {
	case len(own) == 0 && err != nil:
		return nil, cli.ExitCannotTell, fmt.Errorf("cluster %s: read its journal: %w; this machine has none of it; name one: --journal FILE", t.Name, err)
	case len(own) == 0:
		return nil, cli.ExitNo, fmt.Errorf("cluster %s: no run is recorded, here or there; see: %s", t.Name, o.command("plan", []cli.Target{t}))
	case err != nil:
		o.env.Say("cluster %s could not be asked (%v): told from the journals of this machine", t.Name, err)
	}
	server := ""
	if t.Config != nil {
		server = t.Config.Host
	}
	var told []report.Told
	for _, k := range sinceHandover(own, there) {
		told = append(told, o.tell(k, t.Expect, server))
	}
	return told, cli.ExitYes, nil
}

// there is the journal in the cluster; nil where it has none.
func (o *reportOptions) there(ctx context.Context, t cli.Target) (*handover.Journal, error) {
	ctx, cancel := context.WithTimeout(ctx, o.clusters.Timeout)
	defer cancel()
	c, err := o.reach(ctx, &o.aims, t)
	if err != nil {
		return nil, err
	}
	return c.Kept().Load(ctx)
}

// tell is what one run is told from, judged.
func (o *reportOptions) tell(k kept, expect facts.Expect, server string) report.Told {
	t := report.Told{Journal: k.journal, Expect: expect, Server: server, Evidence: k.evidence()}
	end, ok := k.journal.Facts(expect)
	t.Judged = "Judged from the journal: how the cluster was at the end of the run, beside how it was before."
	if recorded := o.recorded(t.Evidence, k.journal); recorded != nil {
		if t.Server == "" {
			t.Server = recorded.Server
		}
		if !ok {
			end, ok = *recorded, true
			end.Base, end.Expect = k.journal.Base, expect
			t.Judged = "Judged from the evidence that was kept when the run stopped, beside how the cluster was before."
		}
	} else {
		t.Evidence = ""
	}
	if !ok {
		t.Judged = "The run kept nothing of how the cluster was at its end: nothing can be judged again."
	} else {
		end.Server = t.Server
		t.End, t.Checks = &end, handoverChecks()
		t.Verdicts = check.Run(end, t.Checks)
	}
	t.Again = o.again(t)
	return t
}

// handoverChecks are the checks of phase handover.
func handoverChecks() []check.Check {
	return slices.DeleteFunc(check.All(), func(c check.Check) bool { return c.Phase != check.Handover })
}

// recorded is the evidence that a run kept; nil where there is none of this cluster.
func (o *reportOptions) recorded(path string, j *handover.Journal) *facts.Facts {
	if path == "" {
		return nil
	}
	all, err := cli.Recordings(o.env, []string{path})
	if err != nil {
		o.env.Say("the evidence of run %s is of no use: %v", j.Run, err)
		return nil
	}
	i := slices.IndexFunc(all, func(f facts.Facts) bool { return f.Cluster == j.Cluster })
	if i < 0 {
		return nil
	}
	return &all[i]
}

// keep writes what is judged, where the user wants it.
func (o *reportOptions) keep(told []report.Told) error {
	if o.evidence == "" {
		return nil
	}
	var all []facts.Facts
	for i := range told {
		if told[i].End != nil {
			all = append(all, *told[i].End)
			told[i].Evidence = o.evidence
			told[i].Again = o.again(told[i])
		}
	}
	if len(all) == 0 {
		return &cli.Exit{Code: cli.ExitCannotTell, Err: errors.New("keep the evidence: no run kept how its cluster was at its end")}
	}
	if err := writeFacts(o.evidence, all); err != nil {
		return cli.Usage("keep the evidence: %w", err)
	}
	return nil
}
