package scaffold_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"maps"
)

// story are the values that the story's bootstrap installs.
func story(name string, id int, pods string) map[string]any {
	return map[string]any{
		"cluster":               map[string]any{"name": name, "id": float64(id)},
		"ipv4NativeRoutingCIDR": pods,
		"kubeProxyReplacement":  "true",
		"k8sServiceHost":        "localhost",
		"k8sServicePort":        7445.0,
		"encryption":            map[string]any{"enabled": true, "type": "wireguard"},
		"hubble":                map[string]any{"enabled": true, "metrics": map[string]any{"enabled": []any{"dns", "drop"}}},
	}
}

// odd are values on which a careless writer of YAML comes to grief.
func odd(name string, n int) map[string]any {
	v := story(name, n, fmt.Sprintf("10.%d.0.0/16", n))
	v["odd"] = map[string]any{
		"string1": fmt.Sprint(n), "number": float64(n), "float": float64(n) + 0.5, "bool": n == 1, "boolString": fmt.Sprint(n == 1),
		"yes": []any{"no", "yes"}[n%2], "null": nil, "tilde": "~", "empty": "", "map": map[string]any{}, "list": []any{},
		"dollars": "a ${X} $$ $ $y $", "templated": "${Y}" + name, "host": "api." + name + ".example.org", "spaces": " a " + name + " ",
		"colon": "a: " + name, "hash": "a #" + name, "dash": "- " + name, "brace": "{" + name + "}", "quote": `"` + name + `'\`,
		"lines": "a\n  b\n" + name + "\n", "sameLines": "a\n\n  b", "big": 123456789012.0, "date": "2024-01-0" + fmt.Sprint(n),
		"octal": "0" + fmt.Sprint(n), "hex": "0x1" + fmt.Sprint(n), "exp": "1e" + fmt.Sprint(n), "under": "1_00" + fmt.Sprint(n),
		"mixed": []any{1.0, "1"}[n%2], "longer": slices.Repeat([]any{"x"}, n),
		"objects":      []any{map[string]any{"name": name, "value": "v"}},
		"a.b/c~d":      map[string]any{"e f": name},
		"only-" + name: map[string]any{"deep": map[string]any{"er": []any{1.0, "2", nil}}, "none": nil, "dollar": "${Z}"},
		"${KEY}":       "k",
		"y":            "key",
		"percent":      "%" + name, "at": "@" + name, "tick": "`" + name, "star": "*" + name, "amp": "&" + name, "bang": "!" + name, "pipe": "|" + name,
		"json": `["10.24` + fmt.Sprint(n) + `.0.0/16"]`,
	}
	return v
}

// texts are strings that mean something to YAML, to Flux or to nobody.
var texts = []string{
	"", "a", "infra", "true", "no", "null", "~", "1", "1.0", "-3", "0x1f", "1e3", "10.0.0.0/8", "${A}", "$${A}", "$", "$$", "a$", "a: b", "- a",
	"# a", "a #b", "[a]", "{a: b}", "\"", "'", "\\", "\\n", "a\nb", "\n", " a", "a ", "<<", "=", "---", "...", "? a", ": a", "%a", "@a", "`a", "*a", "&a", "!a",
	"2024-01-01", "12:30:45", "y", "n", "a,b", "a\tb", "|", ">", "key with spaces", ".inf", "NaN", "0o7", "007", "+1", "1_000",
	strings.Repeat("long words ", 20),
}

func tree(r *rand.Rand, depth int) map[string]any {
	out := map[string]any{}
	for range 1 + r.IntN(5) {
		key := texts[r.IntN(len(texts))]
		if key == "" || strings.Contains(key, "\n") || strings.Contains(key, "\t") {
			key = "k"
		}
		if key == "key" || key == "cluster" || key == "<<" || len(key) > 40 {
			key = "x"
		}
		out[key] = value(r, depth)
	}
	return out
}

func value(r *rand.Rand, depth int) any {
	switch n := r.IntN(10); {
	case n < 2 && depth > 0:
		return tree(r, depth-1)
	case n == 2 && depth > 0:
		var list []any
		for range r.IntN(3) {
			list = append(list, value(r, depth-1))
		}
		if list == nil {
			list = []any{}
		}
		return list
	case n == 3:
		return float64(r.IntN(5))
	case n == 4:
		return r.IntN(2) == 0
	case n == 5:
		return nil
	case n == 6:
		return float64(r.IntN(100)) / 8
	}
	return texts[r.IntN(len(texts))]
}

// mutated is a tree with some of its values changed, lost or added.
func mutated(r *rand.Rand, in map[string]any, depth int) map[string]any {
	out := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(in)) {
		switch below, isMap := in[key].(map[string]any); {
		case r.IntN(8) == 0:
		case isMap:
			out[key] = mutated(r, below, depth)
		case r.IntN(2) == 0:
			out[key] = value(r, 1)
		default:
			out[key] = in[key]
		}
	}
	if r.IntN(4) == 0 {
		out[fmt.Sprintf("added%d", depth)] = value(r, 2)
	}
	return out
}
