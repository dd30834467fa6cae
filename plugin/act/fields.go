package act

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// atOnce is how many objects are asked for at a time.
const atOnce = 4

// Fields tells who owns the fields of each of refs that exists, in their order. Only the objects' metadata is read.
func (c *Cluster) Fields(ctx context.Context, refs []handover.Ref) ([]facts.FieldOwners, error) {
	found := make([]*facts.FieldOwners, len(refs))
	group, within := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, ref := range refs {
		group.Go(func() error {
			m, err := c.metadataOf(within, ref)
			if apierrors.IsNotFound(err) {
				return nil
			}
			if err != nil {
				return c.failed("read the managed fields of", ref, "get", err)
			}
			found[i], err = owners(ref, m.ManagedFields)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	var all []facts.FieldOwners
	for _, f := range found {
		if f != nil {
			all = append(all, *f)
		}
	}
	return all, nil
}

// owners sums up an object's managed fields, its status aside.
func owners(ref handover.Ref, entries []metav1.ManagedFieldsEntry) (*facts.FieldOwners, error) {
	f := &facts.FieldOwners{Kind: ref.Kind, Namespace: ref.Namespace, Name: ref.Name}
	for _, e := range entries {
		if e.Subresource == "" {
			f.Managers = append(f.Managers, facts.Text(e.Manager)+" ("+string(e.Operation)+")")
		}
	}
	slices.Sort(f.Managers)
	f.Managers = slices.Compact(f.Managers)
	from, err := applied(entries, handover.HelmCLI)
	if err != nil {
		return nil, fmt.Errorf("read the managed fields of %s: %w", ref, err)
	}
	to, err := applied(entries, handover.HelmController)
	if err != nil {
		return nil, fmt.Errorf("read the managed fields of %s: %w", ref, err)
	}
	shared := from.common(to)
	f.Shared, f.Left = shared.Size(), from.set.Difference(shared).Size()
	return f, nil
}

// metadataOf reads an object's metadata alone; its errors are the client's.
func (c *Cluster) metadataOf(ctx context.Context, ref handover.Ref) (m *metav1.PartialObjectMetadata, err error) {
	r, err := c.metadataAt(ctx, ref)
	if err != nil {
		return nil, err
	}
	err = c.read(ctx, func() error {
		m, err = r.Get(ctx, ref.Name, metav1.GetOptions{})
		return err
	})
	return m, err
}

func (c *Cluster) metadataAt(ctx context.Context, ref handover.Ref) (metadata.ResourceInterface, error) {
	r, err := c.resource(ctx, ref)
	if err != nil {
		return nil, err
	}
	if ref.Namespace == "" {
		return c.meta.Resource(r), nil
	}
	return c.meta.Resource(r).Namespace(ref.Namespace), nil
}

// entry is what one manager applies of an object.
type entry struct {
	at  int // its place among the managed fields; -1 where there is none
	as  string
	set *fieldpath.Set
}

// applied finds the server-side apply entry of a manager.
func applied(entries []metav1.ManagedFieldsEntry, name string) (entry, error) {
	e := entry{at: -1, set: &fieldpath.Set{}}
	e.at = slices.IndexFunc(entries, func(m metav1.ManagedFieldsEntry) bool {
		return m.Manager == name && m.Operation == metav1.ManagedFieldsOperationApply && m.Subresource == ""
	})
	if e.at < 0 || entries[e.at].FieldsV1 == nil {
		return e, nil
	}
	e.as = entries[e.at].APIVersion
	if err := e.set.FromJSON(bytes.NewReader(entries[e.at].FieldsV1.Raw)); err != nil {
		return e, fmt.Errorf("what %s manages: %w", name, err)
	}
	return e, nil
}

// common are the fields of both. Paths of different API versions cannot be compared: then there are none.
func (e entry) common(other entry) *fieldpath.Set {
	if e.as != other.as {
		return &fieldpath.Set{}
	}
	return e.set.Intersection(other.set)
}

// handFields works on every object, also when one of them fails: what is handed over stays so.
func handFields(ctx context.Context, c *Cluster, a handover.Action) error {
	failures := make([]error, len(a.Objects))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, ref := range a.Objects {
		group.Go(func() error {
			failures[i] = c.failed("hand over fields of", ref, "patch", c.handOne(ctx, ref, a.From, a.Manager))
			return nil
		})
	}
	_ = group.Wait() // failures has them
	return several(failures)
}

// handOne takes one object's common fields from a manager. Where somebody wrote the object meanwhile, as controllers do
// all the time, it looks again.
func (c *Cluster) handOne(ctx context.Context, ref handover.Ref, from, to string) error {
	r, err := c.metadataAt(ctx, ref)
	if err != nil {
		return err
	}
	return retry.OnError(c.patience, apierrors.IsConflict, func() error {
		m, err := c.metadataOf(ctx, ref)
		if apierrors.IsNotFound(err) {
			return nil // there is nothing to be owned
		}
		if err != nil {
			return err
		}
		entries, changed, err := handed(m.ManagedFields, from, to)
		if err != nil || !changed {
			return err
		}
		patch, err := json.Marshal([]map[string]any{
			// A resourceVersion that is not the object's is answered with a conflict.
			{"op": "replace", "path": "/metadata/resourceVersion", "value": m.ResourceVersion},
			{"op": "replace", "path": "/metadata/managedFields", "value": entries},
		})
		if err != nil {
			return err
		}
		_, err = r.Patch(ctx, ref.Name, types.JSONPatchType, patch, metav1.PatchOptions{FieldManager: to})
		return err
	})
}

// handed takes out of from's entry what to applies as well, and tells whether that changes anything.
//
// The time of an entry says when its manager last changed a value of it. A manager that joins the owner of the values
// has changed none, and must not look as if it had: its entry gets the older time, unless it set something besides
// metadata that was not the other's. An applier who changes nothing at all has no time yet.
func handed(entries []metav1.ManagedFieldsEntry, from, to string) ([]metav1.ManagedFieldsEntry, bool, error) {
	giver, err := applied(entries, from)
	if err != nil {
		return nil, false, err
	}
	taker, err := applied(entries, to)
	if err != nil {
		return nil, false, err
	}
	common := giver.common(taker)
	if from == to || common.Empty() {
		return entries, false, nil
	}
	out := slices.Clone(entries)
	if t := out[giver.at].Time; t != nil && (out[taker.at].Time == nil || t.Before(out[taker.at].Time) && onlyMetadata(taker.set.Difference(common))) {
		out[taker.at].Time = t
	}
	rest := giver.set.Difference(common)
	if rest.Empty() {
		return slices.Delete(out, giver.at, giver.at+1), true, nil
	}
	text, err := rest.ToJSON()
	if err != nil {
		return nil, false, fmt.Errorf("what %s manages: %w", from, err)
	}
	out[giver.at].FieldsV1 = &metav1.FieldsV1{Raw: text}
	return out, true, nil
}

// onlyMetadata holds of fields that are all below metadata.
func onlyMetadata(set *fieldpath.Set) bool {
	only := true
	set.Iterate(func(p fieldpath.Path) {
		if !strings.HasPrefix(p.String(), ".metadata.") {
			only = false
		}
	})
	return only
}
