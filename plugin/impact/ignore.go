package impact

import (
	"maps"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Without is r without those fields in any of its objects, so that nothing about them is told. Paths are written as
// changes write theirs: spec.template.spec.containers[cilium-agent].image; items of lists that are not named so are
// all meant. r stays as it is.
func Without(r *facts.Rendered, paths []values.Path) *facts.Rendered {
	if r == nil || len(paths) == 0 {
		return r
	}
	out := *r
	for _, objects := range []*[]facts.Object{&out.Before, &out.After, &out.Live} {
		*objects = slices.Clone(*objects)
		for i := range *objects {
			o := &(*objects)[i]
			for _, path := range paths {
				o.Body, _ = without(map[string]any(o.Body), steps(path)).(map[string]any)
			}
		}
	}
	return &out
}

// step is one key of a path, or one item of a list.
type step struct {
	name string
	item bool
}

func steps(path values.Path) []step {
	var all []step
	var key strings.Builder
	flush := func(item bool) {
		if key.Len() > 0 || item {
			all = append(all, step{key.String(), item})
		}
		key.Reset()
	}
	inside := false
	text := string(path)
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && !inside && i+1 < len(text):
			i++
			key.WriteByte(text[i])
		case c == '[' && !inside:
			flush(false)
			inside = true
		case c == ']' && inside:
			flush(true)
			inside = false
		case c == '.' && !inside:
			flush(false)
		default:
			key.WriteByte(c)
		}
	}
	flush(false)
	return all
}

// without is v without what the path leads to; nothing is shared that is changed.
func without(v any, path []step) any {
	if len(path) == 0 {
		return v
	}
	if list, ok := v.([]any); ok {
		return withoutItem(list, path)
	}
	m, ok := v.(map[string]any)
	if !ok || path[0].item {
		return v
	}
	below, has := m[path[0].name]
	if !has {
		return v
	}
	out := maps.Clone(m)
	if len(path) == 1 {
		delete(out, path[0].name)
	} else {
		out[path[0].name] = without(below, path[1:])
	}
	return out
}

func withoutItem(list []any, path []step) any {
	out := make([]any, 0, len(list))
	for i, item := range list {
		switch {
		case !path[0].item:
			out = append(out, without(item, path))
		case !isItem(item, path[0].name, i):
			out = append(out, item)
		case len(path) > 1:
			out = append(out, without(item, path[1:]))
		}
	}
	return out
}

// isItem tells whether a list's item is the one that changes call by that name, or the one in that place.
func isItem(item any, name string, index int) bool {
	m, ok := item.(map[string]any)
	if !ok {
		return values.Tree{"v": index}.Text("v") == name
	}
	for _, key := range []string{"name", "mountPath", "ip", "containerPort", "port"} {
		v, has := m[key]
		if !has {
			continue
		}
		text := values.Tree{"v": v}.Text("v")
		protocol, _ := m["protocol"].(string)
		if text == name || text+"/"+protocol == name {
			return true
		}
	}
	return values.Tree{"v": index}.Text("v") == name
}
