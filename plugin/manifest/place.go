package manifest

import (
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Find is the key and the value node at a path of keys; list items are their numbers. Aliases are followed.
func (d *Doc) Find(path ...string) (key, value *yaml.Node, found bool) {
	at := d.Node
	for _, step := range path {
		at = follow(at)
		switch at.Kind {
		case yaml.MappingNode:
			key, at = entry(at, step)
		case yaml.SequenceNode:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(at.Content) {
				return nil, nil, false
			}
			key, at = at.Content[i], at.Content[i]
		default:
			return nil, nil, false
		}
		if at == nil {
			return nil, nil, false
		}
	}
	return key, at, true
}

func follow(n *yaml.Node) *yaml.Node {
	for range 8 {
		if n.Kind != yaml.AliasNode {
			break
		}
		n = n.Alias
	}
	return n
}

func entry(mapping *yaml.Node, name string) (key, value *yaml.Node) {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i], mapping.Content[i+1]
		}
	}
	return nil, nil
}

// At is where the field at a path stands, or the nearest field above it that is written.
func (d *Doc) At(path ...string) Place {
	p := Place{File: d.File.Path, Line: d.Node.Line, Column: d.Node.Column}
	for n := len(path); n > 0; n-- {
		if key, _, ok := d.Find(path[:n]...); ok {
			p.Line, p.Column = key.Line, key.Column
			break
		}
	}
	return p
}

// Keys splits "spec.values.cluster.name" for Find and At. A dot inside a key is written \.
func Keys(path string) []string {
	var keys []string
	var key strings.Builder
	for i := 0; i < len(path); i++ {
		switch {
		case path[i] == '\\' && i+1 < len(path):
			i++
			key.WriteByte(path[i])
		case path[i] == '.':
			keys = append(keys, key.String())
			key.Reset()
		default:
			key.WriteByte(path[i])
		}
	}
	return append(keys, key.String())
}

// Get is what stands at a path of a value; nil when nothing does.
func Get(value any, path ...string) any {
	for _, step := range path {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			value = v[i]
		default:
			return nil
		}
	}
	return value
}

// Has tells whether anything, be it null, stands at a path of a value.
func Has(value any, path ...string) bool {
	if len(path) == 0 {
		return true
	}
	parent, ok := Get(value, path[:len(path)-1]...).(map[string]any)
	if !ok {
		return false
	}
	_, ok = parent[path[len(path)-1]]
	return ok
}

// Text is the string at a path of a value; empty where there is none.
func Text(value any, path ...string) string { return text(Get(value, path...)) }

// Leaf is one scalar of a document.
type Leaf struct {
	Path []string
	Node *yaml.Node
}

// Leaves are all scalars of a document, in the order of the text. Aliases are not followed: what they stand for is
// there once.
func (d *Doc) Leaves() []Leaf { return leaves(d.Node, nil, nil) }

func leaves(n *yaml.Node, path []string, out []Leaf) []Leaf {
	step := func(key string) []string { return append(path[:len(path):len(path)], key) }
	switch n.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			out = leaves(n.Content[i+1], step(n.Content[i].Value), out)
		}
	case yaml.SequenceNode:
		for i, item := range n.Content {
			out = leaves(item, step(strconv.Itoa(i)), out)
		}
	case yaml.ScalarNode:
		out = append(out, Leaf{path, n})
	}
	return out
}
