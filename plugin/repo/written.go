package repo

import (
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// written is a node, and where in the tree it stands.
type written struct {
	file string
	node *yaml.Node
	// lines are those of the file above the text that the node was read from.
	lines int
	// fixed stands for the node's place where its lines are not those of the file.
	fixed *manifest.Place
	text  []string // the lines of the file
}

// place is where a node stands. What stands in a text inside of another is found by its line.
func (w written) place() manifest.Place {
	if w.fixed != nil {
		return *w.fixed
	}
	p := manifest.Place{File: w.file, Line: w.node.Line + w.lines, Column: w.node.Column}
	if w.lines > 0 && p.Line <= len(w.text) { // how deep the text stands in the file, its line tells
		if line := w.text[p.Line-1]; w.node.Kind != yaml.ScalarNode || strings.Contains(line, w.node.Value) {
			i := 0
			if w.node.Kind == yaml.ScalarNode && w.node.Value != "" {
				i = strings.Index(line, w.node.Value)
			} else {
				i = len(line) - len(strings.TrimLeft(line, " "))
			}
			p.Column = i + 1
		}
	}
	return p
}

// below is another node of the same text.
func (w written) below(n *yaml.Node) written {
	w.node = n
	return w
}

// inner is the text that a scalar holds, as a node of its own; false where it is none.
func (w written) inner(text string) (written, bool) {
	var root yaml.Node
	if yaml.Unmarshal([]byte(text), &root) != nil || len(root.Content) == 0 {
		return written{}, false
	}
	out := w.below(root.Content[0])
	if w.node != nil && w.fixed == nil && w.node.Style&yaml.LiteralStyle != 0 {
		out.lines = w.lines + w.node.Line
	} else if w.node != nil && w.fixed == nil {
		at := w.place()
		out.fixed = &at
	}
	return out, true
}

// get is the value of a key, or an item of a list.
func (w written) get(key string) (written, bool) {
	if w.node == nil || w.node.Kind != yaml.MappingNode {
		return written{}, false
	}
	for i := 0; i+1 < len(w.node.Content); i += 2 {
		if w.node.Content[i].Value == key {
			return w.below(w.node.Content[i+1]), true
		}
	}
	return written{}, false
}

func (w written) items() []written {
	var all []written
	if w.node != nil && w.node.Kind == yaml.SequenceNode {
		for _, n := range w.node.Content {
			all = append(all, w.below(n))
		}
	}
	return all
}

func (w written) value() any {
	var v any
	if w.node == nil || w.node.Decode(&v) != nil {
		return nil
	}
	return v
}

// rootOf is a document's node.
func rootOf(doc *manifest.Doc) written {
	return written{file: doc.File.Path, node: doc.Node, text: strings.Split(string(doc.File.Text), "\n")}
}
