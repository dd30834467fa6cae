package lint_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// mend makes all edits, once, and returns how many there were.
func mend(t *testing.T, dir string, findings []lint.Finding) int {
	t.Helper()
	n := 0
	for file, edits := range lint.Edits(findings) {
		at := filepath.Join(dir, filepath.FromSlash(file))
		text, err := os.ReadFile(at)
		if err != nil {
			t.Fatal(err)
		}
		out, made := manifest.Apply(text, edits)
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(strings.TrimSpace(line), "#") && !strings.Contains(string(out), strings.TrimSpace(line)) {
				t.Errorf("%s: a comment is gone: %s", file, line)
			}
		}
		if err := os.WriteFile(at, out, 0o644); err != nil {
			t.Fatal(err)
		}
		n += len(made)
	}
	return n
}

// TestFixEnds mends every fault of every rule that can be mended: it comes to an end, what was mended is not found
// again, and nothing worse is.
func TestFixEnds(t *testing.T) {
	fixable := 0
	for id, f := range fixtures() {
		dir := grow(t, f)
		before := run(t, dir)
		if len(lint.Edits(before.Findings)) == 0 {
			continue
		}
		fixable++
		last := before
		for round := 0; ; round++ {
			if mend(t, dir, last.Findings) == 0 {
				break
			}
			if round == 8 {
				t.Errorf("%s: mending does not come to an end:\n%s", id, tell(last.Findings))
				break
			}
			last = run(t, dir)
		}
		if len(last.Findings) >= len(before.Findings) {
			t.Errorf("%s: before\n%safter\n%s", id, tell(before.Findings), tell(last.Findings))
		}
	}
	if fixable < 25 {
		t.Errorf("only %d rules can be mended", fixable)
	}
	t.Logf("%d rules can be mended", fixable)
}
