// Package values is about Helm value trees: looking things up in them and laying one over another as Helm does.
// It is pure and knows nothing of clusters, Git or printing.
package values

import (
	"fmt"
	"maps"
	"strings"
)

// Tree is a Helm value tree as JSON decodes it: maps, slices, strings, numbers, booleans and nil.
type Tree map[string]any

// Path names a place in a Tree, its keys joined by dots: "encryption.wireguard.persistentKeepalive".
// A dot inside a key is written \. as Helm's --set spells it.
type Path string

// Keys splits the path at its unescaped dots.
func (p Path) Keys() []string {
	var keys []string
	var key strings.Builder
	for i := 0; i < len(p); i++ {
		switch {
		case p[i] == '\\' && i+1 < len(p):
			i++
			key.WriteByte(p[i])
		case p[i] == '.':
			keys = append(keys, key.String())
			key.Reset()
		default:
			key.WriteByte(p[i])
		}
	}
	return append(keys, key.String())
}

// Child is the path of key below p.
func (p Path) Child(key string) Path {
	key = strings.NewReplacer(`\`, `\\`, `.`, `\.`).Replace(key)
	if p == "" {
		return Path(key)
	}
	return p + "." + Path(key)
}

// Lookup finds what stands at p, and whether anything does: an explicit null is there, a missing key is not.
func (t Tree) Lookup(p Path) (any, bool) {
	var at any = map[string]any(t)
	for _, key := range p.Keys() {
		m, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = m[key]; !ok {
			return nil, false
		}
	}
	return at, true
}

// Text is what stands at p as one would write it after --set: "" for nothing and for null.
// Charts that compare text accept true and "true" alike, and so does Text.
func (t Tree) Text(p Path) string {
	v, ok := t.Lookup(p)
	if !ok || v == nil {
		return ""
	}
	if f, isFloat := v.(float64); isFloat && f == float64(int64(f)) {
		return fmt.Sprint(int64(f))
	}
	return fmt.Sprint(v)
}

// Coalesce lays over on base as Helm lays supplied values on a chart's defaults: maps are merged, anything else
// replaces, and a null in over removes the default. Neither argument is changed.
func Coalesce(base, over Tree) Tree {
	return Tree(coalesce(base, over))
}

// Laid is what Coalesce gives, for reading: it shares with base and over all that did not have to be merged.
func Laid(base, over Tree) Tree {
	return Tree(laid(base, over))
}

func laid(base, over map[string]any) map[string]any {
	out := make(map[string]any, len(base)+len(over))
	maps.Copy(out, base)
	for key, value := range over {
		if value == nil {
			delete(out, key)
			continue
		}
		above, isMap := value.(map[string]any)
		below, wasMap := out[key].(map[string]any)
		if isMap && wasMap {
			value = laid(below, above)
		}
		out[key] = value
	}
	return out
}

func coalesce(base, over map[string]any) map[string]any {
	out := make(map[string]any, len(base)+len(over))
	for key, value := range base {
		out[key] = clone(value)
	}
	for key, value := range over {
		if value == nil {
			delete(out, key)
			continue
		}
		above, isMap := value.(map[string]any)
		below, wasMap := out[key].(map[string]any)
		if isMap && wasMap {
			out[key] = coalesce(below, above)
			continue
		}
		out[key] = clone(value)
	}
	return out
}

// clone copies what is in a Tree, so that trees do not share what is below them.
func clone(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := make(map[string]any, len(v))
		for key := range v {
			out[key] = clone(v[key])
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = clone(v[i])
		}
		return out
	}
	return value
}
