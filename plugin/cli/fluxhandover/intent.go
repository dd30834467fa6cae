package fluxhandover

import (
	"context"
	"errors"

	"github.com/cilium-gitops/cilium-gitops/plugin/chart"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// intended looks at what Flux would release of the HelmRelease as the cluster has it.
func (w *world) intended(ctx context.Context, f *facts.Facts) {
	intent, err := w.intent(ctx)
	if err != nil {
		f.Blind[facts.Intended] = facts.Text(facts.RedactText(err.Error()))
		return
	}
	f.Live.Intent = intent
	f.Seen = append(f.Seen, facts.Intended)
}

func (w *world) intent(ctx context.Context) (*facts.Intent, error) {
	ctx, cancel := context.WithTimeout(ctx, w.aims.clusters.Timeout)
	defer cancel()
	if w.target.Broken != nil || w.target.Config == nil {
		return nil, errors.New("no way to the cluster")
	}
	session, err := chart.Open(ctx, w.target.Config, w.target.Expect)
	if err != nil {
		return nil, err
	}
	namespace, name := w.release.Namespace, w.release.Name
	if name == "" {
		namespace, name = w.target.Expect.Flux.HelmReleaseNamespace, w.target.Expect.Flux.HelmRelease
	}
	return session.Intent(ctx, namespace, name)
}
