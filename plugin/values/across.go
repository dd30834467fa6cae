package values

import (
	"maps"
	"slices"
)

// Across is one place in which three trees are not the same.
type Across struct {
	Path   Path
	Class  Class  // changed | type-only | default
	Values [3]any // nothing where it is absent
	Absent [3]bool
	// Odd is which of the three differs from the other two; -1 where no two are the same.
	Odd int
}

// DiffThree is how three trees differ, leaf by leaf: lists and empty maps are leaves, too. What a tree lacks is there
// by default where the others say no more than defaults does; nil defaults say nothing.
func DiffThree(trees [3]Tree, defaults Tree) []Across {
	var flat [3]map[Path]any
	paths := map[Path]bool{}
	for i, t := range trees {
		flat[i] = map[Path]any{}
		leaves("", map[string]any(t), flat[i])
		for path := range flat[i] {
			paths[path] = true
		}
	}
	var all []Across
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		a := Across{Path: path, Odd: -1}
		for i := range flat {
			v, has := flat[i][path]
			a.Values[i], a.Absent[i] = v, !has
		}
		if a.judge(defaults) {
			all = append(all, a)
		}
	}
	return all
}

func leaves(path Path, v any, out map[Path]any) {
	m, ok := plain(v).(map[string]any)
	if path != "" && (!ok || len(m) == 0 || nameless(m)) {
		out[path] = v
		return
	}
	for key, below := range m {
		leaves(path.Child(key), below, out)
	}
}

// judge fills in what differs and how; false where nothing does.
func (a *Across) judge(defaults Tree) bool {
	equal := func(i, j int) bool {
		return a.Absent[i] == a.Absent[j] && (a.Absent[i] || Equal(a.Values[i], a.Values[j]))
	}
	if equal(0, 1) && equal(0, 2) {
		return false
	}
	for odd, others := range [3][2]int{{1, 2}, {0, 2}, {0, 1}} {
		if equal(others[0], others[1]) {
			a.Odd = odd
		}
	}
	for i, j := range map[int]int{0: 1, 1: 2, 2: 0} {
		if !equal(i, j) {
			a.Class = worse(a.Class, a.pair(i, j, defaults))
		}
	}
	return true
}

// pair is the class of a difference between two of the three.
func (a *Across) pair(i, j int, defaults Tree) Class {
	if !a.Absent[i] && !a.Absent[j] {
		if sameText(a.Values[i], a.Values[j]) {
			return TypeOnly
		}
		return Changed
	}
	value := a.Values[i]
	if a.Absent[i] {
		value = a.Values[j]
	}
	if usual, ok := defaults.Lookup(a.Path); ok && value != nil && saysNothing(usual, value) {
		return Default
	}
	return Changed
}

// worse is the class that says more.
func worse(a, b Class) Class {
	for _, class := range []Class{Changed, TypeOnly, Default} {
		if a == class || b == class {
			return class
		}
	}
	return b
}
