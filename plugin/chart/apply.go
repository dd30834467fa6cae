package chart

import (
	"context"
	"errors"
	"fmt"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	helmchart "helm.sh/helm/v4/pkg/chart/v2"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Want is what to render: a HelmRelease with its composed values, or values alone, with the release's own chart.
type Want struct {
	Release map[string]any // the HelmRelease's body; nil: values alone
	Values  values.Tree
	Find    Finder // the tree's objects; nil where the HelmRelease is the cluster's
	Chart   string // folder or archive, instead of what Flux would fetch
}

// Render is what Flux would apply, and what is there. Its errors and its objects are masked.
func (s *Session) Render(ctx context.Context, w Want) (*facts.Rendered, error) {
	out, err := s.prepare(ctx, w)
	if err != nil {
		return nil, s.Masker.Error(err)
	}
	return s.Masker.around(out), nil
}

func (s *Session) prepare(ctx context.Context, w Want) (*facts.Rendered, error) {
	s.cluster.told = s.looked
	hr := &helmv2.HelmRelease{}
	out := &facts.Rendered{By: "values", KubeVersion: s.cluster.version, Unknown: s.cluster.unknown}
	namespace, name := s.expect.Cilium.Namespace, s.expect.Cilium.Release
	in := input{namespace: namespace, name: name, values: w.Values, cluster: s.cluster, revision: 1}
	if w.Release != nil {
		var err error
		if hr, err = typedRelease(w.Release); err != nil {
			return nil, err
		}
		out.By = "HelmRelease/" + hr.Namespace + "/" + hr.Name
		namespace, name = hr.GetStorageNamespace(), hr.GetReleaseName()
		in.namespace, in.name, in.renderers = hr.GetReleaseNamespace(), name, renderersOf(hr)
	}
	record, err := s.record(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	out.Release, out.Method = namespace+"/"+name, facts.ServerSide
	if record != nil {
		out.Revision, in.revision = record.Revision, record.Revision+1
		out.Method = method(hr, record)
		if out.Before, err = parse(record.Manifest, in.namespace, s.cluster); err != nil {
			return nil, fmt.Errorf("read the manifest of release %s: %w", out.Release, err)
		}
		if u := hr.Spec.Upgrade; u != nil && u.PreserveValues {
			in.values = values.Coalesce(record.Config, in.values)
		}
	}
	if in.chart, err = s.chart(ctx, hr, w, record, out); err != nil {
		return nil, err
	}
	if err := s.fill(ctx, in, out); err != nil {
		return nil, err
	}
	return out, nil
}

// method is how Helm would apply: as it did the last time, unless the HelmRelease says.
func method(hr *helmv2.HelmRelease, record *Record) string {
	if u := hr.Spec.Upgrade; u != nil {
		switch u.ServerSideApply {
		case helmv2.ServerSideApplyEnabled:
			return facts.ServerSide
		case helmv2.ServerSideApplyDisabled:
			return facts.ClientSide
		}
	}
	if record.ApplyMethod == facts.ServerSide {
		return facts.ServerSide
	}
	return facts.ClientSide
}

// chart is the chart with the version that templates would see.
func (s *Session) chart(ctx context.Context, hr *helmv2.HelmRelease, w Want, record *Record, out *facts.Rendered) (*helmchart.Chart, error) {
	var fetched *Fetched
	var err error
	switch {
	case w.Chart != "":
		fetched, err = fromPath(w.Chart)
	case w.Release == nil && record == nil:
		return nil, errors.New("there is no release whose chart could be taken; name one with --chart")
	case w.Release == nil:
		fetched = &Fetched{Chart: record.Chart, From: "the release's record"}
	default:
		fetched, err = s.flux(ctx, hr, w, record, out)
	}
	if err != nil {
		return nil, err
	}
	if fetched.Chart == nil || fetched.Chart.Metadata == nil {
		return nil, fmt.Errorf("read the chart %s: it has no metadata", fetched.From)
	}
	out.Chart, out.ChartVersion, out.ChartFrom = fetched.Chart.Metadata.Name, fetched.Chart.Metadata.Version, fetched.From
	return fetched.Chart, nil
}
