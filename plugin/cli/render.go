package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/cilium-gitops/cilium-gitops/plugin/chart"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
)

// Render is what Flux would apply to a cluster if it had this working tree, and what is there. Its error may be shown.
func (c *Clusters) Render(ctx context.Context, t Target, tree *repo.Cluster) (*facts.Rendered, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if t.Broken != nil {
		return nil, errors.New("no way to the cluster: " + facts.RedactText(t.Broken.Error()))
	}
	release := tree.Release()
	if release == nil {
		return nil, errors.New("the working tree has no HelmRelease of Cilium")
	}
	session, err := chart.Open(ctx, t.Config, t.Expect)
	if err != nil {
		return nil, errors.New(facts.RedactText(err.Error()))
	}
	tree.Resolve(ctx, session.Reader())
	values, err := tree.Values(ctx, release, session.Reader())
	if err != nil {
		return nil, errors.New(facts.RedactText(session.Masker.Error(err).Error()))
	}
	if cache, err := os.UserCacheDir(); err == nil {
		session.Fetcher.Cache = filepath.Join(cache, "cilium-gitops", "charts")
	}
	session.Masker.Learn(values, facts.Redact(values))
	session.Masker.Learn(values, tree.Facts().Cilium().Values)
	find := func(kind, namespace, name string) map[string]any {
		if found := tree.Object(kind, namespace, name); found != nil {
			return found.Body
		}
		return nil
	}
	out, err := session.Render(ctx, chart.Want{Release: release.Body, Values: values, Find: find})
	if err != nil {
		return nil, errors.New(facts.Text(facts.RedactText(err.Error())))
	}
	out.Inputs = tree.Inputs(ctx, release, session.Reader())
	for _, i := range out.Inputs {
		if i.Unknown != "" {
			out.Unknown = append(out.Unknown, facts.Text(i.Ref+" of the cluster could not be compared with the tree's: "+i.Unknown))
		}
	}
	return out, nil
}
