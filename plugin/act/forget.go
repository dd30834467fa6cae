package act

import (
	"context"
	"encoding/json"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// forget deletes those former templates of a DaemonSet that have Change, unless it has it now: what a drill has marked
// is nothing to go back to, and `kubectl rollout undo` would.
func forget(ctx context.Context, c *Cluster, a handover.Action) error {
	o, err := c.get(ctx, a.Ref)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return c.failed("look at", a.Ref, "get", err)
	}
	if lacks, err := alters(o, a.Change); err != nil || !lacks {
		return c.conflict("forget former templates of", a.Ref, "it is marked now")
	}
	ref := handover.Ref{APIVersion: "apps/v1", Kind: "ControllerRevision", Namespace: a.Ref.Namespace}
	r, err := c.object(ctx, ref)
	if err != nil {
		return err
	}
	var all *unstructured.UnstructuredList
	err = c.read(ctx, func() error {
		all, err = r.List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(selects(o))})
		return err
	})
	if err != nil {
		return c.failed("list the former templates of", a.Ref, "list", err)
	}
	for i := range all.Items {
		one := &all.Items[i]
		if !metav1.IsControlledBy(one, o) || !marked(one, a.Change) {
			continue
		}
		uid, version := one.GetUID(), one.GetResourceVersion()
		err := r.Delete(ctx, one.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}})
		if err != nil && !apierrors.IsNotFound(err) {
			ref.Name = one.GetName()
			return c.failed("forget", ref, "delete", err)
		}
	}
	return nil
}

// selects is what a DaemonSet selects its pods by: its former templates have their labels.
func selects(o *unstructured.Unstructured) *metav1.LabelSelector {
	text, err := json.Marshal(o.Object["spec"])
	var spec struct {
		Selector *metav1.LabelSelector `json:"selector"`
	}
	if err != nil || json.Unmarshal(text, &spec) != nil {
		return nil
	}
	return spec.Selector
}

// marked tells whether a former template has a change already.
func marked(revision *unstructured.Unstructured, change json.RawMessage) bool {
	data, ok := revision.Object["data"].(map[string]any)
	if !ok {
		return false
	}
	lacks, err := alters(&unstructured.Unstructured{Object: data}, change)
	return err == nil && !lacks
}
