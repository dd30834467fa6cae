package manifest

import (
	"errors"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	f, err := Parse("f.yaml", []byte("# x\n---\na: 1\nb: [x, {c: null}]\n---\n---\n- list\n---\napiVersion: g/v1\nkind: K\nmetadata: {name: n, namespace: s}\nd: &d {e: 2}\nf: *d\ng: {<<: *d, h: 0x10}\ni: 2020-01-01\nj: 1.5\nk: ~\nl: 1_000\n"))
	if err != nil || len(f.Docs) != 2 {
		t.Fatalf("%v, %d documents", err, len(f.Docs))
	}
	d := f.Docs[1]
	if d.Kind() != "K" || d.Name() != "n" || d.Namespace() != "s" || d.Group() != "g" {
		t.Errorf("%s %s/%s of %s", d.Kind(), d.Namespace(), d.Name(), d.Group())
	}
	for path, want := range map[string]any{"f.e": int64(2), "g.e": int64(2), "g.h": int64(16), "i": "2020-01-01", "j": 1.5, "k": nil, "l": int64(1000)} {
		if got := Get(d.Value, Keys(path)...); got != want {
			t.Errorf("%s is %v (%T), want %v", path, got, got, want)
		}
	}
	if at := f.Docs[0].At("b", "1", "c"); at.String() != "f.yaml:4:9" {
		t.Errorf("b.1.c stands at %s", at)
	}
	if at := f.Docs[0].At("b", "7", "c"); at.String() != "f.yaml:4:1" {
		t.Errorf("what is not written stands at %s, not where it would", at)
	}
}

func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		text, says string
		limit      bool
	}{
		"syntax":   {"a: 1\nb: [\n", "did not find", false},
		"twice":    {"a: 1\nb: 2\na: 3\n", `the key "a" stands here for the second time`, false},
		"key":      {"? [a]\n: b\n", "no plain text", false},
		"long":     {strings.Repeat("x", MaxBytes+1), "bytes", true},
		"deep":     {strings.Repeat("[", 10_000), "deeper", true},
		"indented": {deepBlock(), "deeper", true},
		"many":     {strings.Repeat("---\na: b\n", MaxDocuments+2), "documents", true},
		"bomb":     {"a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n", "aliases", true},
		"itself":   {"a: &a\n  b: *a\n", "", false},
	} {
		_, err := Parse("f.yaml", []byte(c.text))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(e.Reason, c.says) || c.says != "" && e.Limit != c.limit || e.File != "f.yaml" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func deepBlock() string {
	var out strings.Builder
	for i := range 1_000 {
		out.WriteString(strings.Repeat(" ", i) + "a:\n")
	}
	return out.String()
}
