package values

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
)

// Class is the kind of a difference.
type Class string

// The classes.
const (
	Changed  Class = "changed"
	Added    Class = "added"
	Removed  Class = "removed"
	TypeOnly Class = "type-only" // the same text, of another type: 1 and "1"
	Default  Class = "default"   // one side spells out what the chart has as its default
	Variable Class = "variable"  // a variable of the cluster decides it
)

// Delta is one difference between two trees. A path through a list names its element by number.
type Delta struct {
	Path  Path   `json:"path"`
	Class Class  `json:"class"`
	From  any    `json:"from,omitempty"` // nothing where it was added
	To    any    `json:"to,omitempty"`   // nothing where it was removed
	Var   string `json:"var,omitempty"`  // of class variable
}

// Diff is how to differs from from, by path. Maps are compared key by key and lists of one length element by element;
// what only one side has is one difference, however much is below it. Numbers are the same however they were decoded.
func Diff(from, to Tree) []Delta {
	var all []Delta
	diffMaps("", from, to, &all)
	return all
}

func diffMaps(path Path, from, to map[string]any, all *[]Delta) {
	keys := map[string]bool{}
	for key := range from {
		keys[key] = true
	}
	for key := range to {
		keys[key] = true
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		was, had := from[key]
		is, has := to[key]
		switch at := path.Child(key); {
		case !had:
			*all = append(*all, Delta{Path: at, Class: Added, To: is})
		case !has:
			*all = append(*all, Delta{Path: at, Class: Removed, From: was})
		default:
			diff(at, was, is, all)
		}
	}
}

func diff(path Path, from, to any, all *[]Delta) {
	from, to = plain(from), plain(to)
	if a, ok := from.(map[string]any); ok {
		if b, ok := to.(map[string]any); ok && !nameless(a) && !nameless(b) {
			diffMaps(path, a, b, all)
			return
		}
	}
	if a, ok := from.([]any); ok {
		if b, ok := to.([]any); ok && len(a) == len(b) {
			for i := range a {
				diff(path.Child(strconv.Itoa(i)), a[i], b[i], all)
			}
			return
		}
	}
	switch {
	case Equal(from, to):
	case sameText(from, to):
		*all = append(*all, Delta{Path: path, Class: TypeOnly, From: from, To: to})
	default:
		*all = append(*all, Delta{Path: path, Class: Changed, From: from, To: to})
	}
}

// nameless tells whether a map has an empty key, which no path can name: such a map is one thing.
func nameless(m map[string]any) bool { _, ok := m[""]; return ok }

// sameText tells whether two scalars differ by nothing but their type.
func sameText(a, b any) bool {
	for _, v := range []any{a, b} {
		switch v.(type) {
		case nil, map[string]any, []any:
			return false
		}
	}
	return Tree{"v": a}.Text("v") == Tree{"v": b}.Text("v")
}

// Apply is from with deltas applied: Apply(Diff(a, b), a) is b. It fails where a path leads nowhere in from.
func Apply(deltas []Delta, from Tree) (Tree, error) {
	out, _ := clone(map[string]any(from)).(map[string]any)
	if out == nil {
		out = map[string]any{}
	}
	for _, d := range deltas {
		if err := apply(d, out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func apply(d Delta, root map[string]any) error {
	keys := d.Path.Keys()
	var at any = root
	for i, key := range keys {
		last := i == len(keys)-1
		switch v := at.(type) {
		case map[string]any:
			switch {
			case last && d.Class == Removed:
				delete(v, key)
			case last:
				v[key] = clone(d.To)
			}
			at = v[key]
		case []any:
			n, err := strconv.Atoi(key)
			if err != nil || n < 0 || n >= len(v) {
				return fmt.Errorf("apply the difference at %s: there is no element %s", d.Path, key)
			}
			if last {
				v[n] = clone(d.To)
			}
			at = v[n]
		default:
			return fmt.Errorf("apply the difference at %s: nothing is below %s", d.Path, key)
		}
	}
	return nil
}

// Swap is the differences seen from the other side: Swap(Diff(a, b)) is Diff(b, a).
func Swap(deltas []Delta) []Delta {
	var out []Delta
	for _, d := range deltas {
		d.From, d.To = d.To, d.From
		switch d.Class {
		case Added:
			d.Class = Removed
		case Removed:
			d.Class = Added
		}
		out = append(out, d)
	}
	return out
}

// AgainstDefaults reclassifies what only one side has, where it is what the chart has as its default anyway.
func AgainstDefaults(deltas []Delta, defaults Tree) []Delta {
	out := slices.Clone(deltas)
	for i, d := range out {
		value := d.To
		if d.Class == Removed {
			value = d.From
		}
		usual, ok := defaults.Lookup(d.Path)
		if (d.Class == Added || d.Class == Removed) && ok && value != nil && saysNothing(usual, value) {
			out[i].Class = Default
		}
	}
	return out
}

// saysNothing tells whether value, laid over a default, leaves it as it is.
func saysNothing(usual, value any) bool {
	return Equal(Coalesce(Tree{"v": usual}, Tree{"v": value})["v"], usual)
}
