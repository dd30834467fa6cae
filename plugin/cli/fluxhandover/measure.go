package fluxhandover

import (
	"context"
	"fmt"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// probeUsage is what --probe does where a cluster is changed.
const probeUsage = "Keep connections between pods of its own open meanwhile, and say which were lost and the longest gap: see docs/probe.md"

// probeNames are the flags of a probe, which a command that goes on is given again.
func probeNames() []string {
	return []string{"probe", "probe-image", "probe-nodes", "probe-timeout"}
}

// connections are those that are kept open between pods while a cluster is changed.
type connections interface {
	// Close ends them, removes what they needed, and says what became of them.
	Close(ctx context.Context) *facts.Streams
}

// measure opens connections, where the user wants them measured; nil where not. Where it cannot, nothing is begun.
func (o *runOptions) measure(ctx context.Context, j *job) (connections, error) {
	if !o.probe.On {
		return nil, nil
	}
	asked := o.probe.Probing()
	for _, s := range append(j.plan.Steps[:len(j.plan.Steps):len(j.plan.Steps)], j.plan.Undo...) {
		asked.Lasting += s.Within
	}
	open, err := j.cluster.Stream(ctx, asked)
	if err == nil {
		return open, nil
	}
	left := ""
	if found := open.Close(ctx); found.Left != "" {
		left = "; left behind: namespace " + found.Left
	}
	if ctx.Err() != nil && left == "" {
		return nil, ctx.Err()
	}
	return nil, &cli.Exit{Code: cli.ExitCannotTell, Err: fmt.Errorf("cluster %s: nothing was begun: %w%s; without --probe nothing is measured", j.target.Name, err, left)}
}

// measured ends connections and keeps with the journal what became of them.
func (o *runOptions) measured(ctx context.Context, open connections, journal *handover.Journal, keeper handover.Keeper) {
	if open == nil {
		return
	}
	journal.Streams = journal.Streams.And(open.Close(ctx))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if err := keeper.Save(ctx, journal); err != nil {
		o.env.Say("cluster %s: what became of connections is not in the journal: %v", journal.Cluster, err)
	}
}
