package fakeapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

type tree = map[string]any

// custom is an object of a kind that the API server has no types of.
func custom(apiVersion, kind string, o metav1.ObjectMeta, rest tree) *unstructured.Unstructured {
	u := &unstructured.Unstructured{Object: tree{}}
	for key, value := range rest {
		u.Object[key] = value
	}
	u.SetAPIVersion(apiVersion)
	u.SetKind(kind)
	u.SetNamespace(o.Namespace)
	u.SetName(o.Name)
	u.SetLabels(o.Labels)
	u.SetAnnotations(o.Annotations)
	u.SetGeneration(o.Generation)
	u.SetCreationTimestamp(o.CreationTimestamp)
	u.SetDeletionTimestamp(o.DeletionTimestamp)
	u.SetManagedFields(o.ManagedFields)
	return u
}

func conditions(all ...facts.Condition) []any {
	out := []any{}
	for _, c := range all {
		out = append(out, tree{
			"type": c.Type, "status": c.Status, "reason": c.Reason, "message": c.Message,
			"observedGeneration": c.ObservedGeneration, "lastTransitionTime": c.Since.Format(time.RFC3339),
		})
	}
	return out
}

// definition is a CustomResourceDefinition with the versions and fields that were seen of it.
func definition(c facts.CRD, apis []facts.FluxAPI) *unstructured.Unstructured {
	plural, group, _ := strings.Cut(c.Name, ".")
	o := metav1.ObjectMeta{Name: c.Name, CreationTimestamp: at(c.Created), Labels: map[string]string{}, Annotations: map[string]string{}}
	put(o.Labels, "io.cilium.k8s.crd.schema.version", c.Schema)
	if c.Bundle != "" {
		o.Annotations["gateway.networking.k8s.io/bundle-version"] = c.Bundle
		o.Annotations["gateway.networking.k8s.io/channel"] = c.Channel
	}
	if c.Deleting {
		o.DeletionTimestamp = &o.CreationTimestamp
	}
	versions := []any{}
	for _, name := range c.Served {
		versions = append(versions, tree{"name": name, "served": true})
	}
	for _, api := range apis {
		if plural != plurals[api.Kind] || !strings.HasSuffix(group, ".toolkit.fluxcd.io") {
			continue
		}
		for _, served := range api.Served {
			_, version, _ := strings.Cut(served, "/")
			versions = append(versions, tree{"name": version, "served": true, "schema": tree{"openAPIV3Schema": openAPI(api.Fields)}})
		}
	}
	return custom("apiextensions.k8s.io/v1", "CustomResourceDefinition", o, tree{"spec": tree{"group": group, "versions": versions}})
}

var plurals = map[string]string{
	"HelmRelease": "helmreleases", "Kustomization": "kustomizations", "HelmRepository": "helmrepositories", "OCIRepository": "ocirepositories",
	"GitRepository": "gitrepositories", "Bucket": "buckets", "HelmChart": "helmcharts",
}

// openAPI is a schema that has those fields: "spec.install.strategy".
func openAPI(fields []string) tree {
	root := tree{}
	for _, field := range fields {
		here := root
		for name := range strings.SplitSeq(field, ".") {
			properties, _ := here["properties"].(tree)
			if properties == nil {
				properties = tree{}
				here["properties"] = properties
			}
			below, _ := properties[name].(tree)
			if below == nil {
				below = tree{}
				properties[name] = below
			}
			here = below
		}
	}
	return root
}

func gatewayClass(c facts.GatewayClass) *unstructured.Unstructured {
	rest := tree{"spec": tree{"controllerName": c.Controller}}
	if c.Accepted != nil {
		rest["status"] = tree{"conditions": conditions(*c.Accepted)}
	}
	return custom("gateway.networking.k8s.io/v1", "GatewayClass", metav1.ObjectMeta{Name: c.Name, Generation: c.Generation}, rest)
}

func issuer(i facts.Issuer) *unstructured.Unstructured {
	rest := tree{"spec": tree{}}
	if i.ACME {
		rest["spec"] = tree{"acme": tree{"server": i.Server}}
	}
	if i.Ready != nil {
		rest["status"] = tree{"conditions": conditions(*i.Ready)}
	}
	return custom("cert-manager.io/v1", "ClusterIssuer", metav1.ObjectMeta{Name: i.Name, Generation: i.Generation}, rest)
}

// reference takes "Kind/namespace/name" apart.
func reference(text string) (kind, namespace, name string) {
	parts := append(strings.SplitN(text, "/", 3), "", "")
	return parts[0], parts[1], parts[2]
}

func applied(by string) map[string]string {
	namespace, name, ok := strings.Cut(by, "/")
	if !ok {
		return nil
	}
	return map[string]string{"kustomize.toolkit.fluxcd.io/namespace": namespace, "kustomize.toolkit.fluxcd.io/name": name}
}

func source(s facts.Source) *unstructured.Unstructured {
	o := metav1.ObjectMeta{Namespace: s.Namespace, Name: s.Name, Generation: s.Generation, Labels: applied(s.By)}
	status := tree{"observedGeneration": s.ObservedGeneration, "conditions": conditions(s.Conditions...), "lastHandledReconcileAt": s.HandledReconcileAt}
	if s.Revision != "" || s.Digest != "" {
		status["artifact"] = tree{"revision": s.Revision, "digest": s.Digest, "lastUpdateTime": s.Fetched.Format(time.RFC3339)}
	}
	return custom(s.APIVersion, s.Kind, o, tree{"spec": tree{"url": s.URL, "type": s.Type, "interval": s.Interval, "suspend": s.Suspend}, "status": status})
}

func kustomization(k facts.FluxKustomization) *unstructured.Unstructured {
	kind, namespace, name := reference(k.Source)
	spec := tree{
		"suspend": k.Suspend, "path": k.Path, "prune": k.Prune, "wait": k.Wait, "interval": k.Interval,
		"sourceRef": tree{"kind": kind, "namespace": namespace, "name": name},
	}
	put[any](spec, "deletionPolicy", k.DeletionPolicy)
	put[any](spec, "timeout", k.Timeout)
	var depends, checks, from []any
	for _, d := range k.DependsOn {
		namespace, name, _ := strings.Cut(d, "/")
		depends = append(depends, tree{"namespace": namespace, "name": name})
	}
	for _, h := range k.HealthChecks {
		kind, namespace, name := reference(h)
		checks = append(checks, tree{"apiVersion": "apps/v1", "kind": kind, "namespace": namespace, "name": name})
	}
	for _, s := range k.SubstituteFrom {
		kind, name, _ := strings.Cut(s, "/")
		from = append(from, tree{"kind": kind, "name": name})
	}
	spec["dependsOn"], spec["healthChecks"] = depends, checks
	if from != nil {
		spec["postBuild"] = tree{"substituteFrom": from}
	}
	status := tree{"observedGeneration": k.ObservedGeneration, "conditions": conditions(k.Conditions...)}
	put[any](status, "lastAppliedRevision", k.AppliedRevision)
	put[any](status, "lastAttemptedRevision", k.AttemptedRevision)
	put[any](status, "lastHandledReconcileAt", k.HandledReconcileAt)
	o := metav1.ObjectMeta{Namespace: k.Namespace, Name: k.Name, Generation: k.Generation, Labels: applied(k.By)}
	return custom(k.APIVersion, "Kustomization", o, tree{"spec": spec, "status": status})
}

func put[V any](in map[string]V, key string, value V) {
	if any(value) != any("") {
		in[key] = value
	}
}

// helmRelease is one that Cilium is handed to, with what checks read of it.
func helmRelease(h facts.HelmRelease) *unstructured.Unstructured {
	spec := tree{"suspend": h.Suspend, "interval": h.Interval}
	for key, value := range map[string]string{"releaseName": h.ReleaseName, "targetNamespace": h.TargetNamespace, "storageNamespace": h.StorageNamespace, "timeout": h.Timeout} {
		put[any](spec, key, value)
	}
	kind, namespace, name := reference(h.Source)
	ref := tree{"kind": kind, "namespace": namespace, "name": name}
	if h.Chart == "" {
		spec["chartRef"] = ref
	} else {
		spec["chart"] = tree{"spec": tree{"chart": h.Chart, "version": h.ChartVersion, "sourceRef": ref}}
	}
	if h.DriftDetection != "" {
		spec["driftDetection"] = tree{"mode": h.DriftDetection}
	}
	if h.Values != nil {
		spec["values"] = map[string]any(h.Values)
	}
	var from, history []any
	for _, f := range h.ValuesFrom {
		kind, name, _ := strings.Cut(f, "/")
		from = append(from, tree{"kind": kind, "name": name})
	}
	spec["valuesFrom"] = from
	for _, s := range h.History {
		history = append(history, tree{
			"name": s.Name, "namespace": s.Namespace, "version": s.Version, "status": s.Status, "action": s.Action, "chartName": s.Chart, "chartVersion": s.ChartVersion,
			"appVersion": s.AppVersion, "configDigest": s.ConfigDigest, "lastDeployed": s.LastDeployed.Format(time.RFC3339),
		})
	}
	status := tree{"observedGeneration": h.ObservedGeneration, "conditions": conditions(h.Conditions...), "history": history}
	put[any](status, "lastAttemptedReleaseAction", h.LastAction)
	put[any](status, "lastAttemptedConfigDigest", h.ConfigDigest)
	put[any](status, "lastHandledReconcileAt", h.HandledReconcileAt)
	o := metav1.ObjectMeta{Namespace: h.Namespace, Name: h.Name, Generation: h.Generation, Labels: h.Labels, Annotations: h.Annotations}
	for _, manager := range h.SuspendedBy {
		raw, _ := json.Marshal(tree{"f:spec": tree{"f:suspend": tree{}}})
		o.ManagedFields = append(o.ManagedFields, metav1.ManagedFieldsEntry{Manager: manager, FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: raw}})
	}
	if h.Deleting {
		o.DeletionTimestamp = new(at(time.Unix(0, 0)))
	}
	return custom(h.APIVersion, "HelmRelease", o, tree{"spec": spec, "status": status})
}

// resourceOf is the collection that an object of a kind is in: "source.toolkit.fluxcd.io/v1/gitrepositories".
func resourceOf(apiVersion, kind string) (string, error) {
	plural, known := plurals[kind]
	if !known {
		return "", fmt.Errorf("no resource is known of kind %s", kind)
	}
	return apiVersion + "/" + plural, nil
}
