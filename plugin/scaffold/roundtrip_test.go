package scaffold_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
	"github.com/cilium-gitops/cilium-gitops/plugin/scaffold"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// What Flux composes of the tree, and what helmfile's template gives, is what each release has: value by value, type
// by type.
func TestRoundTrip(t *testing.T) {
	for name, all := range map[string][]scaffold.Cluster{
		"story":   {cluster("infra", story("infra", 1, "10.244.0.0/16")), cluster("apps", story("apps", 2, "10.246.0.0/16"))},
		"one":     {cluster("infra", story("infra", 1, "10.244.0.0/16"))},
		"odd":     {cluster("infra", odd("infra", 1)), cluster("apps", odd("apps", 2))},
		"unequal": {cluster("infra", odd("infra", 1)), cluster("apps", story("apps", 2, "10.246.0.0/16"))},
	} {
		t.Run(name, func(t *testing.T) { roundTrip(t, all) })
	}
}

func TestRoundTripOfAnything(t *testing.T) {
	for seed := range uint64(60) {
		r := rand.New(rand.NewPCG(seed, 7))
		n := 1 + r.IntN(3)
		first := tree(r, 3)
		var all []scaffold.Cluster
		for i := range n {
			v := first
			if i > 0 {
				v = mutated(r, first, i)
			}
			v["cluster"] = map[string]any{"name": fmt.Sprintf("c%d", i), "id": float64(i + 1)}
			all = append(all, cluster(fmt.Sprintf("c%d", i), v))
		}
		t.Run(fmt.Sprint(seed), func(t *testing.T) { roundTrip(t, all) })
	}
}

func FuzzRoundTrip(f *testing.F) {
	f.Add("a: 1", "a: 2")
	f.Add("a: [1, {b: c}]", "a: [2, {b: d}]")
	f.Add("a: \"${X}$$\"", "a: \"true\"")
	f.Add("a: {b: null}", "b: ~")
	f.Fuzz(func(t *testing.T, one, other string) {
		a, errA := scaffold.ReadValues([]byte(one))
		b, errB := scaffold.ReadValues([]byte(other))
		if errA != nil || errB != nil || !printable(one) || !printable(other) {
			return
		}
		for _, v := range []values.Tree{a, b} {
			if v == nil || !cmp.Equal(facts.Redact(v), v) {
				return
			}
		}
		a["cluster"] = map[string]any{"name": "infra", "id": 1.0}
		b["cluster"] = map[string]any{"name": "apps", "id": 2.0}
		roundTrip(t, []scaffold.Cluster{cluster("infra", a), cluster("apps", b)})
	})
}

// printable holds of text that Kubernetes and YAML take as it is.
func printable(s string) bool {
	for _, r := range s {
		if r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 {
			return false
		}
	}
	return true
}

func cluster(name string, v map[string]any) scaffold.Cluster {
	return scaffold.Cluster{
		Cluster: fleet.Cluster{Name: name, Context: name, Path: "kubernetes/clusters/" + name}, Version: "1.18.2", Values: v,
	}
}

func options() scaffold.Options {
	return scaffold.Options{Fleet: fleet.Default(), Chart: scaffold.DefaultChart, Source: scaffold.DefaultSource}
}

func roundTrip(t *testing.T, all []scaffold.Cluster) {
	t.Helper()
	made := scaffold.Make(all, options())
	if len(made.Problems) > 0 {
		t.Fatalf("refused: %+v", made.Problems)
	}
	dir := t.TempDir()
	lay(t, dir, made.Files)
	for _, c := range all {
		want := normal(t, c.Values)
		if diff := cmp.Diff(want, normal(t, composed(t, dir, c))); diff != "" {
			t.Errorf("%s by Flux (-release +tree):\n%s\n%s", c.Name, diff, text(made, "helmrelease.yaml"))
		}
		if diff := cmp.Diff(want, normal(t, bootstrapped(t, dir, c))); diff != "" {
			t.Errorf("%s by helmfile (-release +template):\n%s\n%s", c.Name, diff, text(made, "helmrelease.yaml"))
		}
	}
}

func text(made scaffold.Tree, name string) string {
	for _, f := range made.Files {
		if strings.HasSuffix(f.Path, "/"+name) {
			return f.Text
		}
	}
	return ""
}

func lay(t *testing.T, dir string, files []scaffold.File) {
	t.Helper()
	for _, f := range files {
		path := filepath.Join(dir, f.Path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.Text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// composed are the values that Flux gives c.
func composed(t *testing.T, dir string, c scaffold.Cluster) values.Tree {
	t.Helper()
	work, err := repo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer work.Close()
	got, err := work.Cluster(t.Context(), fleet.Default(), c.Cluster, repo.Strict)
	if err != nil {
		t.Fatal(err)
	}
	if p := got.Facts().Problems; len(p) > 0 {
		t.Fatalf("%s: %+v", c.Name, p)
	}
	if got.Release() == nil {
		t.Fatal("the tree has no HelmRelease")
	}
	v, err := got.Values(t.Context(), got.Release(), nil)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// bootstrapped are the values that helmfile's template gives c. Its functions are played: those of helmfile and sprig
// that the template uses.
func bootstrapped(t *testing.T, dir string, c scaffold.Cluster) values.Tree {
	t.Helper()
	base := filepath.Join(dir, "bootstrap/helmfile.d/templates")
	data, err := os.ReadFile(filepath.Join(base, "values.yaml.gotmpl"))
	if err != nil {
		t.Fatal(err)
	}
	tmpl, err := template.New("values").Funcs(functions(base)).Parse(string(data))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := tmpl.Execute(&out, map[string]any{"Environment": map[string]any{"Name": c.Name}}); err != nil {
		t.Fatal(err)
	}
	v, err := scaffold.ReadValues(out.Bytes())
	if err != nil {
		t.Fatalf("%v\n%s", err, out.String())
	}
	return v
}

func functions(base string) template.FuncMap {
	return template.FuncMap{
		"readFile": func(name string) (string, error) {
			text, err := os.ReadFile(filepath.Join(base, name))
			return string(text), err
		},
		"fromYaml": func(s string) (any, error) {
			var v any
			err := yaml.Unmarshal([]byte(s), &v)
			return v, err
		},
		"toYaml": func(v any) (string, error) { // JSON is YAML, too, and how well a library writes is not the question
			text, err := json.Marshal(v)
			return string(text), err
		},
		"dict": func(pairs ...any) map[string]any {
			out := map[string]any{}
			for i := 0; i+1 < len(pairs); i += 2 {
				out[pairs[i].(string)] = pairs[i+1]
			}
			return out
		},
		"default": func(otherwise, v any) any {
			if v == nil {
				return otherwise
			}
			return v
		},
		"list":       func(all ...any) []any { return all },
		"replace":    func(old, new, s string) string { return strings.ReplaceAll(s, old, new) },
		"splitList":  func(sep, s string) []string { return strings.Split(s, sep) },
		"trimPrefix": func(prefix, s string) string { return strings.TrimPrefix(s, prefix) },
		"initial":    func(all []string) []string { return all[:len(all)-1] },
		"last":       func(all []string) string { return all[len(all)-1] },
		"set":        func(m map[string]any, key string, v any) map[string]any { m[key] = v; return m },
		"dig": func(args ...any) any {
			at := args[len(args)-1]
			for _, key := range args[:len(args)-2] {
				m, ok := at.(map[string]any)
				if at, ok = m[key.(string)]; !ok {
					return args[len(args)-2]
				}
			}
			return at
		},
	}
}

// normal is v as JSON has it.
func normal(t *testing.T, v values.Tree) map[string]any {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}
