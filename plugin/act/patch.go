package act

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	jsonpatch "gopkg.in/evanphx/json-patch.v4"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// patch merges a change into an object that is as the action wants it. Controllers write status all the time: where one
// did between our look and our write, it looks again.
func patch(ctx context.Context, c *Cluster, a handover.Action) error {
	var change map[string]any
	if err := json.Unmarshal(a.Change, &change); err != nil {
		return fmt.Errorf("patch %s: what there is to change is no JSON object", a.Ref)
	}
	return retry.OnError(c.patience, apierrors.IsConflict, func() error {
		o, err := c.subject(ctx, a)
		if err != nil {
			return err
		}
		if changes, err := alters(o, a.If); err != nil || changes {
			return c.otherwise(a, err)
		}
		if changes, err := alters(o, a.Change); err != nil || !changes {
			return err
		}
		return c.merge(ctx, a, a.Manager, versioned(change, o.GetResourceVersion()))
	})
}

// otherwise says that an object is not what a patch insists on.
func (c *Cluster) otherwise(a handover.Action, err error) error {
	if err != nil {
		return fmt.Errorf("patch %s: %w", a.Ref, err)
	}
	return c.conflict(doing(a.Verb), a.Ref, fmt.Sprintf("it is not as it has to be, which is %s", a.If))
}

// versioned is a merge patch that is answered with a conflict where the object is another by then.
func versioned(change map[string]any, version string) map[string]any {
	out := map[string]any{}
	for key, value := range change {
		out[key] = value
	}
	meta := map[string]any{}
	if given, ok := change["metadata"].(map[string]any); ok {
		for key, value := range given {
			meta[key] = value
		}
	}
	meta["resourceVersion"] = version
	out["metadata"] = meta
	return out
}

// alters tells whether a merge patch would change an object. Maps that are empty and maps that are not there are the
// same to the API server.
func alters(o *unstructured.Unstructured, merge json.RawMessage) (bool, error) {
	if len(merge) == 0 {
		return false, nil
	}
	before, err := o.MarshalJSON()
	if err != nil {
		return false, err
	}
	after, err := jsonpatch.MergePatch(before, merge)
	if err != nil {
		return false, err
	}
	var was, is map[string]any
	if err := json.Unmarshal(before, &was); err != nil {
		return false, err
	}
	if err := json.Unmarshal(after, &is); err != nil {
		return false, err
	}
	return !reflect.DeepEqual(filled(was), filled(is)), nil
}

// filled is v without its empty maps.
func filled(v any) any {
	inner, ok := v.(map[string]any)
	if !ok {
		return v
	}
	for key, value := range inner {
		if value = filled(value); value == nil {
			delete(inner, key)
		} else {
			inner[key] = value
		}
	}
	if len(inner) == 0 {
		return nil
	}
	return inner
}
