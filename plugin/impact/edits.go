package impact

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Edit is one field that would not stay as it is.
type Edit struct {
	Path    values.Path `json:"path"`
	From    any         `json:"from,omitempty"` // nothing where it is added
	To      any         `json:"to,omitempty"`   // nothing where it is removed
	Added   bool        `json:"added,omitempty"`
	Removed bool        `json:"removed,omitempty"`
	// Order: the items that both have come in another order; From and To are their names.
	Order bool `json:"order,omitempty"`

	owned []string // the path in the words of managedFields
}

// Edits are how to differs from from, field by field. Items of lists are told apart by what names them.
func Edits(from, to values.Tree) []Edit {
	var all []Edit
	w := walker{emit: func(e Edit) { all = append(all, e) }, custom: custom(to)}
	w.maps(place{}, from, to)
	return all
}

// Overrides are the fields of want that live has otherwise. What only live has is nobody's business, unless it stands
// in a list that is one value.
func Overrides(want, live values.Tree) []Edit {
	var all []Edit
	w := walker{emit: func(e Edit) { all = append(all, e) }, subset: true, custom: custom(want)}
	w.maps(place{}, live, want)
	return all
}

// place is a path as we write it and as managedFields does.
type place struct {
	path  values.Path
	owned []string
}

func (p place) child(key string) place {
	return place{p.path.Child(key), append(slices.Clip(p.owned), "f:"+key)}
}

func (p place) item(name string, key map[string]any) place {
	return place{p.path + values.Path("["+name+"]"), append(slices.Clip(p.owned), ownedKey(key))}
}

// data tells a key of a ConfigMap or Secret, whose text may be empty and is still there.
func (p place) data() bool {
	return len(p.owned) == 2 && (p.owned[0] == "f:data" || p.owned[0] == "f:binaryData")
}

type walker struct {
	emit   func(Edit)
	subset bool // what only from has does not count
	custom bool // the object is a custom resource
}

// custom tells the objects of which the API server knows no type, and keeps what is declared.
func custom(o values.Tree) bool {
	version := o.Text("apiVersion")
	return !builtin(version) && !strings.HasPrefix(version, "apiextensions.k8s.io/")
}

func (w walker) maps(at place, from, to map[string]any) {
	from, to = whole(at, from), whole(at, to)
	keys := slices.Collect(maps.Keys(to))
	for key := range from {
		if _, both := to[key]; !both {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		was, had := from[key]
		is, has := to[key]
		if had && has && same(was, is) {
			continue
		}
		w.field(at.child(key), was, is, had, has)
	}
}

func (w walker) field(at place, was, is any, had, has bool) {
	switch {
	case had && has:
		w.value(at, was, is)
	case has && (at.data() || !w.nothing(at, is)):
		w.emit(Edit{Path: at.path, To: is, Added: true, owned: at.owned})
	case had && !has && !w.subset && (at.data() || !w.nothing(at, was)):
		w.emit(Edit{Path: at.path, From: was, Removed: true, owned: at.owned})
	}
}

func (w walker) value(at place, was, is any) {
	before, wasMap := was.(map[string]any)
	after, isMap := is.(map[string]any)
	if wasMap && isMap {
		w.maps(at, before, after)
		return
	}
	old, wasList := was.([]any)
	list, isList := is.([]any)
	if wasList && isList && (unordered(at) && sameSet(old, list) || w.lists(at, old, list)) {
		return
	}
	if !values.Equal(was, is) && (!w.nothing(at, was) || !w.nothing(at, is)) {
		w.emit(Edit{Path: at.path, From: was, To: is, owned: at.owned})
	}
}

// lists compares lists item by item, where that can be done.
func (w walker) lists(at place, old, list []any) bool {
	keys := listKeys(at)
	before, ok := named(old, keys)
	after, both := named(list, keys)
	if !ok || !both {
		if len(old) != len(list) {
			return false
		}
		for i := range list {
			w.value(place{at.path + values.Path(fmt.Sprintf("[%d]", i)), at.owned}, old[i], list[i])
		}
		return true
	}
	merged := mergeable(at)
	for _, name := range names(after, before) {
		was, had := before[name]
		is, has := after[name]
		if had && has && same(was, is) {
			continue
		}
		where := at.item(name, pick(is, was, keys))
		if had && !has && w.subset && !merged {
			w.emit(Edit{Path: where.path, From: was, Removed: true, owned: where.owned})
			continue
		}
		w.field(where, was, is, had, has)
	}
	w.order(at, old, list, keys)
	return true
}

func pick(is, was any, keys []string) map[string]any {
	m, ok := is.(map[string]any)
	if !ok {
		m, _ = was.(map[string]any)
	}
	out := map[string]any{}
	for _, key := range keys {
		if v, ok := m[key]; ok {
			out[key] = v
		} else if key == "protocol" {
			out[key] = "TCP"
		}
	}
	return out
}

func names(after, before map[string]any) []string {
	all := slices.Collect(maps.Keys(after))
	for name := range before {
		if _, both := after[name]; !both {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// merging are the lists whose items the API server tells apart, and by which fields.
func merging() map[string][]string {
	return map[string][]string{
		"containers": {"name"}, "initContainers": {"name"}, "env": {"name"}, "volumes": {"name"},
		"volumeMounts": {"mountPath"}, "imagePullSecrets": {"name"}, "hostAliases": {"ip"},
		"ports": {"containerPort", "protocol"}, "secrets": {"name"},
	}
}

func last(at place) string {
	if len(at.owned) == 0 {
		return ""
	}
	return strings.TrimPrefix(at.owned[len(at.owned)-1], "f:")
}

func mergeable(at place) bool { return len(merging()[last(at)]) > 0 }

func listKeys(at place) []string {
	keys, ok := merging()[last(at)]
	if last(at) == "ports" && len(at.owned) == 2 { // a Service's: spec.ports
		keys = []string{"port", "protocol"}
	}
	if !ok {
		return []string{"name"} // a list that is one value; its items are easier told by name
	}
	return keys
}

// named are the items of a list by what names them; false where something does not.
func named(list []any, keys []string) (map[string]any, bool) {
	out := make(map[string]any, len(list))
	for _, item := range list {
		m, ok := item.(map[string]any)
		if !ok {
			return nil, false
		}
		name, ok := nameIn(m, keys)
		if !ok {
			return nil, false
		}
		if _, twice := out[name]; twice {
			return nil, false
		}
		out[name] = m
	}
	return out, true
}

// same holds of what is alike to the last type. It is quick, where walking would build paths that nobody wants.
func same(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, v := range a {
			if other, both := b[key]; !both || !same(v, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, same)
	}
	switch b.(type) {
	case map[string]any, []any:
		return false
	}
	return a == b
}
