package values

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiffThree(t *testing.T) {
	trees := [3]Tree{
		{"same": 1.0, "odd0": "x", "each": 1.0, "type": "1", "m": map[string]any{"k": true}, "list": []any{1.0}, "def": true, "null": nil},
		{"same": int64(1), "odd0": "y", "each": 2.0, "type": 1.0, "m": map[string]any{"k": true}, "list": []any{1.0}, "null": nil},
		{"same": 1.0, "odd0": "y", "each": 3.0, "type": 1.0, "m": map[string]any{}, "list": []any{2.0}},
	}
	want := []Across{
		{Path: "def", Class: Default, Values: [3]any{true, nil, nil}, Absent: [3]bool{false, true, true}, Odd: 0},
		{Path: "each", Class: Changed, Values: [3]any{1.0, 2.0, 3.0}, Odd: -1},
		{Path: "list", Class: Changed, Values: [3]any{[]any{1.0}, []any{1.0}, []any{2.0}}, Odd: 2},
		{Path: "m", Class: Changed, Values: [3]any{nil, nil, map[string]any{}}, Absent: [3]bool{true, true, false}, Odd: 2},
		{Path: "m.k", Class: Changed, Values: [3]any{true, true, nil}, Absent: [3]bool{false, false, true}, Odd: 2},
		{Path: "null", Class: Changed, Absent: [3]bool{false, false, true}, Odd: 2},
		{Path: "odd0", Class: Changed, Values: [3]any{"x", "y", "y"}, Odd: 0},
		{Path: "type", Class: TypeOnly, Values: [3]any{"1", 1.0, 1.0}, Odd: 0},
	}
	if diff := cmp.Diff(want, DiffThree(trees, Tree{"def": true})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	trees[0], trees[1] = Tree{"def": true}, Tree{"def": false}
	trees[2] = Tree{}
	if got := DiffThree(trees, Tree{"def": true}); len(got) != 1 || got[0].Class != Changed || got[0].Odd != -1 {
		t.Errorf("two that differ are no default: %v", got)
	}
}

// FuzzDiffThree: three trees are the same where no two differ, and a tree beside itself is never the odd one.
func FuzzDiffThree(f *testing.F) {
	f.Add(`{"a":1,"b":{"c":[1]}}`, `{"a":"1","b":{}}`)
	f.Fuzz(func(t *testing.T, one, other string) {
		var a, b map[string]any
		if json.Unmarshal([]byte(one), &a) != nil || json.Unmarshal([]byte(other), &b) != nil || nameless(a) || nameless(b) {
			return
		}
		if got := DiffThree([3]Tree{a, a, a}, nil); len(got) > 0 {
			t.Errorf("a thrice differs: %v", got)
		}
		found := DiffThree([3]Tree{a, b, a}, nil)
		for _, d := range found {
			if d.Odd != 1 {
				t.Errorf("b is the odd one: %v", d)
			}
		}
		if len(found) == 0 && len(Diff(a, b)) > 0 {
			t.Errorf("Diff sees what DiffThree does not: %v", Diff(a, b))
		}
	})
}
