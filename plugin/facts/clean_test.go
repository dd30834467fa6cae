package facts_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "",
		"plain 世界 é":                   "plain 世界 é",
		"line\n\ttab":                  "line\n\ttab",
		"\x1b[31mred\x1b[0m":           `\x1b[31mred\x1b[0m`,
		"\x1b]0;title\x07":             `\x1b]0;title\x07`,
		"\x1b]8;;http://x\x1b\\y":      `\x1b]8;;http://x\x1b\y`,
		"a\rb\bc\x00d\x7f":             `a\x0db\x08c\x00d\x7f`,
		"\u009b31m":                    `\x9b31m`,
		"\u202eevil\u202c":             `\u202eevil\u202c`,
		"\u2066a\u2069 \u200e\u200f":   `\u2066a\u2069 \u200e\u200f`,
		"a\u2028b\u2029c\ufeff":        `a\u2028b\u2029c\ufeff`,
		"bad\xff\xfeutf8":              "bad\uFFFDutf8",
		`already \x1b[31m neutralised`: `already \x1b[31m neutralised`,
	} {
		if got := facts.Text(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestTextIsCut(t *testing.T) {
	for name, in := range map[string]string{
		"plain":    strings.Repeat("x", 1<<20),
		"one over": strings.Repeat("x", facts.MaxText+1),
		"escapes":  strings.Repeat("\x1b", facts.MaxText),
		"wide":     strings.Repeat("世", facts.MaxText),
		"broken":   strings.Repeat("\xff\x1b", facts.MaxText),
	} {
		got := facts.Text(in)
		if len(got) > facts.MaxText || !utf8.ValidString(got) || !strings.HasSuffix(got, fmt.Sprintf("(%d bytes in all)", len(in))) {
			t.Errorf("%s: %d bytes ... %q", name, len(got), got[max(0, len(got)-60):])
		}
		if again := facts.Text(got); again != got {
			t.Errorf("%s: cleaning twice changes %d bytes to %d", name, len(got), len(again))
		}
	}
	if whole := strings.Repeat("x", facts.MaxText); facts.Text(whole) != whole {
		t.Error("what just fits is cut")
	}
}

func hostileFacts() facts.Facts {
	const evil = "x\x1b[2J\u202e"
	f := recording("infra")
	f.Cluster, f.Context, f.Server = evil, evil, evil
	f.Expect.Features = map[string]string{evil: evil}
	f.Live.Nodes[0].PodCIDRs = []string{evil}
	f.Live.Nodes[0].Annotations = map[string]string{evil: evil}
	f.Live.Config.Data = map[string]string{evil: evil}
	f.Live.Release.Values = values.Tree{evil: evil, "list": []any{evil, map[string]any{evil: []any{evil}}}, "n": 1.0, "null": nil}
	f.Live.GatewayClasses[0].Accepted.Message = evil
	f.Live.Agents[0].Unread = evil
	f.Blind = map[facts.Part]string{facts.Part(evil): evil}
	return f
}

func TestCleanReachesEverything(t *testing.T) {
	f := hostileFacts()
	facts.Clean(&f)
	texts := 0
	each(reflect.ValueOf(f), func(s string) {
		if strings.ContainsAny(s, "\x1b\u202e") {
			t.Errorf("left over: %q", s)
		}
		if strings.Contains(s, `x\x1b[2J\u202e`) {
			texts++
		}
	})
	if texts != 19 {
		t.Errorf("%d hostile texts neutralised; there were 19", texts)
	}
	if n := f.Live.Release.Values["n"]; n != 1.0 {
		t.Errorf("a number became %v", n)
	}
	once, twice := write(t, f), f
	facts.Clean(&twice)
	if string(once) != string(write(t, twice)) {
		t.Error("cleaning twice changes more")
	}
}

// each calls see with every string in v, keys of maps among them.
func each(v reflect.Value, see func(string)) {
	switch v.Kind() {
	case reflect.String:
		see(v.String())
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			each(v.Elem(), see)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				each(v.Field(i), see)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			each(v.Index(i), see)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			each(key, see)
			each(v.MapIndex(key), see)
		}
	}
}

func TestCleanIsTheSameEachTime(t *testing.T) {
	first := ""
	for range 20 { // maps have another order each time
		f := recording("infra")
		f.Live.Config.Data = map[string]string{"\x1b": "one", `\x1b`: "two", "\x9b": "three", "\uFFFD": "four"}
		facts.Clean(&f)
		text := string(write(t, f))
		if first == "" {
			first = text
		}
		if text != first {
			t.Fatalf("keys that become one:\n%s\n%s", first, text)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"", "plain", "\x1b[31m", "\u202e", "\xff", strings.Repeat("\x1b", facts.MaxText), strings.Repeat("é", facts.MaxText)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := facts.Text(s)
		if !utf8.ValidString(got) || len(got) > facts.MaxText || strings.ContainsAny(got, "\x1b\x07\b\r\x00\x7f\u009b\u202a\u202e\u2028\u2029") {
			t.Errorf("%q -> %q", s, got)
		}
		if facts.Text(got) != got {
			t.Errorf("%q is cleaned twice", s)
		}
	})
}
