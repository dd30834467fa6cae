package lint

import (
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// given are the values of one release in one cluster, composed of all that they are taken from.
type given struct {
	values.Tree

	clusters []string
}

// values are a HelmRelease's in each of its clusters; as written, where no cluster has it.
func (x *index) values(s *subject) []given {
	var all []given
	for _, c := range x.Clusters {
		if !slices.Contains(s.clusters, c.Name) {
			continue
		}
		for _, r := range c.Git.Releases {
			if r.Namespace == s.Namespace && r.Name == s.Name && r.Values != nil {
				all = append(all, given{r.Values, []string{c.Name}})
			}
		}
	}
	if len(all) == 0 && len(s.clusters) == 0 {
		inline, _ := s.get("spec.values").(map[string]any)
		all = append(all, given{Tree: values.Tree(inline)})
	}
	return all
}

// finding begins one about a value.
func (v given) finding(s *subject, path values.Path, message string) Finding {
	f := s.finding("spec.values."+string(path), message)
	if !s.has("spec.values."+string(path)) && s.has("spec.valuesFrom") {
		f.Place = s.at("spec.valuesFrom")
	}
	f.Clusters = v.clusters
	return f
}

// on tells whether a switch is on: true, or "true".
func (v given) on(path values.Path) bool { return v.Text(path) == "true" }

// decided tells whether a value is known: in a file that no cluster applies it may be a variable.
func decided(text string) bool { return len(expressions(text)) == 0 }

func placeOf(p facts.GitPlace) manifest.Place {
	return manifest.Place{File: p.File, Line: p.Line, Column: p.Column}
}
