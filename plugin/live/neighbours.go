package live

import (
	"context"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

var issuerResource = schema.GroupVersionResource{Group: "cert-manager.io", Version: "v1", Resource: "clusterissuers"}

// seeIssuers lists cert-manager's ClusterIssuers; there are none where it is not installed.
func seeIssuers(ctx context.Context, g *gatherer) error {
	var all []facts.Issuer
	err := g.each(ctx, issuerResource, func(o *unstructured.Unstructured) error {
		all = append(all, issuer(o))
		return nil
	})
	g.note(func(f *facts.Facts) { f.Live.Issuers = sorted(all, func(i facts.Issuer) string { return i.Name }) })
	return err
}

func issuer(o *unstructured.Unstructured) facts.Issuer {
	out := facts.Issuer{Name: o.GetName(), Generation: o.GetGeneration()}
	_, out.ACME, _ = unstructured.NestedMap(o.Object, "spec", "acme")
	server, _, _ := unstructured.NestedString(o.Object, "spec", "acme", "server")
	out.Server = sourceURL(server)
	var status struct {
		Conditions []metav1.Condition `json:"conditions"`
	}
	if m, ok, _ := unstructured.NestedMap(o.Object, "status"); ok && runtime.DefaultUnstructuredConverter.FromUnstructured(m, &status) == nil {
		for _, c := range conditions(status.Conditions) {
			if c.Type == "Ready" {
				out.Ready = &c
			}
		}
	}
	return out
}

// seeFetches gets the sources of Cilium's tree and of its chart, by name.
func seeFetches(ctx context.Context, g *gatherer) error {
	refs := g.fetched()
	some := make([]*facts.Source, len(refs))
	err := atOnce(len(refs), func(i int) (err error) {
		some[i], err = g.fetch(ctx, refs[i])
		return err
	})
	if err != nil {
		return err
	}
	var all []facts.Source
	for _, s := range some {
		if s != nil {
			all = append(all, *s)
		}
	}
	g.note(func(f *facts.Facts) { f.Live.Fetches = sorted(all, facts.Source.Ref) })
	return nil
}

// treeSource is what Cilium's Kustomization reads or, before there is one, what most of Flux's own do.
func treeSource(all []facts.FluxKustomization, e facts.FluxNames) string {
	readers := map[string]int{}
	for _, k := range all {
		if k.Namespace == e.Namespace && k.Name == e.Kustomization {
			return k.Source
		}
		if k.Namespace == e.Namespace {
			readers[k.Source]++
		}
	}
	best := ""
	for _, source := range slices.Sorted(maps.Keys(readers)) {
		if best == "" || readers[source] > readers[best] {
			best = source
		}
	}
	return best
}

// fetched names the sources of the tree and of the chart, "Kind/namespace/name".
func (g *gatherer) fetched() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.options.Expect.Flux
	refs := []string{treeSource(g.facts.Live.Kustomizations, e)}
	for _, h := range g.facts.Live.HelmReleases {
		if h.Name == e.HelmRelease && h.Namespace == e.HelmReleaseNamespace {
			refs = append(refs, h.Source)
		}
	}
	slices.Sort(refs)
	return slices.DeleteFunc(slices.Compact(refs), func(ref string) bool { return strings.Count(ref, "/") != 2 })
}

// fetchable are the kinds that fetch from outside, and the versions that each was ever served in, the newest first.
var fetchable = map[string]struct {
	resource string
	versions []string
}{
	"GitRepository":  {"gitrepositories", []string{"v1"}},
	"OCIRepository":  {"ocirepositories", []string{"v1", "v1beta2"}},
	"HelmRepository": {"helmrepositories", []string{"v1", "v1beta2"}},
	"Bucket":         {"buckets", []string{"v1", "v1beta2"}},
}

// fetch gets one source in the newest version that is served; nil is not there.
func (g *gatherer) fetch(ctx context.Context, ref string) (*facts.Source, error) {
	parts := strings.Split(ref, "/")
	kind, namespace, name := parts[0], parts[1], parts[2]
	from, known := fetchable[kind]
	if !known {
		return nil, nil
	}
	for _, version := range from.versions {
		r := schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: version, Resource: from.resource}
		o, err := g.dynamic.Resource(r).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out := source(o)
		return &out, nil
	}
	return nil, nil
}
