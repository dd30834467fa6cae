package fluxhandover

import (
	"context"
	"os"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/live"
)

// world joins looking at a cluster and changing it into what a Runner needs.
type world struct {
	*cluster

	backup string
	fields []handover.Ref
	// own are the release's workloads; nil until they have been seen.
	own     *facts.Workloads
	release handover.Ref // the plan's HelmRelease; empty: the fleet's
}

// workloadParts are what tells which workloads the release has, and in which namespaces.
var workloadParts = []facts.Part{facts.DaemonSets, facts.Deployments, facts.Release, facts.Pods}

// Observe looks at parts. Pods are those that the watches have, so that nobody lists them again and again; where a watch
// does not stand, and before it is known where the release has pods, they are listed.
func (w *world) Observe(ctx context.Context, parts []facts.Part) (facts.Facts, error) {
	t := w.target
	options := live.Options{
		Cluster: t.Name, Context: t.Context, Expect: t.Expect, NoExec: true, Timeout: w.aims.clusters.Timeout, Now: w.aims.env.Now,
	}
	if slices.Contains(parts, facts.Pods) && w.own == nil {
		w.find(ctx, options)
	}
	if w.own != nil {
		options.Workloads = *w.own
	}
	var pods []facts.Pod
	watched := false
	for _, part := range parts {
		if part == facts.Pods && w.own != nil {
			if raw, err := w.Pods(ctx); err == nil {
				pods, watched = live.Pods(raw, *w.own), true
				continue
			}
		}
		if part != facts.Intended {
			options.Parts = append(options.Parts, part)
		}
	}
	f := live.Gather(ctx, t.Config, options)
	f.Own = options.Workloads.Keys()
	if watched {
		f.Live.Pods = pods
		f.Seen = append(f.Seen, facts.Pods)
	}
	if slices.Contains(parts, facts.Fields) {
		w.owners(ctx, &f)
	}
	if slices.Contains(parts, facts.Intended) {
		w.intended(ctx, &f)
	}
	slices.Sort(f.Seen)
	facts.Clean(&f)
	return f, ctx.Err()
}

// find learns the release's workloads, and has the pods of those watched that Cilium's namespace and label do not cover.
// What cannot be seen now is looked for again the next time.
func (w *world) find(ctx context.Context, options live.Options) {
	options.Parts = workloadParts
	f := live.Gather(ctx, w.target.Config, options)
	for _, part := range workloadParts {
		if !slices.Contains(f.Seen, part) {
			return
		}
	}
	own := f.Workloads()
	namespaces := own.Elsewhere()
	if own.Unlabelled(f.Live.Pods) {
		namespaces = append(namespaces, f.Expect.Cilium.Namespace)
	}
	w.Beside(namespaces)
	w.own = &own
}

// owners looks at who owns the fields of the release's objects.
func (w *world) owners(ctx context.Context, f *facts.Facts) {
	found, err := w.Fields(ctx, w.fields)
	if err != nil {
		f.Blind[facts.Fields] = err.Error()
		return
	}
	f.Live.Fields = found
	f.Seen = append(f.Seen, facts.Fields)
}

// Backup keeps what going back needs in the run's folder. It appears there when it is whole: one that is there already
// is of this run, which was killed before it could write that down.
func (w *world) Backup(ctx context.Context) (string, error) {
	if _, err := os.Stat(w.backup); err == nil {
		return w.backup, nil
	}
	return w.backup, w.cluster.Backup(ctx, w.backup)
}
