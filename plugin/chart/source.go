package chart

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
)

// Finder finds an object of a Git tree; nil where the tree has none.
type Finder func(kind, namespace, name string) map[string]any

// source is where Flux would take a HelmRelease's chart from, by the tree's objects and else by the cluster's.
func (s *Session) source(ctx context.Context, hr *helmv2.HelmRelease, find Finder) (Source, []string, error) {
	if ref := hr.Spec.ChartRef; ref != nil {
		return s.chartRef(ctx, find, hr, ref)
	}
	if hr.Spec.Chart == nil {
		return Source{}, nil, errors.New("find the chart: the HelmRelease has neither chart nor chartRef")
	}
	out, err := s.helmChart(ctx, find, hr.Spec.Chart.GetNamespace(hr.Namespace), hr.GetHelmChartName(), templated(hr.Spec.Chart.Spec))
	return out, nil, err
}

func (s *Session) chartRef(ctx context.Context, find Finder, hr *helmv2.HelmRelease, ref *helmv2.CrossNamespaceSourceReference) (Source, []string, error) {
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
		out, err := s.helmChart(ctx, find, namespace, ref.Name, c.Spec)
		return out, nil, err
	case sourcev1.ExternalArtifactKind:
		var e sourcev1.ExternalArtifact
		out, err := s.artifactOf(ctx, ref.Kind, namespace, ref.Name, &e, func() *meta.Artifact { return e.Status.Artifact })
		if err != nil {
			return Source{}, nil, err
		}
		off, err := s.noDigests(ctx)
		out.Suffix = !off && strings.Contains(out.Artifact.Revision, "@sha256:")
		return out, taken(err), nil
	}
	return Source{}, nil, fmt.Errorf("find the chart: a %s cannot be fetched from here; name the chart with --chart", ref.Kind)
}

// taken says what was taken for granted.
func taken(err error) []string {
	if err == nil {
		return nil
	}
	return []string{"whether helm-controller adds the chart's digest to its version was taken for granted: " + err.Error()}
}

func (s *Session) ociSource(ctx context.Context, find Finder, namespace, name string) (Source, []string, error) {
	var o sourcev1.OCIRepository
	if err := s.object(ctx, find, sourcev1.OCIRepositoryKind, namespace, name, &o); err != nil {
		return Source{}, nil, err
	}
	out := Source{Kind: sourcev1.OCIRepositoryKind, URL: o.Spec.URL, Chart: "cilium", Insecure: o.Spec.Insecure, Suffix: true}
	if r := o.Spec.Reference; r != nil {
		out.Tag, out.Version, out.Filter, out.Digest = r.Tag, r.SemVer, r.SemverFilter, r.Digest
	}
	owner := sourcev1.OCIRepositoryKind + " " + namespace + "/" + name
	w := ociWants(owner, namespace, o)
	if w.tree = inTree(find, sourcev1.OCIRepositoryKind, namespace, name); w.tree {
		var there sourcev1.OCIRepository
		if w.unseen = s.object(ctx, nil, sourcev1.OCIRepositoryKind, namespace, name, &there); w.unseen == nil {
			known := ociWants(owner, namespace, there)
			w.known = &known
		}
		w.absent()
	}
	out.Access = s.access(ctx, w)
	out.Verify = s.verification(ctx, owner, namespace, o.Spec.Verify)
	if out.Verify != nil {
		digest, by := s.verifiedAs(ctx, namespace, name)
		out.Verify.trust(o.Spec.Verify, digest, by)
	}
	off, err := s.noDigests(ctx)
	out.Suffix = !off
	return out, taken(err), nil
}

// templated is the HelmChart that helm-controller makes of a HelmRelease's template.
func templated(t helmv2.HelmChartTemplateSpec) sourcev1.HelmChartSpec {
	out := sourcev1.HelmChartSpec{
		Chart: t.Chart, Version: t.Version, ReconcileStrategy: t.ReconcileStrategy, ValuesFiles: t.ValuesFiles,
		IgnoreMissingValuesFiles: t.IgnoreMissingValuesFiles,
		SourceRef:                sourcev1.LocalHelmChartSourceReference{Kind: t.SourceRef.Kind, Name: t.SourceRef.Name},
	}
	if t.Verify != nil {
		out.Verify = &sourcev1.HelmChartVerification{Provider: t.Verify.Provider, SecretRef: t.Verify.SecretRef}
	}
	return out
}

// helmChart is where a HelmChart's chart comes from. What source-controller has built already of a GitRepository or a
// Bucket is taken as it is, where it was built of the same.
func (s *Session) helmChart(ctx context.Context, find Finder, namespace, name string, spec sourcev1.HelmChartSpec) (Source, error) {
	var built sourcev1.HelmChart
	known := s.object(ctx, nil, sourcev1.HelmChartKind, namespace, name, &built)
	if known != nil || !sameBuild(built.Spec, spec) {
		built = sourcev1.HelmChart{}
	}
	if spec.SourceRef.Kind == sourcev1.HelmRepositoryKind {
		return s.repositorySource(ctx, find, namespace, spec, built.Generation)
	}
	owner := sourcev1.HelmChartKind + " " + namespace + "/" + name
	if a := built.Status.Artifact; a != nil && built.Generation == built.Status.ObservedGeneration {
		out := served(sourcev1.HelmChartKind, owner, a)
		out.Artifact.Through = s.cluster.through
		return out, nil
	}
	out, err := s.treeSource(ctx, spec.SourceRef.Kind, namespace, spec.SourceRef.Name)
	if err != nil {
		return Source{}, err
	}
	out.Artifact.Tree, out.Artifact.Path = true, spec.Chart
	out.Build = build(spec, out, built.Generation)
	return out, nil
}

func (s *Session) treeSource(ctx context.Context, kind, namespace, name string) (Source, error) {
	if kind == sourcev1.BucketKind {
		var b sourcev1.Bucket
		return s.artifactOf(ctx, kind, namespace, name, &b, func() *meta.Artifact { return b.Status.Artifact })
	}
	var g sourcev1.GitRepository
	return s.artifactOf(ctx, kind, namespace, name, &g, func() *meta.Artifact { return g.Status.Artifact })
}

// artifactOf is what the cluster's source-controller serves of a source.
func (s *Session) artifactOf(ctx context.Context, kind, namespace, name string, into any, of func() *meta.Artifact) (Source, error) {
	owner := kind + " " + namespace + "/" + name
	if err := s.object(ctx, nil, kind, namespace, name, into); err != nil {
		return Source{}, fmt.Errorf("%w; what it has is fetched in the cluster: name the chart with --chart DIR|ARCHIVE", err)
	}
	a := of()
	if a == nil {
		return Source{}, fmt.Errorf("find the chart: %s has fetched nothing yet: flux get sources all -n %s; or name the chart with --chart DIR|ARCHIVE", owner, namespace)
	}
	out := served(kind, owner, a)
	out.Artifact.Through = s.cluster.through
	return out, nil
}

func sameBuild(a, b sourcev1.HelmChartSpec) bool {
	strategy := func(s sourcev1.HelmChartSpec) bool { return s.ReconcileStrategy == sourcev1.ReconcileStrategyRevision }
	return a.Chart == b.Chart && a.SourceRef.Kind == b.SourceRef.Kind && a.SourceRef.Name == b.SourceRef.Name && strategy(a) == strategy(b) &&
		slices.Equal(a.ValuesFiles, b.ValuesFiles) && a.IgnoreMissingValuesFiles == b.IgnoreMissingValuesFiles
}

// build is what source-controller adds to a version: the source's revision where it is asked to, and the HelmChart's
// generation where values files are named.
func build(spec sourcev1.HelmChartSpec, from Source, generation int64) Build {
	out := Build{Values: spec.ValuesFiles, IgnoreMissing: spec.IgnoreMissingValuesFiles}
	if from.Artifact != nil && spec.ReconcileStrategy == sourcev1.ReconcileStrategyRevision {
		revision := from.Artifact.Revision
		out.Metadata = revision[strings.LastIndex(revision, ":")+1:]
		out.Metadata = out.Metadata[:min(len(out.Metadata), digestLength)]
	}
	if len(spec.ValuesFiles) > 0 {
		if out.Metadata != "" {
			out.Metadata += "."
		}
		out.Metadata += fmt.Sprint(max(generation, 1))
	}
	return out
}

func (s *Session) repositorySource(ctx context.Context, find Finder, namespace string, spec sourcev1.HelmChartSpec, generation int64) (Source, error) {
	var r sourcev1.HelmRepository
	kind, name := sourcev1.HelmRepositoryKind, spec.SourceRef.Name
	if err := s.object(ctx, find, kind, namespace, name, &r); err != nil {
		return Source{}, err
	}
	out := Source{Kind: kind, URL: r.Spec.URL, Chart: spec.Chart, Version: spec.Version, Insecure: r.Spec.Insecure}
	out.Build = build(spec, out, generation)
	owner := kind + " " + namespace + "/" + name
	w := repositoryWants(owner, namespace, r)
	if w.tree = inTree(find, kind, namespace, name); w.tree {
		var there sourcev1.HelmRepository
		if w.unseen = s.object(ctx, nil, kind, namespace, name, &there); w.unseen == nil {
			known := repositoryWants(owner, namespace, there)
			w.known = &known
		}
		w.absent()
	}
	out.Access = s.access(ctx, w)
	if !strings.HasPrefix(out.URL, "oci://") {
		return out, nil
	}
	out.URL = folder(out.URL) + spec.Chart
	if v := spec.Verify; v != nil {
		out.Verify = s.verification(ctx, "HelmChart of "+owner, namespace, &sourcev1.OCIRepositoryVerification{
			Provider: v.Provider, SecretRef: v.SecretRef, MatchOIDCIdentity: v.MatchOIDCIdentity,
		})
	}
	return out, nil
}

func ociWants(owner, namespace string, o sourcev1.OCIRepository) wants {
	return wants{
		owner: owner, namespace: namespace, url: o.Spec.URL, auth: o.Spec.SecretRef, cert: o.Spec.CertSecretRef,
		proxy: o.Spec.ProxySecretRef, account: o.Spec.ServiceAccountName, provider: o.Spec.Provider, insecure: o.Spec.Insecure,
	}
}

func repositoryWants(owner, namespace string, r sourcev1.HelmRepository) wants {
	return wants{
		owner: owner, namespace: namespace, url: r.Spec.URL, auth: r.Spec.SecretRef, cert: r.Spec.CertSecretRef,
		provider: r.Spec.Provider, everywhere: r.Spec.PassCredentials, insecure: r.Spec.Insecure,
	}
}

// inTree tells whether object takes an object from the tree.
func inTree(find Finder, kind, namespace, name string) bool {
	return find != nil && find(kind, namespace, name) != nil
}

// absent has an object that is not in the cluster be no error.
func (w *wants) absent() {
	if errors.Is(w.unseen, errNowhere) {
		w.unseen = nil
	}
}

// errNowhere: an object is neither in Git nor in the cluster.
var errNowhere = errors.New("neither in Git nor in the cluster")

// object finds one of source-controller's objects, in the tree and else in the cluster.
func (s *Session) object(ctx context.Context, find Finder, kind, namespace, name string, into any) error {
	body, err := s.body(ctx, find, kind, namespace, name)
	if err != nil {
		return err
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(body, into); err != nil {
		return fmt.Errorf("read %s %s/%s: it is not what its API takes", kind, namespace, name)
	}
	return nil
}

// body is one of source-controller's objects as it is written.
func (s *Session) body(ctx context.Context, find Finder, kind, namespace, name string) (map[string]any, error) {
	var body map[string]any
	if find != nil {
		body = find(kind, namespace, name)
	}
	if body == nil {
		u, err := s.cluster.get(ctx, sourcev1.GroupVersion.String(), kind, namespace, name)
		switch {
		case apierrors.IsNotFound(err), errors.Is(err, errNoKind):
			return nil, fmt.Errorf("find the chart: there is no %s %s/%s, %w", kind, namespace, name, errNowhere)
		case err != nil:
			return nil, fmt.Errorf("get %s %s/%s: %w", kind, namespace, name, err)
		}
		body = u.Object
	}
	return body, nil
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
