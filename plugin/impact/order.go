package impact

import (
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// order tells whether what two lists have in common comes in another order. Both ways of applying give these items the
// order of what is applied: a strategic merge by $setElementOrder, server-side apply by its merge. What only the live
// list has keeps its place among them and changes nothing. A list is compared with a controller's former template in
// its order, so that the same items in another order are another template.
func (w walker) order(at place, old, list []any, keys []string) {
	before, after := namesOf(old, keys), namesOf(list, keys)
	was := slices.DeleteFunc(slices.Clone(before), func(name string) bool { return !slices.Contains(after, name) })
	is := slices.DeleteFunc(slices.Clone(after), func(name string) bool { return !slices.Contains(before, name) })
	if slices.Equal(was, is) {
		return
	}
	w.emit(Edit{Path: at.path, From: texts(was), To: texts(is), Order: true, owned: at.owned})
}

// namesOf are the names of a list's items, in its order; all of them have one.
func namesOf(list []any, keys []string) []string {
	all := make([]string, 0, len(list))
	for _, item := range list {
		m, _ := item.(map[string]any)
		name, _ := nameIn(m, keys)
		all = append(all, name)
	}
	return all
}

// nameIn is what tells an item of a list from its siblings; false where it lacks a part of that.
func nameIn(m map[string]any, keys []string) (string, bool) {
	parts := make([]string, 0, len(keys))
	for _, key := range keys {
		v, ok := m[key]
		switch {
		case ok:
			parts = append(parts, values.Tree{"v": v}.Text("v"))
		case key == "protocol":
			parts = append(parts, "TCP")
		default:
			return "", false
		}
	}
	return strings.TrimSuffix(strings.Join(parts, "/"), "/TCP"), true
}

func texts(all []string) []any {
	out := make([]any, 0, len(all))
	for _, s := range all {
		out = append(out, s)
	}
	return out
}

// unordered tells the lists of words that are sets: in another order they say the same.
func unordered(at place) bool {
	return slices.Equal(at.owned, []string{"f:metadata", "f:finalizers"})
}

// sameSet tells whether two lists of words have the same ones.
func sameSet(a, b []any) bool {
	sorted := func(list []any) []string {
		var all []string
		for _, v := range list {
			all = append(all, values.Tree{"v": v}.Text("v"))
		}
		slices.Sort(all)
		return all
	}
	return slices.Equal(sorted(a), sorted(b))
}
