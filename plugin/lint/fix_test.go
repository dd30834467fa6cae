package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
)

// gathered is what lint judges of a tree on disk, read anew.
func gathered(t *testing.T, tree *repo.Tree, all bool) lint.Input {
	t.Helper()
	in, err := tree.Lint(t.Context(), fleet.Default(), tree.EntryPoints(), []string{"."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	in.All = all
	return in
}

// mend mends a tree on disk, and returns what it was before, and what mending said.
func mend(t *testing.T, dir string, all bool, rules ...lint.Rule) (lint.Input, lint.Mending) {
	t.Helper()
	tree, err := repo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	before := gathered(t, tree, all)
	if len(rules) == 0 {
		rules = lint.Rules()
	}
	last := tree
	m, err := lint.Mend(before, rules, func(files map[string][]byte) (lint.Input, error) {
		last = last.With(files)
		return gathered(t, last, all), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range m.Files {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return before, m
}

// leavesOf are the scalars and lists of a value, by path.
func leavesOf(v any, at string, out map[string]string) {
	m, ok := v.(map[string]any)
	if !ok {
		out[strings.TrimPrefix(at, ".")] = fmt.Sprintf("%T %v", v, v)
		return
	}
	for key, value := range m {
		leavesOf(value, at+"."+key, out)
	}
}

// objectsOf are the leaves of all objects of all clusters.
func objectsOf(in lint.Input) map[string]map[string]string {
	out := map[string]map[string]string{}
	for _, c := range in.Clusters {
		for _, o := range c.Objects {
			leaves := map[string]string{}
			leavesOf(o.Body, "", leaves)
			out[strings.Join([]string{c.Name, o.Kind, o.Namespace, o.Name, o.By}, "/")] = leaves
		}
	}
	return out
}

// safely mends a tree twice and holds that the second time changes nothing, that what was told is what is found in the
// tree as it was written, and that what is built differs in the mended fields alone. It returns the first mending.
func safely(t *testing.T, dir string, all bool) lint.Mending {
	t.Helper()
	before, m := mend(t, dir, all)
	after, again := mend(t, dir, all)
	if len(again.Made) > 0 {
		t.Errorf("mended a second time: %v after %v", again.Made, m.Made)
	}
	if tell(again.Findings) != tell(m.Findings) {
		t.Errorf("told\n%s\nand the tree has\n%s", tell(m.Findings), tell(again.Findings))
	}
	had, has := objectsOf(before), objectsOf(after)
	for name := range had {
		if has[name] == nil {
			t.Errorf("%s is gone", name)
		}
	}
	for name, leaves := range has {
		if had[name] == nil {
			t.Errorf("%s is new", name)
		}
		if reflect.DeepEqual(leaves, had[name]) {
			continue
		}
		fields := map[string]bool{}
		for _, side := range []map[string]string{leaves, had[name]} {
			for field := range side {
				if leaves[field] != had[name][field] {
					fields[field] = true
				}
			}
		}
		for field := range fields {
			told := false
			for _, made := range m.Made {
				mended, _, _ := strings.Cut(made.Says, " ")
				mended = strings.ReplaceAll(strings.TrimSuffix(mended, ":"), `\`, "")
				told = told || strings.HasPrefix(field, mended) || strings.HasPrefix(made.Says, "data.") || strings.Contains(made.Says, " renamed to ")
			}
			if !told {
				t.Errorf("%s: %s was %q and is %q, and nothing says so: %v", name, field, had[name][field], leaves[field], m.Made)
			}
		}
	}
	return m
}

// TestFixEnds mends every fault of every rule that can be mended: what was mended is not found again, and nothing else
// changes.
func TestFixEnds(t *testing.T) {
	fixable := 0
	for id, f := range fixtures() {
		t.Run(id, func(t *testing.T) {
			dir := grow(t, f)
			before := len(run(t, dir).Findings)
			m := safely(t, dir, true)
			if len(m.Made) == 0 {
				return
			}
			fixable++
			if len(m.Findings) >= before {
				t.Errorf("%d findings before, after\n%s", before, tell(m.Findings))
			}
		})
	}
	if fixable < 29 {
		t.Errorf("only %d rules can be mended", fixable)
	}
	t.Logf("%d rules can be mended", fixable)
}

// TestFixOfTrees mends whole trees, and once more with one rule alone.
func TestFixOfTrees(t *testing.T) {
	for _, tree := range []string{"../repo/testdata/healthy", "../repo/testdata/story", "../repo/testdata/home", "../../examples/fleet"} {
		for _, all := range []bool{false, true} {
			t.Run(fmt.Sprint(filepath.Base(tree), all), func(t *testing.T) {
				dir := t.TempDir()
				if err := os.CopyFS(dir, os.DirFS(tree)); err != nil {
					t.Fatal(err)
				}
				safely(t, dir, all)
			})
		}
	}
}
