package impact

import (
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// How an object differs between two renderings.
const (
	Added   = "added"
	Removed = "removed"
	Changed = "changed"
)

// ObjectDiff is how one object of the release differs from what Flux would apply.
type ObjectDiff struct {
	Ref    Ref    `json:"ref"`
	Change string `json:"change"` // added | removed | changed
	// Expected: only labels and annotations of the object itself, or what Helm makes anew each time.
	Expected bool   `json:"expected,omitempty"`
	Edits    []Edit `json:"edits,omitempty"`
}

// Manifests is how every object of the record's manifest differs from what Flux would apply, by kind and name. What
// lives in the cluster does not matter to it.
func Manifests(r *facts.Rendered) []ObjectDiff {
	if r == nil {
		return nil
	}
	j := judge{r: r, before: index(r.Before), after: index(r.After)}
	var all []ObjectDiff
	for _, key := range j.keys() {
		before, had := j.before[key]
		after, has := j.after[key]
		switch {
		case !had:
			all = append(all, ObjectDiff{Ref: ref(after), Change: Added})
		case !has:
			all = append(all, ObjectDiff{Ref: ref(before), Change: Removed})
		default:
			edits := Edits(before.Body, after.Body)
			if len(edits) == 0 {
				continue
			}
			expected := !slices.ContainsFunc(edits, func(e Edit) bool { return !metadata(e.Path) && !slices.Contains(after.Random, e.Path) })
			all = append(all, ObjectDiff{Ref: ref(after), Change: Changed, Expected: expected, Edits: edits})
		}
	}
	return all
}

// metadata tells labels and annotations of the object itself, which do nothing to it.
func metadata(path values.Path) bool {
	return strings.HasPrefix(string(path), "metadata.labels") || strings.HasPrefix(string(path), "metadata.annotations")
}
