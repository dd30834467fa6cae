package ciliumgitops

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/cilium-gitops/cilium-gitops/plugin/chart"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// impact renders for every cluster at once and says what would become of it.
func (o *diffOptions) impact(ctx context.Context, targets []cli.Target) error {
	all, err := o.rendered(ctx, targets)
	if err != nil {
		return err
	}
	doc := report.NewImpact(all)
	if err := o.out.Print(o.env, doc); err != nil {
		return err
	}
	unknown := doc.Summary.Unseen > 0 || slices.ContainsFunc(all, func(one report.ImpactOf) bool {
		r := one.Facts.Rendered
		return r != nil && (!r.LiveSeen || len(r.Unknown) > 0)
	})
	switch {
	case !doc.Summary.Quiet():
		return &cli.Exit{Code: cli.ExitNo}
	case unknown:
		return &cli.Exit{Code: cli.ExitCannotTell}
	}
	return nil
}

// rendered is what Flux would apply in every cluster. An error is one of usage; what could not be seen is said of its
// cluster.
func (o *diffOptions) rendered(ctx context.Context, targets []cli.Target) ([]report.ImpactOf, error) {
	seen := o.clusters.Gather(ctx, o.env, targets, true, func(cli.Target) []facts.Part { return []facts.Part{facts.Pods} })
	ctx, cancel := context.WithTimeout(ctx, o.clusters.Timeout)
	defer cancel()
	all := make([]report.ImpactOf, len(targets))
	errs := make([]error, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		all[i].Facts = seen[i]
		if why, blind := seen[i].Blind[facts.Pods]; blind {
			all[i].Unseen = "the pods could not be seen: " + why
			continue
		}
		wg.Go(func() {
			r, err := o.render(ctx, t)
			if err != nil {
				errs[i] = err
				return
			}
			all[i].Facts.Rendered = r
			facts.Clean(&all[i].Facts)
		})
	}
	wg.Wait()
	for i, err := range errs {
		if exit := (*cli.Exit)(nil); errors.As(err, &exit) {
			return nil, err
		} else if errors.Is(err, chart.ErrRender) {
			return nil, cli.Usage("%s: %s", targets[i].Name, facts.Text(err.Error()))
		} else if err != nil {
			all[i].Unseen = facts.Text(facts.RedactText(err.Error()))
		}
	}
	return all, nil
}

func (o *diffOptions) render(ctx context.Context, t cli.Target) (*facts.Rendered, error) {
	to := o.target(t)
	l, err := o.open(ctx, t, fromRelease)
	if err != nil {
		return nil, err
	}
	s, err := l.side(ctx, to)
	if err != nil {
		return nil, err
	}
	return l.session.Render(ctx, chart.Want{Release: s.release, Values: s.values, Find: s.find, Chart: o.chart})
}
