package cli

import (
	"context"
	"sync"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/live"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// clustersAtOnce bounds how many clusters are looked at at a time.
const clustersAtOnce = 64

// Gather looks at every target at once, at those parts of it. One that is dead costs its own time-out and nobody
// else's.
func (c *Clusters) Gather(ctx context.Context, env *Env, targets []Target, noExec bool, parts func(Target) []facts.Part) []facts.Facts {
	all := make([]facts.Facts, len(targets))
	progress := report.NewProgress(env.ErrOut, env.Width(env.ErrOut), env.Now)
	defer progress.Done()
	slots := make(chan struct{}, clustersAtOnce)
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			options := live.Options{
				Cluster: t.Name, Context: t.Context, Expect: t.Expect, Parts: parts(t),
				NoExec: noExec, Timeout: c.Timeout, Now: env.Now,
				Tell: func(done, total int) { progress.Set(t.Name, done, total) },
			}
			if t.Broken != nil {
				all[i] = live.Unseen(options, "no way to the cluster: "+facts.RedactText(t.Broken.Error()))
				return
			}
			all[i] = live.Gather(ctx, t.Config, options)
		})
	}
	wg.Wait()
	return all
}
