package act

import (
	"context"
	"fmt"
	"strconv"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// helmRecord is the type of the Secrets in which Helm keeps its records.
const helmRecord = "helm.sh/release.v1"

// remove deletes a Secret that is Helm's record of another release than Cilium's, or a ConfigMap, a Lease, a Pod or a
// probe's Namespace that this tool made. The precondition makes looking and deleting one act.
func remove(ctx context.Context, c *Cluster, a handover.Action) error {
	o, err := c.get(ctx, a.Ref)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return c.failed("remove", a.Ref, "get", err)
	}
	if why := c.keeps(o); why != "" {
		return &failure{
			text:   fmt.Sprintf("remove %s: %s; look at it: %sdescribe %s", a.Ref, why, c.kubectl(a.Ref), c.named(a.Ref)),
			causes: []error{handover.ErrConflict},
		}
	}
	if a.Ref.Kind == "Namespace" {
		return c.removeLeft(ctx, a.Ref)
	}
	if o.GetDeletionTimestamp() != nil {
		return nil
	}
	r, err := c.object(ctx, a.Ref)
	if err != nil {
		return err
	}
	uid, version := o.GetUID(), o.GetResourceVersion()
	err = r.Delete(ctx, a.Ref.Name, metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return c.failed("remove", a.Ref, "delete", err)
}

// keeps says why an object is not ours to remove; empty where it is.
func (c *Cluster) keeps(o *unstructured.Unstructured) string {
	switch o.GetKind() {
	case "Secret":
		return c.keepsRecord(o)
	case "Lease":
		if why := notOurs(o); why != "" {
			return why
		}
		return c.heldLease(o)
	case "ConfigMap", "Pod":
		return notOurs(o)
	case "Namespace":
		return c.keepsProbe(o)
	}
	return "only Helm's records and what this tool made is removed"
}

// keepsRecord holds of every record of the release that runs, and of every Secret that is none.
func (c *Cluster) keepsRecord(o *unstructured.Unstructured) string {
	kind, _, _ := unstructured.NestedString(o.Object, "type")
	labels := o.GetLabels()
	_, err := strconv.Atoi(labels["version"])
	own := c.options.Expect.Cilium
	switch {
	case kind != helmRecord || labels["owner"] != "helm" || labels["name"] == "" || err != nil:
		return "it is no record of Helm's"
	case o.GetNamespace() == own.Namespace && labels["name"] == own.Release:
		return "it is a record of the release that runs"
	}
	return ""
}

func notOurs(o *unstructured.Unstructured) string {
	for key, value := range ownLabels() {
		if o.GetLabels()[key] != value {
			return "this tool did not make it: it lacks the label " + key + "=" + value
		}
	}
	return ""
}

// heldLease says who holds a Lease, by its own times. A clock that is off may call a free one held: it is only left.
func (c *Cluster) heldLease(o *unstructured.Unstructured) string {
	holder, _, _ := unstructured.NestedString(o.Object, "spec", "holderIdentity")
	text, _, _ := unstructured.NestedString(o.Object, "spec", "renewTime")
	renewed, err := time.Parse(time.RFC3339Nano, text)
	if holder == "" || err == nil && c.clock.Since(renewed) > 4*leaseLasts {
		return ""
	}
	return facts.Text(holder) + " holds it"
}
