package repo

import (
	"cmp"
	"reflect"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// shortSecret is the length below which a secret's text is not looked for: too much else would look like it.
const shortSecret = 6

func compare(a, b string) int { return cmp.Compare(a, b) }

// mask takes out of g what came from Secrets by substitution, wherever it went.
func (w *walk) mask(g *facts.Git) {
	secret := map[string]bool{}
	var texts []string
	for i := range g.Variables {
		v := &g.Variables[i]
		if !v.Secret {
			v.Value = facts.RedactData(map[string]string{v.Name: v.Value})[v.Name]
			continue
		}
		if v.Unknown {
			v.Value = ""
			continue
		}
		secret[v.Name] = true
		texts = hide(texts, v.Value)
		v.Value = facts.Redacted
	}
	for _, o := range w.composing(g) { // what the cluster has told
		if o.scope == nil {
			continue
		}
		for name, d := range o.scope.defs {
			if d.secret && d.why == "" {
				secret[name] = true
				texts = hide(texts, d.value)
			}
		}
	}
	for i := range g.Releases {
		r := &g.Releases[i]
		for _, t := range r.Templated {
			for _, name := range t.Variables {
				if secret[name] {
					set(r.Values, t.Path)
				}
			}
		}
	}
	if len(texts) > 0 {
		cover(reflect.ValueOf(g).Elem(), texts)
	}
}

// hide adds a secret to the texts that are looked for.
func hide(texts []string, secret string) []string {
	if len(secret) < shortSecret {
		return texts
	}
	return append(texts, secret, strings.ReplaceAll(secret, "\n", ""))
}

// set masks what stands at a path of a value tree.
func set(t values.Tree, at values.Path) {
	keys := at.Keys()
	node := map[string]any(t)
	for i, key := range keys {
		if i == len(keys)-1 {
			if _, there := node[key]; there {
				node[key] = facts.Redacted
			}
			return
		}
		switch below := node[key].(type) {
		case map[string]any:
			node = below
		default: // a list: all of it
			if _, there := node[key]; there {
				node[key] = facts.Redacted
			}
			return
		}
	}
}

// cover replaces texts in every string of v.
func cover(v reflect.Value, texts []string) {
	switch v.Kind() {
	case reflect.String:
		for _, t := range texts {
			if strings.Contains(v.String(), t) {
				v.SetString(strings.ReplaceAll(v.String(), t, facts.Redacted))
			}
		}
	case reflect.Pointer:
		if !v.IsNil() {
			cover(v.Elem(), texts)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			cover(v.Field(i), texts)
		}
	case reflect.Slice:
		for i := range v.Len() {
			cover(v.Index(i), texts)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(v.MapIndex(key))
			cover(value, texts)
			v.SetMapIndex(key, value)
		}
	case reflect.Interface:
		if !v.IsNil() {
			inner := reflect.New(v.Elem().Type()).Elem()
			inner.Set(v.Elem())
			cover(inner, texts)
			v.Set(inner)
		}
	}
}
