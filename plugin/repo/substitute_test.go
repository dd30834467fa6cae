package repo

import (
	"slices"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/envsubst"
)

func TestSubstitute(t *testing.T) {
	vars := map[string]string{"A": "1", "B": "x\ny", "E": ""}
	for _, c := range []struct {
		text, want, missing, err string
	}{
		{"${A}-${B}", "1-xy", "", ""},
		{"$${A} $A", "${A} $A", "", ""},
		{"${N:=d}${N:-e}", "de", "", ""},
		{"${E}|${E:=d}", "|d", "", ""},
		{"${N} ${M} ${N}", "  ", "M,N", ""},
		{"${A", "", "", "closing brace"},
		{"${A B}", "", "", "closing brace"},
		{"${B^^} ${#B}", "XY 2", "", ""},
	} {
		out, missing, err := Substitute([]byte(c.text), vars, Lax)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q: error %v, want %q", c.text, err, c.err)
			}
			continue
		}
		if err != nil || string(out) != c.want || strings.Join(missing, ",") != c.missing {
			t.Errorf("%q: got %q, missing %v, %v; want %q, missing %q", c.text, out, missing, err, c.want, c.missing)
		}
		if _, _, err := Substitute([]byte(c.text), vars, Strict); (err != nil) != (c.missing != "") {
			t.Errorf("%q: strict says %v", c.text, err)
		}
	}
	if _, _, err := Substitute([]byte("x"), map[string]string{"a-b": ""}, Lax); err == nil {
		t.Error("a-b is taken for a variable's name")
	}
}

// FuzzSubstitute holds Substitute to what Flux's own parser does with the same text.
func FuzzSubstitute(f *testing.F) {
	for _, seed := range []string{"${A}", "$${A}", "${A:=x}", "${A", "a: ${B} # ${C:-${A}}", "${#A}", "${A/1/2}", "$$$${A}", "${é}"} {
		f.Add(seed, "1")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		vars := map[string]string{"A": value}
		out, missing, err := Substitute([]byte(text), vars, Lax)
		want, wantErr := envsubst.Eval(text, func(s string) (string, bool) { return strings.ReplaceAll(vars[s], "\n", ""), true })
		if (err != nil) != (wantErr != nil) {
			t.Fatalf("%q: %v, Flux says %v", text, err, wantErr)
		}
		if err == nil && string(out) != want {
			t.Fatalf("%q: %q, Flux makes %q", text, out, want)
		}
		if slices.Contains(missing, "A") {
			t.Fatalf("%q: A is said to be missing", text)
		}
		for _, e := range expressions(text) {
			if !variableName.MatchString(e.name) {
				t.Fatalf("%q: %q is no name", text, e.name)
			}
		}
	})
}
