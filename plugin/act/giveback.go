package act

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// giveBack has the fields of an object belong to those who owned them before it was first patched. Whoever sets a field
// takes it from its owner, and putting the value back does not give it back: what its owner then leaves out would stay.
func giveBack(ctx context.Context, c *Cluster, a handover.Action) error {
	if a.Was == nil || len(a.Was.Owners) == 0 {
		return nil // it was never patched
	}
	var was []metav1.ManagedFieldsEntry
	if err := json.Unmarshal(a.Was.Owners, &was); err != nil {
		return fmt.Errorf("give back the fields of %s: what the journal kept of them is of no use", a.Ref)
	}
	err := retry.OnError(c.patience, apierrors.IsConflict, func() error { return c.giveOne(ctx, a, was) })
	return c.failed("give back the fields of", a.Ref, "patch", err)
}

func (c *Cluster) giveOne(ctx context.Context, a handover.Action, was []metav1.ManagedFieldsEntry) error {
	o, err := c.get(ctx, a.Ref)
	if apierrors.IsNotFound(err) {
		return nil // there is nothing to be owned
	}
	if err != nil {
		return err
	}
	text, err := o.MarshalJSON()
	if err != nil {
		return err
	}
	is := o.GetManagedFields()
	entries := ownedAgain(is, was)
	if handover.ContentDigest(text) != a.Was.Content || !agree(is, was) { // what was kept is from a journal
		if entries, err = returned(is, was, a.Manager); err != nil {
			return err
		}
	}
	if reflect.DeepEqual(is, entries) {
		return nil
	}
	change, err := json.Marshal([]map[string]any{
		// A resourceVersion that is not the object's is answered with a conflict.
		{"op": "replace", "path": "/metadata/resourceVersion", "value": o.GetResourceVersion()},
		{"op": "replace", "path": "/metadata/managedFields", "value": entries},
	})
	if err != nil {
		return err
	}
	r, err := c.object(ctx, a.Ref)
	if err != nil {
		return err
	}
	_, err = r.Patch(ctx, a.Ref.Name, types.JSONPatchType, change, metav1.PatchOptions{FieldManager: a.Manager})
	return err
}

// ownedAgain are the entries of an object that is what it was: those of then, and what subresources have now.
func ownedAgain(is, was []metav1.ManagedFieldsEntry) []metav1.ManagedFieldsEntry {
	out := slices.DeleteFunc(slices.Clone(was), func(e metav1.ManagedFieldsEntry) bool { return e.Subresource != "" })
	for _, e := range is {
		if e.Subresource != "" {
			out = append(out, e)
		}
	}
	return out
}

// agree tells whether what was kept is of this object: nobody owned a field then that nobody owns now.
func agree(is, was []metav1.ManagedFieldsEntry) bool {
	owned := func(all []metav1.ManagedFieldsEntry) *fieldpath.Set {
		union := &fieldpath.Set{}
		for _, e := range all {
			set, err := setOf(e)
			if err != nil {
				return nil
			}
			if e.Subresource == "" {
				union = union.Union(set)
			}
		}
		return union
	}
	now, then := owned(is), owned(was)
	return now != nil && then != nil && then.Difference(now).Empty()
}

// returned are the entries of an object that somebody else has changed since: each owner of then gets what by has of
// it, and whatever others took meanwhile stays theirs.
func returned(is, was []metav1.ManagedFieldsEntry, by string) ([]metav1.ManagedFieldsEntry, error) {
	out := slices.Clone(is)
	ours := slices.IndexFunc(out, func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == by && e.Operation == metav1.ManagedFieldsOperationUpdate && e.Subresource == ""
	})
	if ours < 0 {
		return out, nil
	}
	rest, err := setOf(out[ours])
	if err != nil {
		return nil, err
	}
	for _, before := range was {
		if before.Subresource != "" || before.APIVersion != out[ours].APIVersion || before.Manager == by {
			continue
		}
		had, err := setOf(before)
		if err != nil {
			return nil, err
		}
		lost := had.Intersection(rest)
		if lost.Empty() {
			continue
		}
		rest = rest.Difference(lost)
		if out, err = given(out, before, lost); err != nil {
			return nil, err
		}
	}
	if rest.Empty() {
		return slices.Delete(out, ours, ours+1), nil
	}
	out[ours], err = entryOf(out[ours], rest)
	return out, err
}

// given adds fields to the entry that is before's, or makes it anew at the end.
func given(all []metav1.ManagedFieldsEntry, before metav1.ManagedFieldsEntry, fields *fieldpath.Set) ([]metav1.ManagedFieldsEntry, error) {
	at := slices.IndexFunc(all, func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager == before.Manager && e.Operation == before.Operation && e.APIVersion == before.APIVersion && e.Subresource == ""
	})
	if at < 0 {
		e, err := entryOf(before, fields)
		return append(all, e), err
	}
	has, err := setOf(all[at])
	if err != nil {
		return nil, err
	}
	all[at], err = entryOf(all[at], has.Union(fields))
	return all, err
}

func setOf(e metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	set := &fieldpath.Set{}
	if e.FieldsV1 == nil {
		return set, nil
	}
	if err := set.FromJSON(bytes.NewReader(e.FieldsV1.Raw)); err != nil {
		return nil, fmt.Errorf("what %s manages: %w", e.Manager, err)
	}
	return set, nil
}

func entryOf(e metav1.ManagedFieldsEntry, set *fieldpath.Set) (metav1.ManagedFieldsEntry, error) {
	text, err := set.ToJSON()
	if err != nil {
		return e, fmt.Errorf("what %s manages: %w", e.Manager, err)
	}
	e.FieldsV1 = &metav1.FieldsV1{Raw: text}
	return e, nil
}
