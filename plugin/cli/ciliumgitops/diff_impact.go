package ciliumgitops

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/cilium-gitops/cilium-gitops/plugin/chart"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// impact renders for every cluster at once and says what would become of it.
func (o *diffOptions) impact(ctx context.Context, targets []cli.Target) error {
	all, err := o.rendered(ctx, targets)
	if err != nil {
		return err
	}
	doc := report.NewImpact(all)
	if err := o.write(doc); err != nil {
		return err
	}
	unknown := doc.Summary.Unseen > 0 || slices.ContainsFunc(all, func(one report.ImpactOf) bool {
		r := one.Facts.Rendered
		return r != nil && (!r.LiveSeen || len(r.Unknown) > 0)
	})
	return answered(!doc.Summary.Quiet(), unknown)
}

// rendered is what Flux would apply in every cluster. An error is one of usage; what could not be seen is said of its
// cluster.
func (o *diffOptions) rendered(ctx context.Context, targets []cli.Target) ([]report.ImpactOf, error) {
	seen := o.pods(ctx, targets)
	ctx, cancel := context.WithTimeout(ctx, o.clusters.Timeout)
	defer cancel()
	all := make([]report.ImpactOf, len(targets))
	errs := make([]error, len(targets))
	progress := report.NewProgress(o.env.ErrOut, o.env.Width(o.env.ErrOut), o.env.Now)
	defer progress.Done()
	var wg sync.WaitGroup
	for i, t := range targets {
		all[i].Facts = seen[i]
		if !slices.Contains(seen[i].Seen, facts.Pods) && seen[i].Blind[facts.Pods] == "" {
			all[i].Unseen = "the recording does not have the pods; make one with: kubectl cilium-gitops verify --record FILE"
			continue
		}
		if why, blind := seen[i].Blind[facts.Pods]; blind {
			all[i].Unseen = "the pods could not be seen: " + why
			continue
		}
		wg.Go(func() {
			r, err := o.render(ctx, t, progress)
			if err != nil {
				errs[i] = err
				return
			}
			all[i].Facts.Rendered = impact.Without(r, o.ignoredPaths())
			facts.Clean(&all[i].Facts)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if exit := (*cli.Exit)(nil); errors.As(err, &exit) {
			return nil, err
		} else if wrongInput(err) {
			return nil, cli.Usage("%s: %s", targets[i].Name, facts.Text(err.Error()))
		} else if err != nil {
			all[i].Unseen = facts.Text(facts.RedactText(err.Error()))
		}
	}
	return all, nil
}

// wrongInput holds of what no other try would mend: Flux would fail of it, too.
func wrongInput(err error) bool {
	return errors.Is(err, chart.ErrRender) || errors.Is(err, chart.ErrNoChart) || errors.Is(err, chart.ErrRefused)
}

// counted are what pods are counted by: the others tell which workloads the release has in which namespaces.
var counted = []facts.Part{facts.Pods, facts.DaemonSets, facts.Release}

// pods are facts of every target that have its pods: recorded, or as they are now.
func (o *diffOptions) pods(ctx context.Context, targets []cli.Target) []facts.Facts {
	if len(o.recording) == 0 {
		return o.clusters.Gather(ctx, o.env, targets, true, func(cli.Target) []facts.Part { return counted })
	}
	var all []facts.Facts
	for _, t := range targets {
		all = append(all, *o.recorded(t))
	}
	return all
}

func (o *diffOptions) ignoredPaths() []values.Path {
	var all []values.Path
	for _, path := range o.ignore {
		all = append(all, values.Path(path))
	}
	return all
}

func (o *diffOptions) render(ctx context.Context, t cli.Target, progress *report.Progress) (*facts.Rendered, error) {
	to := o.target(t)
	l, err := o.open(ctx, t, fromRelease)
	if err != nil {
		return nil, err
	}
	s, err := l.side(ctx, to)
	if err != nil {
		return nil, err
	}
	if err := s.decided(); err != nil {
		return nil, err
	}
	if l.recorded != nil {
		return l.renderOffline(ctx, s)
	}
	l.session.Fetcher.Roots = o.roots
	l.session.Fetcher.Tell = func(done, total int64) { progress.Set(t.Name+" chart, KiB", int(done>>10), int(total>>10)) }
	return l.session.Render(ctx, chart.Want{Release: s.release, Values: s.values, Find: s.find, Chart: o.chart})
}

// renderOffline renders what was recorded and what Flux would apply; secrets that the recording lacks are the same on
// both sides, and that they were is said.
func (l *look) renderOffline(ctx context.Context, to side) (*facts.Rendered, error) {
	runs, err := l.side(ctx, fromRelease)
	if err != nil {
		return nil, err
	}
	sides := []side{runs, to}
	var hidden report.ValuesOf
	l.o.level(sides, &hidden)
	r, err := chart.Offline{
		Recorded: *l.recorded, Before: sides[0].values, After: sides[1].values, Release: to.release, Git: to.git,
		Chart: l.o.chart, Cache: chartCache(), Masker: l.masker,
	}.Render()
	if err != nil {
		return nil, err
	}
	r.Unknown = append(append(to.unknown, hidden.Unknown...), r.Unknown...)
	return r, nil
}
