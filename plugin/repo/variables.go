package repo

import (
	"encoding/base64"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// definition is one variable's value and where it is from.
type definition struct {
	name   string
	value  string
	from   string
	secret bool
	why    string // only the cluster knows the value, and why; empty where it is known
	place  facts.GitPlace
}

// scope is what a Kustomization substitutes.
type scope struct {
	defs       map[string]definition // the one that wins, by name
	all        []definition
	references []facts.GitReference
	active     bool // substitution is asked for, and has something to go by
	written    bool // spec.postBuild is there
	// absent are what variables are taken from and the tree does not have: what they define is not known.
	absent []absent
}

func (s scope) values() map[string]string {
	values := make(map[string]string, len(s.defs))
	for name, d := range s.defs {
		values[name] = d.value
	}
	return values
}

func (s *scope) define(d definition) {
	s.defs[d.name] = d
	s.all = append(s.all, d)
}

// ready tells whether everything that k takes variables from has been seen.
func (w *walk) ready(k *kustomization) bool {
	for _, r := range k.references() {
		if !r.Optional && w.objects[id{r.Kind, k.namespace, r.Name}] == nil {
			return false
		}
	}
	return true
}

// scope reads what k substitutes: ConfigMaps and Secrets of its namespace in their order, then what it says itself.
func (w *walk) scope(k *kustomization) scope {
	s := scope{defs: map[string]definition{}}
	postBuild, ok := manifest.Get(k.spec, "postBuild").(map[string]any)
	if !ok {
		return s
	}
	s.written = true
	for i, r := range k.references() {
		o := w.objects[id{r.Kind, k.namespace, r.Name}]
		if r.Found, r.Encrypted = o != nil, o != nil && o.encrypted(); !r.Found && !r.Optional {
			w.missingVariables(k, i, r)
		}
		s.references = append(s.references, r)
		for _, d := range w.source(&s, k, r, o) {
			s.define(d)
		}
	}
	inline, _ := postBuild["substitute"].(map[string]any)
	for _, name := range sortedKeys(inline) {
		value, _ := inline[name].(string)
		at := k.place("spec", "postBuild", "substitute", name)
		s.define(definition{name: name, value: value, from: "Kustomization/" + k.id(), place: at})
	}
	s.active = len(s.defs)+len(s.absent) > 0 || manifest.Text(postBuild, "substituteStrategy") == "Always"
	return s
}

func (w *walk) missingVariables(k *kustomization, i int, r facts.GitReference) {
	w.problem(facts.GitProblem{
		GitPlace: k.place("spec", "postBuild", "substituteFrom", itoa(i), "name"), Kind: facts.ProblemMissing,
		By: k.id(), Object: r.Kind + "/" + k.namespace + "/" + r.Name,
		Message: "variables are taken from " + r.Kind + " " + k.namespace + "/" + r.Name + ", which nothing in this tree applies for this cluster",
	})
}

// data are the variables that a ConfigMap or a Secret defines.
func (o *Object) data() []definition {
	secret := o.Kind == "Secret"
	from := o.Kind + "/" + o.Namespace + "/" + o.Name
	var all []definition
	add := func(field string, decode bool) {
		data, _ := o.Body[field].(map[string]any)
		for _, name := range sortedKeys(data) {
			value, _ := data[name].(string)
			if plain, err := base64.StdEncoding.DecodeString(value); decode && err == nil {
				value = string(plain)
			}
			why := ""
			if secret && o.encrypted() {
				value, why = placeholder(name), encryptedInTree
			}
			all = append(all, definition{name: name, value: value, from: from, secret: secret, why: why, place: o.at(field, name)})
		}
	}
	add("data", secret)
	if secret {
		add("stringData", false)
	}
	return all
}

// encrypted tells whether a Secret is sealed by SOPS: its keys can be read, its values cannot.
func (o *Object) encrypted() bool {
	return o.Kind == "Secret" && (o.Body["sops"] != nil || o.sealed)
}

// uses are where the variables of a build stand in the sources.
func (w *walk) uses(k *kustomization, o *Object, text string) {
	found := expressions(text)
	if len(found) == 0 {
		return
	}
	var known []usedVariable
	if o.Source != nil {
		known = usesOf(o.Source)
	}
	for _, e := range found {
		u := facts.GitUse{Object: o.ref(), Expression: e.text, Default: e.fallback, GitPlace: o.GitPlace}
		if i := slices.IndexFunc(known, func(u usedVariable) bool { return u.expression.text == e.text }); i >= 0 {
			u.GitPlace, u.Field = known[i].place, known[i].field
			known = slices.Delete(known, i, i+1)
		}
		w.used[e.name] = appendUse(w.used[e.name], use{GitUse: u, by: k.id()})
	}
}

type use struct {
	facts.GitUse

	by string
}

func appendUse(all []use, u use) []use {
	if slices.Contains(all, u) {
		return all
	}
	return append(all, u)
}

type usedVariable struct {
	expression

	place facts.GitPlace
	field string
}

// usesOf are the expressions in a document's values, with their places.
func usesOf(doc *manifest.Doc) []usedVariable {
	var all []usedVariable
	for _, leaf := range doc.Leaves() {
		for _, e := range expressions(leaf.Node.Value) {
			at := facts.GitPlace{File: doc.File.Path, Line: leaf.Node.Line + e.line, Column: leaf.Node.Column}
			if e.line > 0 || leaf.Node.Style&literalStyles != 0 {
				at.Line, at.Column = leaf.Node.Line+e.line+boolInt(leaf.Node.Style&literalStyles != 0), 0
			}
			all = append(all, usedVariable{e, at, join(leaf.Path)})
		}
	}
	return all
}
