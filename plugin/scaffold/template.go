package scaffold

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// template is the values of all clusters as one: what they share, variables where they differ, patches where they
// differ in shape.
type template struct {
	shared    any // map[string]any whose strings may be expr
	variables []Variable
	patches   []Patch
	problems  []Problem
	quotes    bool // ${quote} is used
}

// expr is a text of the tree that holds variables: it is written as it is, never quoted or escaped.
type expr string

// designer makes a template of value trees that belong to clusters.
type designer struct {
	clusters []Cluster
	held     map[values.Path]bool
	decided  map[values.Path]expr // what known values are written as
	vars     []*Variable
	quotes   bool
	patches  []Patch
}

func design(clusters []Cluster, held map[values.Path]bool) template {
	d := &designer{clusters: clusters, held: held, decided: map[values.Path]expr{}}
	nodes := make([]node, len(clusters))
	for i, c := range clusters {
		tree := map[string]any(c.Values)
		if tree == nil {
			tree = map[string]any{}
		}
		nodes[i] = node{tree, true}
	}
	d.version()
	d.known()
	shared, _ := d.merge("", nodes)
	t := template{shared: shared, quotes: d.quotes, patches: d.patches}
	for _, v := range d.vars {
		t.variables = append(t.variables, *v)
	}
	slices.SortFunc(t.variables, func(a, b Variable) int { return strings.Compare(a.Name, b.Name) })
	t.problems = d.agree()
	return t
}

// node is what one cluster has at a path.
type node struct {
	value any
	there bool
}

// merge is what the shared values have at path, and whether they have anything there. What cannot be shared goes to
// the clusters' patches.
func (d *designer) merge(path values.Path, nodes []node) (any, bool) {
	if d.held[path] {
		return nil, false
	}
	if !all(nodes, func(n node) bool { return n.there }) {
		d.patch(path, nodes, "is not set on every cluster")
		return nil, false
	}
	if all(nodes, isMap) {
		return d.mergeMaps(path, nodes)
	}
	same := all(nodes, func(n node) bool { return values.Equal(n.value, nodes[0].value) })
	if text, ok := d.variable(path, nodes, same); ok {
		return text, true
	}
	if same {
		return nodes[0].value, true
	}
	if list, ok := d.mergeLists(path, nodes); ok {
		return list, true
	}
	d.patch(path, nodes, "differs in shape")
	return nil, false
}

// mergeMaps merges key by key. A map of which only secrets are left is nothing: their Secret brings it.
func (d *designer) mergeMaps(path values.Path, nodes []node) (any, bool) {
	patches := len(d.patches)
	keys := map[string]bool{}
	for _, n := range nodes {
		for key := range n.value.(map[string]any) {
			keys[key] = true
		}
	}
	out := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		below := make([]node, len(nodes))
		for i, n := range nodes {
			below[i].value, below[i].there = n.value.(map[string]any)[key]
		}
		if value, ok := d.merge(path.Child(key), below); ok {
			out[key] = value
		}
	}
	return out, path == "" || len(out) > 0 || len(keys) == 0 || len(d.patches) > patches
}

// mergeLists merges lists of the same length element by element, where all that differs can be a variable.
func (d *designer) mergeLists(path values.Path, nodes []node) (any, bool) {
	if !all(nodes, func(n node) bool { l, ok := n.value.([]any); return ok && len(l) == len(nodes[0].value.([]any)) }) {
		return nil, false
	}
	trial := &designer{clusters: d.clusters, decided: d.decided, vars: copies(d.vars), quotes: d.quotes}
	out := []any{}
	for i := range nodes[0].value.([]any) {
		below := make([]node, len(nodes))
		for j, n := range nodes {
			below[j] = node{n.value.([]any)[i], true}
		}
		value, ok := trial.merge(path.Child(fmt.Sprint(i)), below)
		if !ok || len(trial.patches) > 0 {
			return nil, false
		}
		out = append(out, value)
	}
	d.vars, d.quotes = trial.vars, trial.quotes
	return out, true
}

func copies(vars []*Variable) []*Variable {
	out := make([]*Variable, len(vars))
	for i, v := range vars {
		c := *v
		c.Paths = slices.Clone(v.Paths)
		out[i] = &c
	}
	return out
}

// patch gives each cluster that has something at path a patch of its own.
func (d *designer) patch(path values.Path, nodes []node, why string) {
	for i, n := range nodes {
		if n.there {
			d.patches = append(d.patches, Patch{d.clusters[i].Name, path, d.without(path, n.value), why})
		}
	}
}

// without is value, which stands at path, less what stays out of Git.
func (d *designer) without(path values.Path, value any) any {
	m, ok := value.(map[string]any)
	if !ok {
		return value
	}
	out := map[string]any{}
	for key, below := range m {
		if at := path.Child(key); !d.held[at] {
			out[key] = d.without(at, below)
		}
	}
	return out
}

func isMap(n node) bool { _, ok := n.value.(map[string]any); return ok }

func isScalar(n node) bool {
	switch n.value.(type) {
	case map[string]any, []any:
		return false
	}
	return true
}

func all(nodes []node, holds func(node) bool) bool {
	for _, n := range nodes {
		if !holds(n) {
			return false
		}
	}
	return true
}

// agree says where the settings that are there already would give a cluster something else than it has.
func (d *designer) agree() []Problem {
	var problems []Problem
	for _, v := range d.vars {
		for _, c := range d.clusters {
			now, ok := c.Settings[v.Name]
			if !ok || now == v.Texts[c.Name] {
				continue
			}
			what := "the chart's version"
			if len(v.Paths) > 0 {
				what = string(v.Paths[0])
			}
			problems = append(problems, Problem{
				Where:   c.Name + " " + v.Name,
				Message: fmt.Sprintf("the settings of %s say %q, but %s is %q in its release", c.Name, now, what, v.Texts[c.Name]),
				Next:    "correct the setting in " + c.Path + "/cluster-settings.yaml: what runs must not change by being written down",
			})
		}
	}
	return problems
}
