package act

import (
	"context"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// disown has manager a.From apply nothing of each object any more: what it alone applied goes, what others apply as
// well stays. An object that a.Manager does not apply is left alone, for it would lose all that it has.
func disown(ctx context.Context, c *Cluster, a handover.Action) error {
	failures := make([]error, len(a.Objects))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, ref := range a.Objects {
		group.Go(func() error {
			failures[i] = c.failed("take fields from "+a.From+" of", ref, "patch", c.disownOne(ctx, ref, a.From, a.Manager))
			return nil
		})
	}
	_ = group.Wait() // failures has them
	return several(failures)
}

// disownOne does so with one object. Where somebody wrote it meanwhile, it looks again.
func (c *Cluster) disownOne(ctx context.Context, ref handover.Ref, from, keeper string) error {
	r, err := c.object(ctx, ref)
	if err != nil {
		return err
	}
	return retry.OnError(c.patience, apierrors.IsConflict, func() error {
		m, err := c.metadataOf(ctx, ref)
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		gives, err := applied(m.ManagedFields, from)
		if err != nil {
			return err
		}
		keeps, err := applied(m.ManagedFields, keeper)
		if err != nil || gives.at < 0 || keeps.at < 0 {
			return err
		}
		nothing := &unstructured.Unstructured{}
		nothing.SetAPIVersion(ref.APIVersion)
		nothing.SetKind(ref.Kind)
		nothing.SetNamespace(ref.Namespace)
		nothing.SetName(ref.Name)
		nothing.SetResourceVersion(m.ResourceVersion) // else it would be made where it has just gone
		_, err = r.Apply(ctx, ref.Name, nothing, metav1.ApplyOptions{FieldManager: from})
		return err
	})
}
