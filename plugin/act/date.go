package act

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// date has the owners of a ConfigMap's data bear the time of a.Since, where the data says the same. The time of an owner
// tells when a value last changed, and by it whether an agent has read what is there. Helm 3 writes a null default as an
// empty key, Flux takes it away, and going back brings it again: to whoever reads it nothing has happened.
func date(ctx context.Context, c *Cluster, a handover.Action) error {
	if a.Since == nil || a.Since.Changed.IsZero() {
		return nil // nobody knew when it had changed
	}
	err := retry.OnError(c.patience, apierrors.IsConflict, func() error { return c.dateOne(ctx, a) })
	return c.failed("date", a.Ref, "patch", err)
}

func (c *Cluster) dateOne(ctx context.Context, a handover.Action) error {
	all := c.core.ConfigMaps(a.Ref.Namespace)
	var cm *core.ConfigMap
	err := c.read(ctx, func() (err error) {
		cm, err = all.Get(ctx, a.Ref.Name, metav1.GetOptions{})
		return err
	})
	switch {
	case apierrors.IsNotFound(err):
		return nil // nobody reads it
	case err != nil:
		return err
	case !saysSame(cm.Data, a.Since.Data, a.Same):
		return nil
	}
	patch := func(entries []metav1.ManagedFieldsEntry) error {
		text, err := json.Marshal([]map[string]any{
			// A resourceVersion that is not the object's is answered with a conflict.
			{"op": "replace", "path": "/metadata/resourceVersion", "value": cm.ResourceVersion},
			{"op": "replace", "path": "/metadata/managedFields", "value": entries},
		})
		if err != nil {
			return err
		}
		cm, err = all.Patch(ctx, a.Ref.Name, types.JSONPatchType, text, metav1.PatchOptions{FieldManager: a.Manager})
		return err
	}
	at := metav1.NewTime(a.Since.Changed)
	entries, changed, err := renamed(cm.ManagedFields, a.Manager, handover.OwnManager, &at)
	if err != nil {
		return err
	}
	if changed {
		if err := patch(entries); err != nil {
			return err
		}
	}
	if entries, changed, err = renamed(cm.ManagedFields, handover.OwnManager, a.Manager, nil); err != nil || !changed {
		return err
	}
	return patch(entries)
}

// saysSame tells whether data is what was recorded of it. Of what is masked in a recording nobody knows whether it is.
func saysSame(is, was map[string]string, same []string) bool {
	clean := facts.Facts{Live: facts.Live{Config: &facts.ConfigMap{Data: facts.RedactData(is)}}}
	facts.Clean(&clean)
	is, was = maps.Clone(clean.Live.Config.Data), maps.Clone(was)
	for _, key := range same {
		for _, data := range []map[string]string{is, was} {
			if data[key] == "" {
				delete(data, key)
			}
		}
	}
	masked := slices.Contains(slices.Collect(maps.Values(was)), facts.Redacted)
	return !masked && maps.Equal(is, was)
}

// renamed are the entries in which who owns data by updates is called otherwise and, where at is given, bears that time
// instead of a later one; and whether that changes any. The API server takes back a change of times alone, as one that
// says nothing: it keeps the time that comes with another name, and keeps it when the name comes back.
func renamed(entries []metav1.ManagedFieldsEntry, from, to string, at *metav1.Time) ([]metav1.ManagedFieldsEntry, bool, error) {
	out, changed := slices.Clone(entries), false
	for i, e := range out {
		if e.Manager != from || e.Operation != metav1.ManagedFieldsOperationUpdate || e.Subresource != "" || e.FieldsV1 == nil || at != nil && (e.Time == nil || !at.Before(e.Time)) {
			continue
		}
		var fields struct {
			Data map[string]any `json:"f:data"`
		}
		if err := json.Unmarshal(e.FieldsV1.Raw, &fields); err != nil {
			return nil, false, err
		}
		if len(fields.Data) == 0 {
			continue
		}
		changed, out[i].Manager = true, to
		if at != nil {
			out[i].Time = at
		}
	}
	return out, changed, nil
}
