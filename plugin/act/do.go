package act

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// requestedAt asks a Flux controller to reconcile when it changes.
const requestedAt = "reconcile.fluxcd.io/requestedAt"

// verbs is a row for each verb: how it is taken.
var verbs = map[handover.Verb]func(context.Context, *Cluster, handover.Action) error{
	handover.Apply:        apply,
	handover.Suspend:      suspend,
	handover.Resume:       resume,
	handover.Reconcile:    reconcile,
	handover.HandFields:   handFields,
	handover.Patch:        patch,
	handover.GiveBack:     giveBack,
	handover.Forget:       forget,
	handover.Disown:       disown,
	handover.Date:         date,
	handover.HelmRollback: helmRollback,
	handover.Remove:       remove,
	handover.Release:      release,
}

// doing is what a verb is called in errors.
func doing(v handover.Verb) string {
	if v == handover.Reconcile {
		return "ask for a reconciliation of"
	}
	return string(v)
}

// Do takes an action. Taken again it changes nothing more. An error that wraps handover.ErrConflict says that the
// object is not as the action wants it, and that nothing was written; after any other it may have been.
func (c *Cluster) Do(ctx context.Context, a handover.Action) error {
	take, ok := verbs[a.Verb]
	if !ok {
		return fmt.Errorf("take an action on %s: nobody knows how to %q", a.Ref, a.Verb)
	}
	return take(ctx, c, a)
}

// Image is an object as it is, as JSON; nil where it, or its kind, does not exist.
func (c *Cluster) Image(ctx context.Context, ref handover.Ref) (json.RawMessage, error) {
	o, err := c.get(ctx, ref)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, c.failed("read", ref, "get", err)
	}
	text, err := o.MarshalJSON()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", ref, err)
	}
	return text, nil
}

// get reads an object; its errors are the client's.
func (c *Cluster) get(ctx context.Context, ref handover.Ref) (o *unstructured.Unstructured, err error) {
	r, err := c.object(ctx, ref)
	if err != nil {
		return nil, err
	}
	err = c.read(ctx, func() error {
		o, err = r.Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	return o, err
}

// subject reads the object of an action that is to exist and to be as the action wants it.
func (c *Cluster) subject(ctx context.Context, a handover.Action) (*unstructured.Unstructured, error) {
	o, err := c.get(ctx, a.Ref)
	if apierrors.IsNotFound(err) {
		return nil, c.conflict(doing(a.Verb), a.Ref, "it does not exist")
	}
	if err != nil {
		return nil, c.failed(doing(a.Verb), a.Ref, "get", err)
	}
	if a.Suspended != nil && *a.Suspended != suspended(o) {
		return nil, c.conflict(doing(a.Verb), a.Ref, fmt.Sprintf("spec.suspend is %t, and it has to be %t", suspended(o), *a.Suspended))
	}
	return o, nil
}

func suspended(o *unstructured.Unstructured) bool {
	is, _, err := unstructured.NestedBool(o.Object, "spec", "suspend")
	return is && err == nil
}

func apply(ctx context.Context, c *Cluster, a handover.Action) error {
	body, err := checkedBody(a)
	if err != nil {
		return err
	}
	force := true
	switch {
	case a.Absent:
		_, err := c.get(ctx, a.Ref)
		if err == nil {
			return nil
		}
		if !apierrors.IsNotFound(err) {
			return c.failed("apply", a.Ref, "get", err)
		}
		// Whoever creates it between our look and our write keeps it: without force their fields conflict with ours.
		force = false
	case a.Suspended != nil:
		o, err := c.subject(ctx, a)
		if err != nil {
			return err
		}
		body.SetResourceVersion(o.GetResourceVersion())
	}
	r, err := c.object(ctx, a.Ref)
	if err != nil {
		return err
	}
	_, err = r.Apply(ctx, a.Ref.Name, body, metav1.ApplyOptions{FieldManager: a.Manager, Force: force})
	return c.failed("apply", a.Ref, "patch", err)
}

// checkedBody is what an action applies, when it is what was planned.
func checkedBody(a handover.Action) (*unstructured.Unstructured, error) {
	if sum := sha256.Sum256(a.Body); len(a.Body) == 0 || a.Digest != "" && a.Digest != hex.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("apply %s: what there is to apply is not what was planned; plan again: flux handover plan", a.Ref)
	}
	o := &unstructured.Unstructured{}
	if err := json.Unmarshal(a.Body, &o.Object); err != nil {
		return nil, fmt.Errorf("apply %s: what there is to apply is no JSON object", a.Ref) // err may quote it
	}
	is := handover.Ref{APIVersion: o.GetAPIVersion(), Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName()}
	if is != a.Ref {
		return nil, fmt.Errorf("apply %s: what there is to apply is %s of %s", a.Ref, is, is.APIVersion)
	}
	return o, nil
}

// suspend suspends an object, and where it is suspended already, sees to it that the action's manager is among those who
// say so: what a manager called kubectl has suspended, kustomize-controller lets go when it next reconciles.
// What controllers write meanwhile is no reason to give up: it is looked at and written to again.
func suspend(ctx context.Context, c *Cluster, a handover.Action) error {
	return retry.OnError(c.patience, apierrors.IsConflict, func() error { return suspendOnce(ctx, c, a) })
}

func suspendOnce(ctx context.Context, c *Cluster, a handover.Action) error {
	if err := setSuspend(ctx, c, a, true); err != nil {
		return err
	}
	o, err := c.get(ctx, a.Ref)
	if err != nil {
		return c.failed(doing(a.Verb), a.Ref, "get", err)
	}
	entries := o.GetManagedFields()
	if len(entries) == 0 || slices.ContainsFunc(entries, func(e metav1.ManagedFieldsEntry) bool { return e.Manager == a.Manager && saysSuspend(e) }) {
		return nil
	}
	held := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"suspend": true}}}
	held.SetGroupVersionKind(o.GroupVersionKind())
	held.SetNamespace(o.GetNamespace())
	held.SetName(o.GetName())
	held.SetResourceVersion(o.GetResourceVersion())
	r, err := c.object(ctx, a.Ref)
	if err != nil {
		return err
	}
	_, err = r.Apply(ctx, a.Ref.Name, held, metav1.ApplyOptions{FieldManager: a.Manager, Force: true})
	return c.failed(doing(a.Verb), a.Ref, "patch", err)
}

// saysSuspend tells whether a manager owns spec.suspend.
func saysSuspend(e metav1.ManagedFieldsEntry) bool {
	set, err := setOf(e)
	return err == nil && e.Subresource == "" && set.Has(fieldpath.MakePathOrDie("spec", "suspend"))
}

func resume(ctx context.Context, c *Cluster, a handover.Action) error {
	return setSuspend(ctx, c, a, nil)
}

// setSuspend writes spec.suspend where it is not so already; nil removes it. To suspend holds of whatever the object is by
// then, unless the action insists on how it has to be; to resume holds only of the object that was looked at.
func setSuspend(ctx context.Context, c *Cluster, a handover.Action, to any) error {
	o, err := c.subject(ctx, a)
	if err != nil {
		return err
	}
	if is, found, _ := unstructured.NestedFieldNoCopy(o.Object, "spec", "suspend"); is == to && found == (to != nil) {
		return nil
	}
	change := map[string]any{"spec": map[string]any{"suspend": to}}
	if to == nil || a.Suspended != nil {
		change = versioned(change, o.GetResourceVersion())
	}
	return c.merge(ctx, a, a.Manager, change)
}

func reconcile(ctx context.Context, c *Cluster, a handover.Action) error {
	meta := map[string]any{"annotations": map[string]any{requestedAt: c.clock.Now().UTC().Format(time.RFC3339Nano)}}
	if a.Suspended != nil {
		o, err := c.subject(ctx, a)
		if err != nil {
			return err
		}
		meta["resourceVersion"] = o.GetResourceVersion()
	}
	err := c.merge(ctx, a, handover.FluxCLI, map[string]any{"metadata": meta})
	if apierrors.IsNotFound(err) {
		return c.conflict(doing(a.Verb), a.Ref, "it does not exist")
	}
	return err
}

// merge is a JSON merge patch of an action's object.
func (c *Cluster) merge(ctx context.Context, a handover.Action, as string, patch map[string]any) error {
	text, err := json.Marshal(patch)
	if err != nil {
		return fmt.Errorf("%s %s: %w", doing(a.Verb), a.Ref, err)
	}
	r, err := c.object(ctx, a.Ref)
	if err != nil {
		return err
	}
	_, err = r.Patch(ctx, a.Ref.Name, types.MergePatchType, text, metav1.PatchOptions{FieldManager: as})
	return c.failed(doing(a.Verb), a.Ref, "patch", err)
}

// release deletes one of Flux's objects while it is suspended: its controller then removes its finalizer and leaves
// alone what it manages. The precondition makes that one act: whoever resumes the object between our look and our
// write gives it another resourceVersion. What the controller sees deleted is therefore always suspended.
func release(ctx context.Context, c *Cluster, a handover.Action) error {
	if !strings.HasSuffix(strings.Split(a.Ref.APIVersion, "/")[0], ".toolkit.fluxcd.io") {
		return fmt.Errorf("release %s: only objects of Flux are released", a.Ref)
	}
	o, err := c.get(ctx, a.Ref)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return c.failed("release", a.Ref, "get", err)
	}
	if !suspended(o) {
		return c.conflict("release", a.Ref, "it is not suspended: deleting it would uninstall what it manages")
	}
	if o.GetDeletionTimestamp() != nil {
		return nil
	}
	r, err := c.object(ctx, a.Ref)
	if err != nil {
		return err
	}
	uid, version, orphan := o.GetUID(), o.GetResourceVersion(), metav1.DeletePropagationOrphan
	err = r.Delete(ctx, a.Ref.Name, metav1.DeleteOptions{
		Preconditions: &metav1.Preconditions{UID: &uid, ResourceVersion: &version}, PropagationPolicy: &orphan,
	})
	if apierrors.IsNotFound(err) {
		return nil
	}
	return c.failed("release", a.Ref, "delete", err)
}
