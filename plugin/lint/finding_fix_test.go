package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"

	"github.com/cilium-gitops/cilium-gitops/plugin/internal/golden"
)

// planted writes a tree of the archive to disk; all tells whether its comment asks for fixes in every file.
func planted(t *testing.T, archive string) (dir string, all bool) {
	t.Helper()
	a, err := txtar.ParseFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	for _, f := range a.Files {
		at := filepath.Join(dir, filepath.FromSlash(f.Name))
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(at, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir, strings.Contains(string(a.Comment), "\nall\n")
}

// TestFinding_Fix mends one small tree after the other: what is made, what is withheld and why, and the files as they
// are then, each a golden file.
func TestFinding_Fix(t *testing.T) {
	archives, err := filepath.Glob("testdata/fix/*.txtar")
	if err != nil || len(archives) < 20 {
		t.Fatalf("%d trees: %v", len(archives), err)
	}
	for _, archive := range archives {
		name := strings.TrimSuffix(filepath.Base(archive), ".txtar")
		t.Run(name, func(t *testing.T) {
			dir, all := planted(t, archive)
			m := safely(t, dir, all)
			var out strings.Builder
			for _, made := range m.Made {
				fmt.Fprintf(&out, "mended %s: %s\n", made.File, made.Says)
			}
			for _, f := range m.Findings {
				fmt.Fprintf(&out, "left %s %s: %s\n", f.Place, f.Rule, f.Message)
				if f.Withheld != "" {
					fmt.Fprintf(&out, "     %s\n", f.Withheld)
				}
			}
			for _, file := range sortedNames(m.Files) {
				fmt.Fprintf(&out, "-- %s --\n%s", file, m.Files[file])
			}
			golden.Assert(t, out.String(), "fix/"+name)
		})
	}
}

func sortedNames(files map[string][]byte) []string {
	var names []string
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// TestFinding_FixKeepsLineEnds mends the same trees with other line ends, and with a byte order mark: what changes is the
// same, and so are the line ends and the mark.
func TestFinding_FixKeepsLineEnds(t *testing.T) {
	archives, _ := filepath.Glob("testdata/fix/*.txtar")
	for _, archive := range archives {
		name := strings.TrimSuffix(filepath.Base(archive), ".txtar")
		for how, written := range map[string]func(string) string{
			"CRLF": func(text string) string { return strings.ReplaceAll(text, "\n", "\r\n") },
			"BOM":  func(text string) string { return "\ufeff" + text },
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				plain, all := planted(t, archive)
				other, _ := planted(t, archive)
				err := filepath.WalkDir(other, func(at string, d os.DirEntry, err error) error {
					if err != nil || d.IsDir() {
						return err
					}
					text, err := os.ReadFile(at)
					if err != nil {
						return err
					}
					return os.WriteFile(at, []byte(written(string(text))), 0o644)
				})
				if err != nil {
					t.Fatal(err)
				}
				_, want := mend(t, plain, all)
				got := safely(t, other, all)
				if len(got.Made) != len(want.Made) {
					t.Fatalf("made %v, want %v", got.Made, want.Made)
				}
				for file, text := range want.Files {
					if string(got.Files[file]) != written(string(text)) {
						t.Errorf("%s is\n%q\nwant\n%q", file, got.Files[file], written(string(text)))
					}
				}
			})
		}
	}
}
