package breaks

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
)

// ref names an object.
func ref(apiVersion, kind, namespace, name string) Image {
	return Image{APIVersion: apiVersion, Kind: kind, Namespace: namespace, Name: name}
}

func (i Image) object() *api.Object {
	obj := &api.Object{}
	obj.SetAPIVersion(i.APIVersion)
	obj.SetKind(i.Kind)
	obj.SetNamespace(i.Namespace)
	obj.SetName(i.Name)
	return obj
}

// save puts objects into the record as they are now, and keeps the record; it returns those that exist.
func (t *Target) save(ctx context.Context, refs ...Image) ([]*api.Object, error) {
	var found []*api.Object
	for _, image := range refs {
		r, err := t.Client.Of(image.object())
		if err != nil {
			return nil, err
		}
		obj, err := r.Get(ctx, image.Name, metav1.GetOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return nil, fmt.Errorf("save %s %s: %w", image.Kind, image.Name, err)
		}
		if err == nil {
			if image.Object, err = obj.MarshalJSON(); err != nil {
				return nil, fmt.Errorf("save %s %s: %w", image.Kind, image.Name, err)
			}
			found = append(found, obj)
		}
		t.Record.Images = append(t.Record.Images, image)
	}
	return found, t.keep()
}

// restore makes every object of the record what it was.
func (t *Target) restore(ctx context.Context) error {
	for _, image := range t.Record.Images {
		if err := t.restoreOne(ctx, image); err != nil {
			return fmt.Errorf("restore %s %s: %w", image.Kind, image.Name, err)
		}
	}
	return nil
}

func (t *Target) restoreOne(ctx context.Context, image Image) error {
	if len(image.Object) == 0 {
		return t.Client.Delete(ctx, image.object())
	}
	old := &api.Object{}
	if err := old.UnmarshalJSON(image.Object); err != nil {
		return err
	}
	owners := old.GetManagedFields()
	var r dynamic.ResourceInterface
	err := api.Wait(ctx, "definition of "+image.Kind, 20*time.Second, func() (ok bool, err error) {
		r, err = t.Client.Of(old) // an object of a definition just restored may have to wait for it
		return err == nil, err
	})
	if err != nil {
		return err
	}
	old.SetManagedFields(nil)
	now, err := r.Get(ctx, image.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		old.SetResourceVersion("")
		old.SetUID("")
		_, err = r.Create(ctx, old, metav1.CreateOptions{FieldManager: api.Manager})
	case err == nil:
		old.SetResourceVersion(now.GetResourceVersion())
		old.SetUID(now.GetUID())
		_, err = r.Update(ctx, old, metav1.UpdateOptions{FieldManager: api.Manager})
	}
	if err != nil {
		return err
	}
	return giveBack(ctx, r, image.Name, owners)
}

// giveBack makes the former owners own their fields again: putting the object back made the lab an owner.
func giveBack(ctx context.Context, r dynamic.ResourceInterface, name string, owners []metav1.ManagedFieldsEntry) error {
	if len(owners) == 0 {
		return nil
	}
	patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/metadata/managedFields", "value": owners}})
	if err != nil {
		return err
	}
	_, err = r.Patch(ctx, name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: api.Manager})
	return err
}

// wait waits for an effect to show.
func (t *Target) wait(ctx context.Context, what string, ready func() (bool, error)) error {
	return api.Wait(ctx, what, 40*time.Second, ready)
}
