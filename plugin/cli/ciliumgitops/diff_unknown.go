package ciliumgitops

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// decided is why a side cannot be rendered: values of it are not known. Nil where all are.
func (s side) decided() error {
	if len(s.undecided) == 0 {
		return nil
	}
	return errors.New(s.undecided[0].Text())
}

// leaveOut takes the values that a side does not know out of all sides, and says so. A value of another object than the
// HelmRelease may be anywhere: then it is said, and what differs is what is composed without it.
func (o *diffOptions) leaveOut(sides []side, out *report.ValuesOf) {
	for _, s := range slices.Clone(sides) {
		for _, u := range s.undecided {
			path, inline := valuePath(u)
			if inline && o.ignored(path) {
				continue
			}
			for i := range sides {
				if inline {
					sides[i].values = without(sides[i].values, path.Keys())
				} else {
					sides[i].values = undecidedOut(sides[i].values, "${"+u.Variable+"}")
				}
			}
			if text := facts.Text(u.Text()); !slices.Contains(out.Unknown, text) {
				out.Unknown = append(out.Unknown, text)
			}
		}
	}
}

// valuePath is where in the values a field of a HelmRelease stands.
func valuePath(u facts.GitUnknown) (values.Path, bool) {
	path, inline := strings.CutPrefix(u.Field, "spec.values.")
	return values.Path(path), inline && strings.HasPrefix(u.Object, "HelmRelease/")
}

// without is a tree without what stands at a path; of a list, without all of it.
func without(t map[string]any, keys []string) map[string]any {
	below, there := t[keys[0]]
	if !there {
		return t
	}
	out := make(map[string]any, len(t))
	for key, value := range t {
		out[key] = value
	}
	if nested, ok := below.(map[string]any); ok && len(keys) > 1 {
		out[keys[0]] = without(nested, keys[1:])
	} else {
		delete(out, keys[0])
	}
	return out
}

// undecidedOut is a tree without the values that have that placeholder.
func undecidedOut(t map[string]any, placeholder string) map[string]any {
	out := make(map[string]any, len(t))
	for key, value := range t {
		switch v := value.(type) {
		case map[string]any:
			out[key] = undecidedOut(v, placeholder)
		default:
			if !strings.Contains(fmt.Sprint(v), placeholder) {
				out[key] = v
			}
		}
	}
	return out
}
