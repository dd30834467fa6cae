package live

import (
	"context"
	"net/url"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// sourceVersions are the versions that a source's kind was ever served in, the newest first. Each cluster serves the
// first, or an older one before its Flux did.
var sourceVersions = []struct {
	resource string
	versions []string
}{
	{"gitrepositories", []string{"v1"}},
	{"helmcharts", []string{"v1", "v1beta2"}},
	{"helmrepositories", []string{"v1", "v1beta2"}},
	{"ocirepositories", []string{"v1", "v1beta2"}},
}

// seeSources lists Flux's sources of every namespace.
func seeSources(ctx context.Context, g *gatherer) error {
	some := make([][]facts.Source, len(sourceVersions))
	err := atOnce(len(sourceVersions), func(i int) (err error) {
		s := sourceVersions[i]
		for _, version := range s.versions {
			some[i], err = g.sources(ctx, schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: version, Resource: s.resource})
			if !apierrors.IsNotFound(err) {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	all := slices.Concat(some...)
	g.note(func(f *facts.Facts) { f.Live.Sources = sorted(all, facts.Source.Ref) })
	return nil
}

// sources lists those of one kind and version; where that is not served it says NotFound.
func (g *gatherer) sources(ctx context.Context, r schema.GroupVersionResource) ([]facts.Source, error) {
	var all []facts.Source
	err := paged("", func(o metav1.ListOptions) (string, error) {
		list, err := g.dynamic.Resource(r).List(ctx, o)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			all = append(all, source(&list.Items[i]))
		}
		return list.GetContinue(), nil
	})
	return all, err
}

// sourceURL is a source's URL without credentials, where somebody wrote some into it.
func sourceURL(text string) string {
	if u, err := url.Parse(text); err == nil && u.User != nil && u.Host != "" && u.Scheme != "ssh" {
		u.User = nil
		text = u.String()
	}
	return facts.RedactText(text)
}

// source reads what all of Flux's sources write alike.
func source(o *unstructured.Unstructured) facts.Source {
	text := func(path ...string) string {
		s, _, _ := unstructured.NestedString(o.Object, path...)
		return s
	}
	out := facts.Source{
		APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName(),
		URL: sourceURL(text("spec", "url")), Type: text("spec", "type"),
		Revision: text("status", "artifact", "revision"), Digest: text("status", "artifact", "digest"),
		Interval: text("spec", "interval"), Generation: o.GetGeneration(), Fetched: parseTime(text("status", "artifact", "lastUpdateTime")),
		HandledReconcileAt: text("status", "lastHandledReconcileAt"), RequestedAt: facts.Text(o.GetAnnotations()[facts.RequestedAt]),
	}
	if from := text("spec", "sourceRef", "name"); out.Kind == "HelmChart" && from != "" {
		out.From = text("spec", "sourceRef", "kind") + "/" + out.Namespace + "/" + from
	}
	out.ObservedGeneration, _, _ = unstructured.NestedInt64(o.Object, "status", "observedGeneration")
	if name := o.GetLabels()["kustomize.toolkit.fluxcd.io/name"]; name != "" {
		out.By = o.GetLabels()["kustomize.toolkit.fluxcd.io/namespace"] + "/" + name
	}
	out.Suspend, _, _ = unstructured.NestedBool(o.Object, "spec", "suspend")
	var status struct {
		Conditions []metav1.Condition `json:"conditions"`
	}
	if m, ok, _ := unstructured.NestedMap(o.Object, "status"); ok && runtime.DefaultUnstructuredConverter.FromUnstructured(m, &status) == nil {
		out.Conditions = conditions(status.Conditions)
	}
	return out
}
