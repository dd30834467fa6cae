package fluxhandover

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// lookAgain is how long --watch waits between two looks where no change is told of, and where nobody tells.
const (
	lookAgain = 30 * time.Second
	lookSoon  = 2 * time.Second
)

// statusOptions are the flags of status.
type statusOptions struct {
	aims

	out   cli.Output
	watch bool
}

func newStatus(env *cli.Env) *cobra.Command {
	o := &statusOptions{aims: newAims(env)}
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Say where a handover stands, from the cluster alone",
		Long: `Reads the journal that a run keeps in the cluster (ConfigMap cilium-gitops-handover in Flux's namespace): which
steps were taken and when, why it stopped, and what to do next. It needs nothing of the machine that the run began on,
and writes nothing.

Exit codes: 0 finished, or still running, 1 no handover is recorded, 2 wrong usage or input, 3 a cluster could not be
seen, 4 a run has stopped, or died: the answer names the next command.`,
		Example: fmt.Sprintf(`  %[1]s status --context infra,apps

  # Until the run ends
  %[1]s status --context infra --watch`, env.Name),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.cmd = cmd
	o.clusters.AddFlags(cmd.Flags())
	o.clusters.Complete(cmd)
	o.out.AddFlags(cmd.Flags())
	o.out.Complete(cmd)
	cmd.Flags().BoolVar(&o.watch, "watch", false, "Look again and show every change, until no run goes on")
	return cmd
}

func (o *statusOptions) run(ctx context.Context) error {
	if o.clusters.Timeout <= 0 {
		return cli.Usage("--timeout: %s is not a time to wait", o.clusters.Timeout)
	}
	if err := o.out.Check(o.env, report.Run{}); err != nil {
		return err
	}
	targets, err := o.clusters.Targets()
	if err != nil {
		return err
	}
	var shown []byte
	wait := o.follow(ctx, targets)
	for {
		doc := o.look(ctx, targets)
		if err := ctx.Err(); err != nil {
			return err
		}
		if shown, err = o.show(doc, shown); err != nil {
			return err
		}
		going := slices.ContainsFunc(doc.Clusters, func(c report.RunCluster) bool {
			return c.Outcome == report.RunGoing || c.Outcome == report.RunUndoing
		})
		if !o.watch || !going {
			return statusExit(doc)
		}
		if err := wait(); err != nil {
			return err
		}
	}
}

// follow has the clusters tell of changes of their journals, and gives what waits for one.
func (o *statusOptions) follow(ctx context.Context, targets []cli.Target) (wait func() error) {
	if !o.watch {
		return nil
	}
	fresh := make(chan struct{}, 1)
	var broken []func() error
	for _, t := range targets {
		c, err := o.reach(ctx, &o.aims, t)
		if err != nil {
			broken = append(broken, func() error { return err })
			continue
		}
		broken = append(broken, c.Follow(fresh))
	}
	return func() error {
		within, cancel := context.WithCancel(ctx)
		defer cancel()
		go func() {
			select {
			case <-fresh:
				cancel()
			case <-within.Done():
			}
		}()
		atMost := lookAgain
		if slices.ContainsFunc(broken, func(why func() error) bool { return why() != nil }) {
			atMost = lookSoon
		}
		_ = o.env.Sleep(within, atMost) // its error says that something has changed, or that ctx is over
		return ctx.Err()
	}
}

// show prints doc where it is not what is shown already.
func (o *statusOptions) show(doc report.Run, shown []byte) ([]byte, error) {
	style, err := o.env.Style(o.env.Out, o.out.Color)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := report.Print(&text, o.out.Format, doc, style); err != nil {
		return nil, err
	}
	if bytes.Equal(text.Bytes(), shown) {
		return shown, nil
	}
	if len(shown) > 0 && o.env.Width(o.env.Out) > 0 {
		fmt.Fprint(o.env.Out, "\x1b[H\x1b[2J")
	}
	_, err = o.env.Out.Write(text.Bytes())
	return text.Bytes(), err
}

// look reads every cluster's journal.
func (o *statusOptions) look(ctx context.Context, targets []cli.Target) report.Run {
	var clusters []report.RunCluster
	var next []string
	for _, t := range targets {
		c := o.one(ctx, t)
		if c.Outcome == report.RunStopped {
			next = append(next, o.goOn(c, t))
		}
		c.Warning = o.warn(ctx, t)
		clusters = append(clusters, c)
		if left := o.drill(ctx, t); left != nil {
			clusters, next = append(clusters, *left), append(next, o.command("drill", []cli.Target{t}, "--undo"))
		}
	}
	return report.NewRun(clusters, next)
}

// warn looks whether the HelmRelease is being deleted; that it could not be seen is no warning.
func (o *statusOptions) warn(ctx context.Context, t cli.Target) string {
	ctx, cancel := context.WithTimeout(ctx, o.clusters.Timeout)
	defer cancel()
	reached, err := o.reach(ctx, &o.aims, t)
	if err != nil {
		return ""
	}
	f, err := reached.World("", nil).Observe(ctx, []facts.Part{facts.HelmReleases})
	if err != nil {
		return ""
	}
	return handover.Terminating(f)
}

// goOn is the command that goes on with what has stopped.
func (o *statusOptions) goOn(c report.RunCluster, t cli.Target) string {
	if verb, _, _ := strings.Cut(c.Name, " "); verb != "" && c.Name != handover.HandoverName {
		return o.command(verb, []cli.Target{t})
	}
	return o.command("run", []cli.Target{t}, "--resume")
}

func (o *statusOptions) one(ctx context.Context, t cli.Target) report.RunCluster {
	c := report.RunCluster{Cluster: t.Name, Context: t.Context, Outcome: report.RunUnseen, Steps: []handover.StepRecord{}}
	if t.Config != nil {
		c.Server = t.Config.Host
	}
	ctx, cancel := context.WithTimeout(ctx, o.clusters.Timeout)
	defer cancel()
	reached, err := o.reach(ctx, &o.aims, t)
	if err != nil {
		c.Stop = err.Error()
		return c
	}
	j, err := reached.Kept().Load(ctx)
	switch {
	case err != nil:
		c.Stop = err.Error()
		return c
	case j == nil:
		c.Outcome, c.Stop = report.RunNone, "no handover is recorded in this cluster"
		return c
	}
	of := report.OfJournal(j, t.Expect)
	of.Cluster, of.Context, of.Server = c.Cluster, c.Context, c.Server
	return of
}

// statusExit is the worst that there is to tell.
func statusExit(doc report.Run) error {
	code := cli.ExitYes
	for _, c := range doc.Clusters {
		switch c.Outcome {
		case report.RunNone:
			code = max(code, cli.ExitNo)
		case report.RunUnseen:
			code = max(code, cli.ExitCannotTell)
		case report.RunStopped:
			code = cli.ExitRefused
		}
	}
	if code == cli.ExitYes {
		return nil
	}
	return &cli.Exit{Code: code}
}
