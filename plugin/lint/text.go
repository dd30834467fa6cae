package lint

import (
	"fmt"
	"regexp"

	"go.yaml.in/yaml/v3"

	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// expression matches a variable of Flux's substitution; $${x} is an escaped one.
var expression = regexp.MustCompile(`(\$\$)?\$\{([_a-zA-Z][_a-zA-Z0-9]*)([^}]*)\}|\$\$\{`)

// expressions are the names of the variables in a text.
func expressions(s string) []string {
	var names []string
	for _, m := range expression.FindAllStringSubmatchIndex(s, -1) {
		escaped := m[0] > 0 && s[m[0]-1] == '$' || m[4] < 0 || m[2] >= 0
		if !escaped {
			names = append(names, s[m[4]:m[5]])
		}
	}
	return names
}

// text is a scalar as one would write it; empty for anything else.
func text(v any) string {
	switch v := v.(type) {
	case nil, map[string]any, []any:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

// node is the scalar that stands at a field of the document that s comes from.
func (s *subject) node(field string) *yaml.Node {
	if s.Doc == nil {
		return nil
	}
	if _, n, ok := s.Doc.Find(manifest.Keys(field)...); ok && n.Kind == yaml.ScalarNode {
		return n
	}
	return nil
}

// scalarAt is what is written there, before anything is put in.
func scalarAt(s *subject, field string) string {
	if n := s.node(field); n != nil {
		return n.Value
	}
	return ""
}

// variableName matches what Flux takes for a variable's name.
var variableName = regexp.MustCompile(`^[_[:alpha:]][_[:alpha:][:digit:]]*$`)

// docOr is the document that s comes from; an empty one where it is generated.
func (s *subject) docOr() *manifest.Doc {
	if s.Doc != nil {
		return s.Doc
	}
	return &manifest.Doc{File: &manifest.File{Path: s.File}, Node: &yaml.Node{}, Value: map[string]any{}}
}
