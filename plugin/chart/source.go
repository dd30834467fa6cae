package chart

import (
	"context"
	"errors"
	"fmt"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
)

// Finder finds an object of a Git tree; nil where the tree has none.
type Finder func(kind, namespace, name string) map[string]any

// source is where Flux would take a HelmRelease's chart from, by the tree's objects and else by the cluster's.
func (s *Session) source(ctx context.Context, hr *helmv2.HelmRelease, find Finder) (Source, []string, error) {
	if ref := hr.Spec.ChartRef; ref != nil {
		namespace := ref.Namespace
		if namespace == "" {
			namespace = hr.Namespace
		}
		switch ref.Kind {
		case sourcev1.OCIRepositoryKind:
			return s.ociSource(ctx, find, namespace, ref.Name)
		case sourcev1.HelmChartKind:
			var c sourcev1.HelmChart
			if err := s.object(ctx, find, ref.Kind, namespace, ref.Name, &c); err != nil {
				return Source{}, nil, err
			}
			return s.repositorySource(ctx, find, c.Spec.SourceRef.Kind, namespace, c.Spec.SourceRef.Name, c.Spec.Chart, c.Spec.Version)
		}
		return Source{}, nil, fmt.Errorf("find the chart: a %s cannot be fetched from here; name the chart with --chart", ref.Kind)
	}
	if hr.Spec.Chart == nil {
		return Source{}, nil, errors.New("find the chart: the HelmRelease has neither chart nor chartRef")
	}
	c := hr.Spec.Chart.Spec
	namespace := c.SourceRef.Namespace
	if namespace == "" {
		namespace = hr.Namespace
	}
	return s.repositorySource(ctx, find, c.SourceRef.Kind, namespace, c.SourceRef.Name, c.Chart, c.Version)
}

func (s *Session) ociSource(ctx context.Context, find Finder, namespace, name string) (Source, []string, error) {
	var o sourcev1.OCIRepository
	if err := s.object(ctx, find, sourcev1.OCIRepositoryKind, namespace, name, &o); err != nil {
		return Source{}, nil, err
	}
	out := Source{Kind: sourcev1.OCIRepositoryKind, URL: o.Spec.URL, Insecure: o.Spec.Insecure, Suffix: true}
	if r := o.Spec.Reference; r != nil {
		out.Tag, out.Version, out.Digest = r.Tag, r.SemVer, r.Digest
	}
	var unknown []string
	if o.Spec.Verify != nil {
		unknown = append(unknown, "the chart's signature was not verified; Flux will")
	}
	if off, err := s.noDigests(ctx); err != nil {
		unknown = append(unknown, "whether helm-controller adds the chart's digest to its version was taken for granted: "+err.Error())
	} else if off {
		out.Suffix = false
	}
	return out, unknown, nil
}

func (s *Session) repositorySource(ctx context.Context, find Finder, kind, namespace, name, chart, version string) (Source, []string, error) {
	if kind != sourcev1.HelmRepositoryKind {
		return Source{}, nil, fmt.Errorf("find the chart: a chart of a %s cannot be fetched from here; name it with --chart", kind)
	}
	var r sourcev1.HelmRepository
	if err := s.object(ctx, find, kind, namespace, name, &r); err != nil {
		return Source{}, nil, err
	}
	out := Source{Kind: kind, URL: r.Spec.URL, Chart: chart, Version: version, Insecure: r.Spec.Insecure}
	if strings.HasPrefix(out.URL, "oci://") {
		out.URL = strings.TrimSuffix(out.URL, "/") + "/" + chart
	}
	return out, nil, nil
}

// object finds one of source-controller's objects, in the tree and else in the cluster.
func (s *Session) object(ctx context.Context, find Finder, kind, namespace, name string, into any) error {
	var body map[string]any
	if find != nil {
		body = find(kind, namespace, name)
	}
	if body == nil {
		u, err := s.cluster.get(ctx, sourcev1.GroupVersion.String(), kind, namespace, name)
		switch {
		case apierrors.IsNotFound(err), errors.Is(err, errNoKind):
			return fmt.Errorf("find the chart: there is no %s %s/%s, neither in Git nor in the cluster", kind, namespace, name)
		case err != nil:
			return fmt.Errorf("get %s %s/%s: %w", kind, namespace, name, err)
		}
		body = u.Object
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(body, into); err != nil {
		return fmt.Errorf("read %s %s/%s: it is not what its API takes", kind, namespace, name)
	}
	return nil
}

// noDigests tells whether helm-controller was told to leave the chart's version alone.
func (s *Session) noDigests(ctx context.Context) (bool, error) {
	u, err := s.cluster.get(ctx, "apps/v1", "Deployment", s.expect.Flux.Namespace, "helm-controller")
	if apierrors.IsNotFound(err) {
		return false, errors.New("there is no Deployment helm-controller in " + s.expect.Flux.Namespace)
	}
	if err != nil {
		return false, err
	}
	text, err := u.MarshalJSON()
	return strings.Contains(string(text), "DisableChartDigestTracking=true"), err
}
