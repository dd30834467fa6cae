package repo

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
)

// ks is a Kustomization of the cluster that applies path.
func ks(name, path string, more string) string {
	return fmt.Sprintf(`apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: %s, namespace: flux-system}
spec: {interval: 1m, path: %s, prune: true, sourceRef: {kind: GitRepository, name: flux-system}%s}
`, name, path, more)
}

const configMap = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: default}\n"

func TestHostileTreesAreNamedProblems(t *testing.T) {
	bomb := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'i'; c++ {
		bomb += fmt.Sprintf("%c: &%c [*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c]\n", c, c, c-1)
	}
	many := "resources: [" + strings.TrimSuffix(strings.Repeat("../d1,", 1), ",") + "]\n"
	for _, c := range []struct {
		name, kind, file, says string
		line                   int
		files                  map[string]string
	}{
		{"malformed", facts.ProblemYAML, "app/x.yaml", "did not find", 0, map[string]string{"app/x.yaml": configMap + "  data: [a\nb"}},
		{"twice", facts.ProblemYAML, "app/x.yaml", `"kind" stands here for the second time`, 4, map[string]string{"app/x.yaml": configMap + "kind: Secret\n"}},
		{"aliases", facts.ProblemLimit, "app/x.yaml", "when aliases are followed", 0, map[string]string{"app/x.yaml": configMap + bomb}},
		{"deep", facts.ProblemLimit, "app/x.yaml", "deeper", 4, map[string]string{"app/x.yaml": configMap + "data: " + strings.Repeat("[", 5_000)}},
		{"dollars", facts.ProblemSubstitute, "app/x.yaml", "dollar signs", 1, map[string]string{"app/x.yaml": configMap + "data: {a: '" + strings.Repeat("${A}", maxDollars+1) + "'}\n"}},
		{"grows", facts.ProblemSubstitute, "app/x.yaml", "bytes would be put in", 1, map[string]string{
			"app/x.yaml":          configMap + "data: {a: '" + strings.Repeat("${BIG}", 1_000) + "'}\n",
			"clusters/a/big.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: flux-system}\ndata: {BIG: " + strings.Repeat("x", 100_000) + "}\n",
		}},
		{"circle", facts.ProblemLimit, "", "in a circle", 0, map[string]string{"app/kustomization.yaml": "resources: [a]\n", "app/a/kustomization.yaml": "resources: [../b]\n", "app/b/kustomization.yaml": "resources: [../a]\n"}},
		{"missing", facts.ProblemMissing, "app/kustomization.yaml", "there is no app/gone.yaml", 2, map[string]string{"app/kustomization.yaml": "resources:\n  - gone.yaml\n"}},
		{"escape", facts.ProblemMissing, "app/kustomization.yaml", "leaves the repository", 2, map[string]string{"app/kustomization.yaml": "resources:\n  - ../../../etc/passwd\n"}},
		{"elsewhere", facts.ProblemRemote, "app/kustomization.yaml", "was not fetched", 3, map[string]string{"app/kustomization.yaml": "resources:\n  - x.yaml\n  - https://example.invalid/y.yaml\n", "app/x.yaml": configMap}},
		{"git", facts.ProblemRemote, "app/kustomization.yaml", "was not fetched", 2, map[string]string{"app/kustomization.yaml": "resources:\n  - github.com/some/where\n"}},
		{"patch elsewhere", facts.ProblemRemote, "app/kustomization.yaml", "was not fetched", 4, map[string]string{"app/kustomization.yaml": "resources:\n  - x.yaml\npatches:\n  - path: http://example.invalid/p.yaml\n", "app/x.yaml": configMap}},
		{"not a kustomization", facts.ProblemBuild, "app/kustomization.yaml", "unknown field", 0, map[string]string{"app/kustomization.yaml": "resources: [b]\n", "app/b/kustomization.yaml": "resources: [x.yaml]\nnonsense: true\n", "app/b/x.yaml": configMap}},
		{"no object", facts.ProblemBuild, "app/kustomization.yaml", "missing metadata.name", 0, map[string]string{"app/kustomization.yaml": "resources: [x.yaml]\n", "app/x.yaml": "apiVersion: v1\nkind: ConfigMap\n"}},
		{"bad expression", facts.ProblemSubstitute, "app/x.yaml", "missing closing brace", 1, map[string]string{"app/x.yaml": configMap + "data: {a: '${A B}'}\n"}},
		{"exponential", facts.ProblemLimit, "", "more than", 0, exponential()},
		{"left out", facts.ProblemMissing, "clusters/a/source.yaml", "leaves app/x.yaml out", 7, map[string]string{"app/x.yaml": configMap, "clusters/a/source.yaml": "apiVersion: source.toolkit.fluxcd.io/v1\nkind: GitRepository\nmetadata: {name: flux-system, namespace: flux-system}\nspec:\n  interval: 1m\n  url: https://example.invalid/x\n  ignore: |\n    /*\n    !/clusters\n"}},
		{"no path", facts.ProblemMissing, "clusters/a/ks.yaml", "there is no directory app", 4, map[string]string{"x": many}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := &txtar.Archive{}
			add := func(name, text string) { a.Files = append(a.Files, txtar.File{Name: name, Data: []byte(text)}) }
			add("clusters/a/ks.yaml", ks("app", "app", ", postBuild: {substitute: {A: b}, substituteFrom: [{kind: ConfigMap, name: settings, optional: true}]}"))
			for name, text := range c.files {
				add(name, text)
			}
			for _, p := range read(t, write(t, a), Lax).Facts().Problems {
				if p.Kind == c.kind && strings.Contains(p.Message, c.says) && (c.file == "" || p.File == c.file) && (c.line == 0 || p.Line == c.line) {
					return
				}
				t.Logf("%+v", p)
			}
			t.Errorf("no problem %s at %s:%d that says %q", c.kind, c.file, c.line, c.says)
		})
	}
}

// exponential is a tree of which each directory brings the one below twice.
func exponential() map[string]string {
	files := map[string]string{"app/kustomization.yaml": "resources: [../d0/a, ../d0/b]\n"}
	for i := range 20 {
		for _, side := range []string{"a", "b"} {
			files[fmt.Sprintf("d%d/%s/kustomization.yaml", i, side)] = fmt.Sprintf("namePrefix: %s-\nresources: [../../d%d/a, ../../d%[2]d/b]\n", side, i+1)
		}
	}
	return files
}

func TestLinksAndHugeFiles(t *testing.T) {
	dir := write(t, &txtar.Archive{Files: []txtar.File{
		{Name: "clusters/a/kustomization.yaml", Data: []byte("resources:\n  - huge.yaml\n  - link.yaml\n")},
		{Name: "clusters/a/x.yaml", Data: []byte(configMap)},
	}})
	at := func(name string) string { return filepath.Join(dir, "clusters", "a", name) }
	if err := os.WriteFile(at("huge.yaml"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(at("huge.yaml"), 100<<20); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"link.yaml": "x.yaml", "loop": ".", "self": "self", "out": os.TempDir()} {
		if err := os.Symlink(target, at(name)); err != nil {
			t.Skip("no symbolic links here:", err)
		}
	}
	c := read(t, dir, Lax)
	var said []string
	for _, p := range c.Facts().Problems {
		said = append(said, fmt.Sprintf("%s %s:%d %s", p.Kind, p.File, p.Line, p.Message))
	}
	for _, want := range []string{
		"limit clusters/a/huge.yaml:0 has 104857600 bytes; more than 8388608 are not read",
		"missing clusters/a/kustomization.yaml:3 clusters/a/link.yaml is a symbolic link",
	} {
		if !strings.Contains(strings.Join(said, "\n"), want) {
			t.Errorf("nothing says %q:\n%s", want, strings.Join(said, "\n"))
		}
	}
}

func TestNothingIsWritten(t *testing.T) {
	for _, name := range []string{"overlays.txtar", "generated.txtar"} {
		dir := write(t, archive(t, name))
		before := list(t, dir)
		read(t, dir, Lax)
		if after := list(t, dir); after != before {
			t.Errorf("%s: before\n%s\nafter\n%s", name, before, after)
		}
	}
}

func list(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil {
			fmt.Fprintln(&out, path, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestNoEntryPoint(t *testing.T) {
	tree, err := Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	_, err = tree.Cluster(t.Context(), fleet.Default(), fleet.Cluster{Name: "a", Path: "clusters/a"}, Lax)
	if err == nil || !strings.Contains(err.Error(), "there is no directory clusters/a") {
		t.Errorf("got %v", err)
	}
}
