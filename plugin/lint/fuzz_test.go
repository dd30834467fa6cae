package lint_test

import (
	"os"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// FuzzFix mends whatever can be read, as a file that no cluster applies: no rule panics, and mending comes to an end.
func FuzzFix(f *testing.F) {
	for _, name := range []string{"core/helmrelease.yaml", "core/ks.yaml", "ocirepository.yaml"} {
		text, err := os.ReadFile("../repo/testdata/story/" + base + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: cilium}\nspec: {values: [], upgrade: {force: true}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for round := 0; ; round++ {
			file, err := manifest.Parse("f.yaml", text)
			if err != nil {
				if round > 0 {
					t.Fatalf("mending broke it: %v\n%s", err, text)
				}
				return
			}
			result := lint.Run(lint.Input{Files: []*manifest.File{file}}, lint.Rules())
			var made []manifest.Edit
			if text, made = manifest.Apply(text, lint.Edits(result.Findings)["f.yaml"]); len(made) == 0 {
				return
			}
			if round > 40 {
				t.Fatalf("mending does not come to an end: %+v\n%s", made, text)
			}
		}
	})
}
