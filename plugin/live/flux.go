package live

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

var (
	helmReleaseResource   = schema.GroupVersionResource{Group: "helm.toolkit.fluxcd.io", Version: "v2", Resource: "helmreleases"}
	kustomizationResource = schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
)

// seeHelmReleases lists the HelmReleases of every namespace and keeps Cilium's: a misplaced one is the dangerous one. Of one
// with spec.kubeConfig nothing but its name is kept: it releases on another cluster.
func seeHelmReleases(ctx context.Context, g *gatherer) error {
	var all []facts.HelmRelease
	uses := map[string][]string{}
	var elsewhere []string
	err := g.each(ctx, helmReleaseResource, func(o *unstructured.Unstructured) error {
		var hr helmv2.HelmRelease
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &hr); err != nil {
			return fmt.Errorf("read HelmRelease %s/%s: not of its own schema", o.GetNamespace(), o.GetName())
		}
		ours, remote := g.ofCilium(&hr), hr.Spec.KubeConfig != nil
		switch _, _, source := chartOf(&hr); {
		case ours && !remote:
			_ = g.composes(o)
			seen := helmRelease(&hr, o.GetAPIVersion())
			seen.SuspendedBy = suspenders(o.GetManagedFields())
			all = append(all, seen)
		case source != "":
			uses[source] = append(uses[source], "HelmRelease/"+hr.Namespace+"/"+hr.Name)
		}
		if ours && remote {
			elsewhere = append(elsewhere, hr.Namespace+"/"+hr.Name)
		}
		return nil
	})
	g.note(func(f *facts.Facts) {
		f.Live.Uses = used(uses)
		f.Live.HelmReleases = sorted(all, func(h facts.HelmRelease) string { return h.ID() })
		slices.Sort(elsewhere)
		f.Live.Elsewhere = elsewhere
	})
	return err
}

// suspenders are the managers that own spec.suspend.
func suspenders(entries []metav1.ManagedFieldsEntry) []string {
	var all []string
	for _, e := range entries {
		var fields struct {
			Spec map[string]any `json:"f:spec"`
		}
		if e.Subresource != "" || e.FieldsV1 == nil || json.Unmarshal(e.FieldsV1.Raw, &fields) != nil {
			continue
		}
		if _, owned := fields.Spec["f:suspend"]; owned {
			all = append(all, e.Manager)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// each calls do for every object of a kind in every namespace; a kind that is not served has none.
func (g *gatherer) each(ctx context.Context, r schema.GroupVersionResource, do func(*unstructured.Unstructured) error) error {
	err := paged("", func(o metav1.ListOptions) (string, error) {
		list, err := g.dynamic.Resource(r).List(ctx, o)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			if err := do(&list.Items[i]); err != nil {
				return "", err
			}
		}
		return list.GetContinue(), nil
	})
	if apierrors.IsNotFound(err) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.unserved = append(g.unserved, r)
		return nil
	}
	return err
}

// outdated makes those parts blind whose kind is defined and not served as the version that is read: there may be objects of
// it all the same, which an older Flux acts on.
func (g *gatherer) outdated() {
	for part, r := range map[facts.Part]schema.GroupVersionResource{facts.HelmReleases: helmReleaseResource, facts.Kustomizations: kustomizationResource} {
		defined := slices.ContainsFunc(g.facts.Live.CRDs, func(c facts.CRD) bool { return c.Name == r.GroupResource().String() && !c.Deleting })
		if !defined || !slices.Contains(g.unserved, r) {
			continue
		}
		g.facts.Seen = slices.DeleteFunc(g.facts.Seen, func(p facts.Part) bool { return p == part })
		g.facts.Blind[part] = fmt.Sprintf("not served: %s is defined, but not as %s: an older Flux has it. See its version: flux version", r.GroupResource(), r.Version)
	}
}

// ofCilium keeps what is named like Cilium's HelmRelease or release, or is made of its chart.
func (g *gatherer) ofCilium(hr *helmv2.HelmRelease) bool {
	e := g.options.Expect
	return hr.Name == e.Flux.HelmRelease || hr.GetReleaseName() == e.Cilium.Release ||
		strings.HasSuffix(hr.GetReleaseName(), "-"+e.Cilium.Release) ||
		hr.Spec.Chart != nil && hr.Spec.Chart.Spec.Chart == "cilium" ||
		len(hr.Status.History) > 0 && hr.Status.History[0].ChartName == "cilium"
}

func helmRelease(hr *helmv2.HelmRelease, apiVersion string) facts.HelmRelease {
	out := facts.HelmRelease{
		APIVersion: apiVersion, Namespace: hr.Namespace, Name: hr.Name,
		Generation: hr.Generation, ObservedGeneration: hr.Status.ObservedGeneration,
		Labels: hr.Labels, Annotations: fluxAnnotations(hr.Annotations), Suspend: hr.Spec.Suspend, Deleting: hr.DeletionTimestamp != nil,
		ReleaseName: hr.Spec.ReleaseName, TargetNamespace: hr.Spec.TargetNamespace, StorageNamespace: hr.Spec.StorageNamespace,
		Interval: hr.Spec.Interval.Duration.String(), Conditions: conditions(hr.Status.Conditions),
		StoredIn:   hr.Status.StorageNamespace,
		LastAction: string(hr.Status.LastAttemptedReleaseAction), ConfigDigest: hr.Status.LastAttemptedConfigDigest,
		HandledReconcileAt: hr.Status.LastHandledReconcileAt, Drills: facts.ParseDrills(hr.Annotations[facts.DrillsAnnotation]),
	}
	if hr.Spec.Timeout != nil {
		out.Timeout = hr.Spec.Timeout.Duration.String()
	}
	if hr.Spec.DriftDetection != nil {
		out.DriftDetection = string(hr.Spec.DriftDetection.Mode)
	}
	out.Chart, out.ChartVersion, out.Source = chartOf(hr)
	if hr.Spec.Values != nil {
		var tree values.Tree
		if json.Unmarshal(hr.Spec.Values.Raw, &tree) == nil {
			out.Values = facts.Redact(tree)
		}
	}
	for _, from := range hr.Spec.ValuesFrom {
		out.ValuesFrom = append(out.ValuesFrom, from.Kind+"/"+from.Name)
	}
	for _, s := range hr.Status.History {
		out.History = append(out.History, facts.Snapshot{
			Name: s.Name, Namespace: s.Namespace, Version: int64(s.Version), Status: s.Status, Action: string(s.Action),
			Chart: s.ChartName, ChartVersion: s.ChartVersion, AppVersion: s.AppVersion, ConfigDigest: s.ConfigDigest,
			LastDeployed: s.LastDeployed.UTC(),
		})
	}
	return out
}

// fluxAnnotations are those that Flux and Helm act on; the rest are nobody's business.
func fluxAnnotations(all map[string]string) map[string]string {
	out := map[string]string{}
	for key, value := range all {
		if strings.Contains(key, "fluxcd.io/") || strings.HasPrefix(key, "helm.sh/") {
			out[key] = value
		}
	}
	return out
}

// chartOf is the chart's name and version as a HelmRelease writes them, and "Kind/namespace/name" of where it is from.
func chartOf(hr *helmv2.HelmRelease) (chart, version, source string) {
	namespace := func(given string) string {
		if given == "" {
			return hr.Namespace
		}
		return given
	}
	if ref := hr.Spec.ChartRef; ref != nil {
		return "", "", ref.Kind + "/" + namespace(ref.Namespace) + "/" + ref.Name
	}
	if c := hr.Spec.Chart; c != nil {
		ref := c.Spec.SourceRef
		return c.Spec.Chart, c.Spec.Version, ref.Kind + "/" + namespace(ref.Namespace) + "/" + ref.Name
	}
	return "", "", ""
}

func conditions(all []metav1.Condition) []facts.Condition {
	var out []facts.Condition
	for _, c := range all {
		out = append(out, facts.Condition{
			Type: c.Type, Status: string(c.Status), Reason: c.Reason, Message: facts.RedactText(c.Message),
			ObservedGeneration: c.ObservedGeneration, Since: c.LastTransitionTime.UTC(),
		})
	}
	slices.SortFunc(out, func(a, b facts.Condition) int { return strings.Compare(a.Type, b.Type) })
	return out
}

// seeKustomizations lists Flux's Kustomizations of every namespace, without those that apply to another cluster
// (spec.kubeConfig).
func seeKustomizations(ctx context.Context, g *gatherer) error {
	var all []facts.FluxKustomization
	err := g.each(ctx, kustomizationResource, func(o *unstructured.Unstructured) error {
		var ks kustomizev1.Kustomization
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &ks); err != nil {
			return fmt.Errorf("read Kustomization %s/%s: not of its own schema", o.GetNamespace(), o.GetName())
		}
		if ks.Spec.KubeConfig == nil {
			all = append(all, kustomization(&ks, o.GetAPIVersion()))
		}
		return nil
	})
	g.note(func(f *facts.Facts) {
		f.Live.Kustomizations = sorted(all, func(k facts.FluxKustomization) string { return k.ID() })
	})
	return err
}

func kustomization(ks *kustomizev1.Kustomization, apiVersion string) facts.FluxKustomization {
	within := func(namespace string) string {
		if namespace == "" {
			return ks.Namespace
		}
		return namespace
	}
	out := facts.FluxKustomization{
		APIVersion: apiVersion, Namespace: ks.Namespace, Name: ks.Name,
		Generation: ks.Generation, ObservedGeneration: ks.Status.ObservedGeneration,
		Suspend: ks.Spec.Suspend, Deleting: ks.DeletionTimestamp != nil, Path: strings.TrimPrefix(ks.Spec.Path, "./"),
		Source: ks.Spec.SourceRef.Kind + "/" + within(ks.Spec.SourceRef.Namespace) + "/" + ks.Spec.SourceRef.Name,
		Prune:  ks.Spec.Prune, Wait: ks.Spec.Wait, DeletionPolicy: ks.Spec.DeletionPolicy,
		Interval: ks.Spec.Interval.Duration.String(), Conditions: conditions(ks.Status.Conditions),
		AppliedRevision: ks.Status.LastAppliedRevision, AttemptedRevision: ks.Status.LastAttemptedRevision,
		HandledReconcileAt: ks.Status.LastHandledReconcileAt, RequestedAt: facts.Text(ks.Annotations[facts.RequestedAt]),
	}
	if ks.Status.Inventory != nil {
		out.InventoryKnown = true
		out.Inventory, out.InventoryOmitted = inventory(ks.Status.Inventory.Entries)
	}
	if name := ks.Labels["kustomize.toolkit.fluxcd.io/name"]; name != "" {
		out.By = ks.Labels["kustomize.toolkit.fluxcd.io/namespace"] + "/" + name
	}
	if ks.Spec.Timeout != nil {
		out.Timeout = ks.Spec.Timeout.Duration.String()
	}
	for _, d := range ks.Spec.DependsOn {
		out.DependsOn = append(out.DependsOn, within(d.Namespace)+"/"+d.Name)
	}
	for _, h := range ks.Spec.HealthChecks {
		out.HealthChecks = append(out.HealthChecks, h.Kind+"/"+within(h.Namespace)+"/"+h.Name)
	}
	if ks.Spec.PostBuild != nil {
		for _, s := range ks.Spec.PostBuild.SubstituteFrom {
			out.SubstituteFrom = append(out.SubstituteFrom, s.Kind+"/"+s.Name)
		}
	}
	return out
}
