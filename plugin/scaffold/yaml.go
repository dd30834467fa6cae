package scaffold

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// block writes v as YAML, every line indented by that many spaces. Variables are plain scalars in block style: in a
// flow map their braces would be YAML's. What only looks like a variable is escaped for Flux.
func block(v any, indent int) string {
	return indented(encode(toNode(v)), indent)
}

func indented(text string, indent int) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) != "" {
			out.WriteString(strings.Repeat(" ", indent))
		}
		out.WriteString(line)
	}
	return out.String()
}

func encode(n *yaml.Node) string {
	var out bytes.Buffer
	enc := yaml.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(n); err != nil {
		panic("scaffold: " + err.Error()) // the nodes are our own
	}
	return out.String()
}

func toNode(v any) *yaml.Node {
	switch v := v.(type) {
	case expr:
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: string(v)}
	case values.Tree:
		return toNode(map[string]any(v))
	case map[string]any:
		n := &yaml.Node{Kind: yaml.MappingNode}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			n.Content = append(n.Content, toNode(key), toNode(v[key]))
		}
		return n
	case []any:
		n := &yaml.Node{Kind: yaml.SequenceNode}
		for _, item := range v {
			n.Content = append(n.Content, toNode(item))
		}
		return n
	case string:
		return text(escape(v))
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return toNode(int64(v))
		}
	}
	n := &yaml.Node{}
	if err := n.Encode(v); err != nil {
		panic("scaffold: " + err.Error())
	}
	return n
}

// lines matches the texts of several lines that need no escapes in a block: they begin with no space and end in one
// line end at most.
var lines = regexp.MustCompile(`^[^\s\pC](?:[^\pC]|\n)*[^\s\pC]\n?$`)

// text is a string as a node. What older YAML reads as something else (yes, off, 1_000) is quoted, too.
func text(s string) *yaml.Node {
	n := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	switch {
	case strings.Contains(s, "\n"):
		n.Style = yaml.DoubleQuotedStyle
		if lines.MatchString(s) {
			n.Style = yaml.LiteralStyle
		}
	case !reads(s, s):
		n.Style = yaml.DoubleQuotedStyle
	}
	return n
}

// escape is s as Flux has to be given it: two dollars for one, where one would begin a variable.
func escape(s string) string {
	if strings.Contains(s, "${") || strings.Contains(s, "$$") {
		return strings.ReplaceAll(s, "$", "$$")
	}
	return s
}

// rawMap is a map of one text that is not ours to escape.
func rawMap(key, value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{text(key), text(value)}}
}

// quoted is s as a YAML string in double quotes, or plain where that is the same.
func quoted(s string) string {
	if reads(s, s) {
		return s
	}
	if !strings.ContainsAny(s, "'\n") && strings.ContainsAny(s, `"\`) {
		return "'" + s + "'"
	}
	return fmt.Sprintf("%q", s)
}
