package live

import (
	"context"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

var (
	crdResource            = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}
	gatewayClassResource   = schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gatewayclasses"}
	serviceMonitorResource = schema.GroupVersionResource{Group: "monitoring.coreos.com", Version: "v1", Resource: "servicemonitors"}
)

// seeCRDs lists the metadata of the CRDs alone: their schemas are megabytes. Gateway API's carry the bundle's version
// as an annotation, which tells what they serve; one that does not is read whole.
func seeCRDs(ctx context.Context, g *gatherer) error {
	var all []facts.CRD
	err := paged("", func(o metav1.ListOptions) (string, error) {
		list, err := g.meta.Resource(crdResource).List(ctx, o)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			if c, ok := crd(&list.Items[i]); ok {
				all = append(all, c)
			}
		}
		return list.Continue, nil
	})
	if err != nil {
		return err
	}
	for i := range all {
		if all[i].Bundle == "" && strings.HasSuffix(all[i].Name, ".gateway.networking.k8s.io") {
			if all[i].Served, err = g.served(ctx, all[i].Name); err != nil {
				return err
			}
		}
	}
	g.note(func(f *facts.Facts) { f.Live.CRDs = sorted(all, func(c facts.CRD) string { return c.Name }) })
	return nil
}

// crd keeps those CRDs that something is known about: Cilium's, Gateway API's, Flux's, Prometheus' and cert-manager's.
func crd(m *metav1.PartialObjectMetadata) (facts.CRD, bool) {
	for _, group := range []string{".cilium.io", ".gateway.networking.k8s.io", ".toolkit.fluxcd.io", ".monitoring.coreos.com", ".cert-manager.io"} {
		if strings.HasSuffix(m.Name, group) {
			return facts.CRD{
				Name:    m.Name,
				Schema:  m.Labels["io.cilium.k8s.crd.schema.version"],
				Bundle:  m.Annotations["gateway.networking.k8s.io/bundle-version"],
				Channel: m.Annotations["gateway.networking.k8s.io/channel"],

				Deleting: m.DeletionTimestamp != nil, Created: m.CreationTimestamp.UTC(),
			}, true
		}
	}
	return facts.CRD{}, false
}

func (g *gatherer) served(ctx context.Context, name string) ([]string, error) {
	o, err := g.dynamic.Resource(crdResource).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	versions, _, _ := unstructured.NestedSlice(o.Object, "spec", "versions")
	var served []string
	for _, v := range versions {
		m, _ := v.(map[string]any)
		if m["served"] == true {
			name, _ := m["name"].(string)
			served = append(served, name)
		}
	}
	return served, nil
}

func seeGatewayClasses(ctx context.Context, g *gatherer) error {
	items, err := g.list(ctx, gatewayClassResource, "")
	if err != nil {
		return err
	}
	var all []facts.GatewayClass
	for _, o := range items {
		controller, _, _ := unstructured.NestedString(o.Object, "spec", "controllerName")
		all = append(all, facts.GatewayClass{
			Name: o.GetName(), Controller: controller, Generation: o.GetGeneration(), Accepted: condition(o.Object, "Accepted"),
		})
	}
	g.note(func(f *facts.Facts) {
		f.Live.GatewayClasses = sorted(all, func(c facts.GatewayClass) string { return c.Name })
	})
	return nil
}

func seeServiceMonitors(ctx context.Context, g *gatherer) error {
	items, err := g.list(ctx, serviceMonitorResource, g.options.Expect.Cilium.Namespace)
	if err != nil {
		return err
	}
	var all []facts.ServiceMonitor
	for _, o := range items {
		all = append(all, facts.ServiceMonitor{Namespace: o.GetNamespace(), Name: o.GetName(), Labels: o.GetLabels()})
	}
	g.note(func(f *facts.Facts) {
		f.Live.ServiceMonitors = sorted(all, func(s facts.ServiceMonitor) string { return s.Namespace + "/" + s.Name })
	})
	return nil
}

// condition finds a status condition of that type.
func condition(object map[string]any, kind string) *facts.Condition {
	all, _, _ := unstructured.NestedSlice(object, "status", "conditions")
	for _, c := range all {
		m, ok := c.(map[string]any)
		if !ok || m["type"] != kind {
			continue
		}
		text := func(key string) string { s, _ := m[key].(string); return s }
		observed, _ := m["observedGeneration"].(int64)
		return &facts.Condition{
			Type: kind, Status: text("status"), Reason: text("reason"), Message: text("message"),
			ObservedGeneration: observed, Since: parseTime(text("lastTransitionTime")),
		}
	}
	return nil
}
