package values

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	a := Tree{
		"same": map[string]any{"x": 1.0}, "changed": "a", "gone": map[string]any{"x": 1.0}, "type": "true", "null": nil,
		"list": []any{"a", map[string]any{"k": 1.0}}, "longer": []any{"a"}, "a.b": 1.0, "shape": map[string]any{},
	}
	b := Tree{
		"same": map[string]any{"x": int64(1)}, "changed": "b", "new": map[string]any{}, "type": true,
		"list": []any{"a", map[string]any{"k": 2.0}}, "longer": []any{"a", "b"}, "a.b": 2.0, "shape": "text",
	}
	want := []Delta{
		{Path: `a\.b`, Class: Changed, From: 1.0, To: 2.0},
		{Path: "changed", Class: Changed, From: "a", To: "b"},
		{Path: "gone", Class: Removed, From: map[string]any{"x": 1.0}},
		{Path: "list.1.k", Class: Changed, From: 1.0, To: 2.0},
		{Path: "longer", Class: Changed, From: []any{"a"}, To: []any{"a", "b"}},
		{Path: "new", Class: Added, To: map[string]any{}},
		{Path: "null", Class: Removed},
		{Path: "shape", Class: Changed, From: map[string]any{}, To: "text"},
		{Path: "type", Class: TypeOnly, From: "true", To: true},
	}
	if diff := cmp.Diff(want, Diff(a, b)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	laws(t, a, b)
}

// laws hold of any two trees.
func laws(t *testing.T, a, b Tree) {
	t.Helper()
	if d := Diff(a, a); len(d) > 0 {
		t.Errorf("Diff(a, a) is %v", d)
	}
	before := fmt.Sprint(a)
	deltas := Diff(a, b)
	if diff := cmp.Diff(Swap(deltas), Diff(b, a)); diff != "" {
		t.Errorf("Diff(b, a) is not Diff(a, b) from the other side (-want +got):\n%s", diff)
	}
	got, err := Apply(deltas, a)
	if err != nil || !Equal(got, b) {
		t.Errorf("a with Diff(a, b) applied is %v, %v; want %v", got, err, b)
	}
	if (len(deltas) == 0) != Equal(a, b) {
		t.Errorf("%d differences, but Equal says %v", len(deltas), Equal(a, b))
	}
	if fmt.Sprint(a) != before {
		t.Errorf("a was %s and is %v", before, a)
	}
}

func FuzzDiff(f *testing.F) {
	f.Add(`{"a":1}`, `{"a":"1"}`)
	f.Add(`{"a":{"b":[1,{"c":null}]}}`, `{"a":{"b":[1,{"c":[]}]},"d.e":{}}`)
	f.Add(`{"x":{"":0}}`, `{"x":{"":{}}}`)
	f.Add(`{"\\":{".":0}}`, `{"\\.":1e400}`)
	f.Fuzz(func(t *testing.T, one, other string) {
		var a, b map[string]any
		if json.Unmarshal([]byte(one), &a) != nil || json.Unmarshal([]byte(other), &b) != nil || nameless(a) || nameless(b) {
			return
		}
		laws(t, a, b)
	})
}

func TestApplyFails(t *testing.T) {
	for _, path := range []Path{"a.b.c", "list.x", "list.2", "list.-1", "text.x"} {
		if got, err := Apply([]Delta{{Path: path, Class: Changed, To: 1}}, Tree{"list": []any{1, 2}, "text": "t", "a": map[string]any{}}); err == nil {
			t.Errorf("%s leads nowhere; got %v", path, got)
		}
	}
}

func TestAgainstDefaults(t *testing.T) {
	defaults := Tree{"hubble": map[string]any{"enabled": true, "port": 4244.0}, "ipam": map[string]any{"mode": "cluster-pool"}, "list": []any{"a"}}
	for _, c := range []struct {
		from, to Tree
		want     Class
	}{
		{Tree{}, Tree{"hubble": map[string]any{"enabled": true}}, Default},
		{Tree{"hubble": map[string]any{"enabled": true}}, Tree{}, Default},
		{Tree{}, Tree{"hubble": map[string]any{"enabled": false}}, Added},
		{Tree{}, Tree{"hubble": map[string]any{"enabled": "true"}}, Added},
		{Tree{}, Tree{"list": []any{"a"}}, Default},
		{Tree{}, Tree{"list": []any{}}, Added},
		{Tree{}, Tree{"unheard": 1.0}, Added},
		{Tree{}, Tree{"ipam": nil}, Added},
		{Tree{"ipam": map[string]any{"mode": "kubernetes"}}, Tree{"ipam": map[string]any{"mode": "cluster-pool"}}, Changed},
	} {
		got := AgainstDefaults(Diff(c.from, c.to), defaults)
		if len(got) != 1 || got[0].Class != c.want {
			t.Errorf("%v to %v: want one of class %s, got %v", c.from, c.to, c.want, got)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b any
		want bool
	}{
		{1, 1.0, true}, {int64(1), json.Number("1.0"), true}, {1, "1", false}, {true, "true", false}, {nil, nil, true}, {nil, "", false},
		{nil, map[string]any{}, false}, {map[string]any{}, Tree{}, true}, {[]any{}, map[string]any{}, false}, {[]any{1}, []any{1.0}, true},
		{map[string]any{"a": nil}, map[string]any{}, false}, {1.5, 1.5, true}, {0.1, json.Number("0.1"), false}, {"a", []any{"a"}, false},
	} {
		if got := Equal(c.a, c.b); got != c.want {
			t.Errorf("Equal(%#v, %#v) is %v", c.a, c.b, got)
		}
		if got := Equal(c.b, c.a); got != c.want {
			t.Errorf("Equal(%#v, %#v) is %v", c.b, c.a, got)
		}
	}
}
