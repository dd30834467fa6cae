package values_test

import (
	"reflect"
	"slices"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

func tree() values.Tree {
	return values.Tree{
		"encryption": map[string]any{"enabled": true, "type": "wireguard", "nothing": nil},
		"cluster":    map[string]any{"id": 1.0, "big": 4294967296.0, "half": 0.5, "name": "infra"},
		"podLabels":  map[string]any{"app.kubernetes.io/name": "cilium", `back\slash`: "odd", "": "empty"},
		"list":       []any{"a", 1.0},
		"text":       "true",
	}
}

func TestLookupAndText(t *testing.T) {
	for path, want := range map[values.Path]struct {
		text  string
		there bool
	}{
		"encryption.enabled":                 {"true", true},
		"text":                               {"true", true},
		"encryption.nothing":                 {"", true},
		"encryption.absent":                  {"", false},
		"encryption.type.deeper":             {"", false},
		"encryption.nothing.deeper":          {"", false},
		"list.0":                             {"", false},
		"list":                               {"[a 1]", true},
		"cluster.id":                         {"1", true},
		"cluster.big":                        {"4294967296", true},
		"cluster.half":                       {"0.5", true},
		`podLabels.app\.kubernetes\.io/name`: {"cilium", true},
		`podLabels.back\\slash`:              {"odd", true},
		"podLabels.app.kubernetes.io/name":   {"", false},
		"podLabels.":                         {"empty", true},
		"":                                   {"", false},
	} {
		_, there := tree().Lookup(path)
		if text := tree().Text(path); there != want.there || text != want.text {
			t.Errorf("%q: %q, %v; want %q, %v", path, text, there, want.text, want.there)
		}
	}
	if _, there := values.Tree(nil).Lookup("a"); there {
		t.Error("something is in nothing")
	}
}

func TestChild(t *testing.T) {
	p := values.Path("").Child("podLabels").Child("app.kubernetes.io/name").Child(`a\b`)
	if want := values.Path(`podLabels.app\.kubernetes\.io/name.a\\b`); p != want {
		t.Errorf("got %s, want %s", p, want)
	}
	if keys := values.Path(`a\`).Keys(); !slices.Equal(keys, []string{`a\`}) {
		t.Errorf("a last backslash escapes nothing: %q", keys)
	}
}

func FuzzKeys(f *testing.F) {
	f.Add("a", "b.c", `d\`)
	f.Add("a", "", ".")
	f.Add(`\`, `\.`, `.\`)
	f.Fuzz(func(t *testing.T, one, two, three string) {
		if one == "" {
			return // the path of no key at all
		}
		keys := []string{one, two, three}
		var p values.Path
		for _, key := range keys {
			p = p.Child(key)
		}
		if got := p.Keys(); !slices.Equal(got, keys) {
			t.Errorf("%q became %s and that %q", keys, p, got)
		}
		tree := values.Tree{one: map[string]any{two: map[string]any{three: "here"}}}
		if got := tree.Text(p); got != "here" {
			t.Errorf("%s finds %q", p, got)
		}
	})
}

func TestCoalesce(t *testing.T) {
	m := func(pairs ...any) map[string]any {
		out := map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			out[pairs[i].(string)] = pairs[i+1]
		}
		return out
	}
	for name, c := range map[string]struct{ base, over, want map[string]any }{
		"laid over":         {m("a", 1.0, "b", 2.0), m("b", 3.0, "c", 4.0), m("a", 1.0, "b", 3.0, "c", 4.0)},
		"maps are merged":   {m("m", m("a", 1.0, "b", 2.0)), m("m", m("b", 3.0)), m("m", m("a", 1.0, "b", 3.0))},
		"lists are not":     {m("l", []any{1.0, 2.0}), m("l", []any{3.0}), m("l", []any{3.0})},
		"empty list":        {m("l", []any{1.0}), m("l", []any{}), m("l", []any{})},
		"null deletes":      {m("a", 1.0, "m", m("b", 2.0, "c", 3.0)), m("a", nil, "m", m("b", nil)), m("m", m("c", 3.0))},
		"null of nothing":   {m("a", 1.0), m("b", nil), m("a", 1.0)},
		"null deletes maps": {m("m", m("a", 1.0)), m("m", nil), m()},
		"scalar over map":   {m("m", m("a", 1.0)), m("m", "x"), m("m", "x")},
		"map over scalar":   {m("m", "x"), m("m", m("a", 1.0)), m("m", m("a", 1.0))},
		"empty map keeps":   {m("m", m("a", 1.0)), m("m", m()), m("m", m("a", 1.0))},
		"false and zero":    {m("a", true, "b", 1.0), m("a", false, "b", 0.0), m("a", false, "b", 0.0)},
		"default null":      {m("a", nil), m(), m("a", nil)},
		"no base":           {nil, m("a", 1.0), m("a", 1.0)},
		"nothing over":      {m("a", 1.0), nil, m("a", 1.0)},
		"neither":           {nil, nil, m()},
	} {
		got := values.Coalesce(c.base, c.over)
		if !reflect.DeepEqual(map[string]any(got), c.want) {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
		if shared := values.Laid(c.base, c.over); !reflect.DeepEqual(shared, got) {
			t.Errorf("%s: for reading: got %v, want %v", name, shared, got)
		}
	}
}

// TestCoalesceSharesNothing changes the outcome everywhere and finds both arguments as they were.
func TestCoalesceSharesNothing(t *testing.T) {
	base, over := tree(), values.Tree{"encryption": map[string]any{"type": "ipsec"}, "own": map[string]any{"list": []any{map[string]any{"a": 1.0}}}}
	wantOver := values.Coalesce(nil, over)
	out := values.Coalesce(base, over)
	var spoil func(any)
	spoil = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			for key := range v {
				spoil(v[key])
				v[key] = "spoiled"
			}
		case []any:
			for i := range v {
				spoil(v[i])
				v[i] = "spoiled"
			}
		}
	}
	spoil(map[string]any(out))
	if !reflect.DeepEqual(base, tree()) || !reflect.DeepEqual(over, wantOver) {
		t.Errorf("base %v\nover %v", base, over)
	}
}
