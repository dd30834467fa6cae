package lint_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/internal/golden"
	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
)

// run lints the whole tree at dir.
func run(t *testing.T, dir string) lint.Result {
	t.Helper()
	tree, err := repo.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	in, err := tree.Lint(t.Context(), fleet.Default(), tree.EntryPoints(), []string{"."}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return lint.Run(in, lint.Rules())
}

func tell(findings []lint.Finding) string {
	var out strings.Builder
	for _, f := range findings {
		fmt.Fprintf(&out, "%s %s %s [%s] %s: %s (%d edits)\n", f.Place, f.Rule, f.Severity, strings.Join(f.Clusters, ","), f.Object, f.Message, len(f.Edits))
	}
	return out.String()
}

func TestTrees(t *testing.T) {
	for _, tree := range []string{"healthy", "story", "home"} {
		golden.Assert(t, tell(run(t, "../repo/testdata/"+tree).Findings), tree)
	}
}

func TestAlwaysTheSame(t *testing.T) {
	first := tell(run(t, "../repo/testdata/story").Findings)
	for range 10 {
		if again := tell(run(t, "../repo/testdata/story").Findings); again != first {
			t.Fatalf("first\n%s\nthen\n%s", first, again)
		}
	}
}
