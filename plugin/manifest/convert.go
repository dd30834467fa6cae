package manifest

import (
	"math"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// converter turns nodes into values, with a budget for all of a file: aliases are followed, and counted each time.
type converter struct {
	path   string
	budget *int
}

func (c converter) value(n *yaml.Node, depth int) (any, error) {
	*c.budget--
	if *c.budget < 0 {
		return nil, limit(c.path, n.Line, "holds more than %d values when aliases are followed", MaxNodes)
	}
	if depth > MaxDepth {
		return nil, limit(c.path, n.Line, "is nested deeper than %d", MaxDepth)
	}
	switch n.Kind {
	case yaml.AliasNode:
		return c.value(n.Alias, depth+1)
	case yaml.MappingNode:
		return c.mapping(n, depth)
	case yaml.SequenceNode:
		list := make([]any, 0, len(n.Content))
		for _, item := range n.Content {
			v, err := c.value(item, depth+1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		return list, nil
	}
	return Scalar(n), nil
}

func (c converter) mapping(n *yaml.Node, depth int) (any, error) {
	out := make(map[string]any, len(n.Content)/2)
	seen := make(map[string]bool, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, node := n.Content[i], n.Content[i+1]
		v, err := c.value(node, depth+1)
		if err != nil {
			return nil, err
		}
		if key.Tag == "!!merge" {
			merge(out, v)
			continue
		}
		if key.Kind == yaml.AliasNode {
			key = key.Alias
		}
		if key.Kind != yaml.ScalarNode {
			return nil, &Error{Place: Place{c.path, key.Line, key.Column}, Reason: "a key is no plain text"}
		}
		if seen[key.Value] {
			return nil, &Error{
				Place: Place{c.path, key.Line, key.Column}, Reason: "the key " + strconv.Quote(key.Value) + " stands here for the second time",
			}
		}
		seen[key.Value] = true
		out[key.Value] = v
	}
	return out, nil
}

// merge lays what a merge key refers to below what is there.
func merge(out map[string]any, v any) {
	switch m := v.(type) {
	case map[string]any:
		for key, value := range m {
			if _, ok := out[key]; !ok {
				out[key] = value
			}
		}
	case []any:
		for _, item := range m {
			merge(out, item)
		}
	}
}

// Scalar is the value of a scalar node as JSON would hold it.
func Scalar(n *yaml.Node) any {
	switch n.ShortTag() {
	case "!!null":
		return nil
	case "!!bool":
		var b bool
		if n.Decode(&b) == nil {
			return b
		}
	case "!!int":
		if i, err := strconv.ParseInt(strings.ReplaceAll(n.Value, "_", ""), 0, 64); err == nil {
			return i
		}
		var f float64
		if n.Decode(&f) == nil {
			return f
		}
	case "!!float":
		var f float64
		if n.Decode(&f) == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f
		}
	}
	return n.Value
}
