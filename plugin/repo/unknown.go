package repo

import (
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// Why a variable's value is not known, where no cluster was asked.
const (
	encryptedInTree = "it is encrypted in the tree"
	notInTree       = "it is not in the tree"
)

// absent is a ConfigMap or Secret that the tree does not have, "Kind/namespace/name", and why it is not known.
type absent struct{ from, why string }

// placeholder stands for a value that is not known: the expression itself. Nothing judges it, and nothing applies it.
func placeholder(name string) string { return "${" + name + "}" }

// unknown is the variable of that name, where only the cluster knows its value.
func (s *scope) unknown(name string) (definition, bool) {
	if d, defined := s.defs[name]; defined {
		return d, d.why != ""
	}
	if len(s.absent) == 0 {
		return definition{}, false
	}
	var from []string
	for _, a := range s.absent {
		from = append(from, a.from)
	}
	return definition{name: name, from: strings.Join(from, ", "), secret: true, why: s.absent[0].why}, true
}

// given are the values that are put into text: those that are not known are their own placeholders.
func (s *scope) given(text string) map[string]string {
	values := s.values()
	if len(s.absent) == 0 {
		return values
	}
	for _, e := range expressions(text) {
		if d, unknown := s.unknown(e.name); unknown {
			values[d.name] = placeholder(d.name)
		}
	}
	return values
}

// composing are what Cilium's values are composed of: the HelmRelease, and the objects that its valuesFrom names.
func (w *walk) composing(g *facts.Git) []*Object {
	r := g.Cilium()
	if r == nil {
		return nil
	}
	var all []*Object
	add := func(kind, name string) {
		if o := w.objects[id{kind, r.Namespace, name}]; o != nil {
			all = append(all, o)
		}
	}
	add("HelmRelease", r.Name)
	for _, ref := range r.ValuesFrom {
		add(ref.Kind, ref.Name)
	}
	return all
}

// unknowns are the fields that are not known of what brings Cilium about: what its values are composed of, its chart's
// source, and the Kustomization that applies it.
func (w *walk) unknowns(g *facts.Git) []facts.GitUnknown {
	r := g.Cilium()
	if r == nil {
		return nil
	}
	objects := w.composing(g)
	if s := r.Chart.Source; s != nil {
		objects = append(objects, w.objects[id{s.Kind, s.Namespace, s.Name}])
	}
	if namespace, name, ok := strings.Cut(r.By, "/"); ok {
		objects = append(objects, w.objects[id{"Kustomization", namespace, name}])
	}
	var all []facts.GitUnknown
	for _, o := range objects {
		for _, u := range o.unknown() {
			if len(all) < facts.MaxUnknown && !slices.Contains(all, u) {
				all = append(all, u)
			}
		}
	}
	return all
}

// unknown are the fields of o that are made of variables which are not known.
func (o *Object) unknown() []facts.GitUnknown {
	if o == nil || o.scope == nil {
		return nil
	}
	before, err := manifest.Parse("", o.built)
	if err != nil || len(before.Docs) == 0 {
		return nil
	}
	var all []facts.GitUnknown
	texts(before.Docs[0].Value, nil, func(text string, at []string) {
		for _, e := range expressions(text) {
			if d, unknown := o.scope.unknown(e.name); unknown {
				all = append(all, facts.GitUnknown{
					GitPlace: o.at(at...), Object: o.ref(), Field: join(at), Variable: d.name, From: d.from, Why: d.why,
				})
			}
		}
	})
	return all
}

// undecided tells whether o is made of variables that are not known: what they make of it is not judged.
func (o *Object) undecided() bool { return len(o.unknown()) > 0 }

// texts calls do for every text of v, its keys too, with its path.
func texts(v any, at []string, do func(text string, at []string)) {
	switch v := v.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			do(key, at)
			texts(v[key], append(slices.Clone(at), key), do)
		}
	case []any:
		for i, item := range v {
			texts(item, append(slices.Clone(at), itoa(i)), do)
		}
	case string:
		do(v, at)
	}
}
