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
		file, err := manifest.Parse("f.yaml", text)
		if err != nil {
			return
		}
		gather := func(files map[string][]byte) (lint.Input, error) {
			if changed, ok := files["f.yaml"]; ok {
				after, err := manifest.Parse("f.yaml", changed)
				if err != nil {
					t.Fatalf("mending broke it: %v\n%s", err, changed)
				}
				return lint.Input{Files: []*manifest.File{after}}, nil
			}
			return lint.Input{Files: []*manifest.File{file}}, nil
		}
		in, _ := gather(nil)
		m, err := lint.Mend(in, lint.Rules(), gather)
		if err != nil {
			t.Fatal(err)
		}
		if in, err = gather(m.Files); err != nil {
			t.Fatal(err)
		}
		if again, err := lint.Mend(in, lint.Rules(), gather); err != nil || len(again.Made) > 0 {
			t.Fatalf("mended a second time: %+v, %v after %+v", again.Made, err, m.Made)
		}
	})
}
