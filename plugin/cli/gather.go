package cli

import (
	"context"
	"sync"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/live"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

const (
	// clustersAtOnce bounds how many clusters are looked at at a time: what is in memory.
	clustersAtOnce = 64
	// knocksAtOnce bounds how many are waited for at a time to answer at all, which takes next to nothing but a file
	// descriptor each: those that never do keep nobody waiting.
	knocksAtOnce = 256
)

// Gather looks at every target at once, at those parts of it. One that is dead costs its own time-out and nobody
// else's.
func (c *Clusters) Gather(ctx context.Context, env *Env, targets []Target, noExec bool, parts func(Target) []facts.Part) []facts.Facts {
	all := make([]facts.Facts, len(targets))
	progress := report.NewProgress(env.ErrOut, env.Width(env.ErrOut), env.Now)
	defer progress.Done()
	slots, knocks := make(chan struct{}, clustersAtOnce), make(chan struct{}, knocksAtOnce)
	var wg sync.WaitGroup
	for i, t := range targets {
		wg.Go(func() {
			first := knocks
			if t.Config != nil && t.Config.ExecProvider != nil {
				first = slots // a program is started before anybody can be asked, and it is not ours
			}
			first <- struct{}{}
			release := func() { <-first }
			defer func() { release() }()
			options := live.Options{
				Cluster: t.Name, Context: t.Context, Expect: t.Expect, Parts: parts(t),
				NoExec: noExec, Timeout: c.Timeout, Now: env.Now,
				Begin: func() {
					if first != slots {
						slots <- struct{}{}
						<-knocks
						release = func() { <-slots }
					}
				},
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
