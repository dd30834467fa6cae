package fluxhandover

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/runbook"
)

// TestRunbookIsWrittenWholeOrNot has each page in turn be one that cannot be written, a link: all pages are then what
// they were.
func TestRunbookIsWrittenWholeOrNot(t *testing.T) {
	var pages []runbook.Page
	for _, name := range []string{"handover.md", "troubleshooting.md", "next-steps.md", "rollback.md"} {
		pages = append(pages, runbook.Page{Name: name, Text: runbook.Mark + " new " + name})
	}
	for _, linked := range pages {
		dir := t.TempDir()
		for _, p := range pages[:3] { // the last is not there yet
			if err := os.WriteFile(filepath.Join(dir, p.Name), []byte(runbook.Mark+" old "+p.Name), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		file, elsewhere := filepath.Join(dir, linked.Name), filepath.Join(dir, "elsewhere")
		_ = os.Remove(file) // where it is there
		if err := os.WriteFile(elsewhere, []byte(runbook.Mark+" old "+linked.Name), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("elsewhere", file); err != nil {
			t.Fatal(err)
		}
		o := &runbookOptions{dir: dir}
		if err := o.write(pages); err == nil || !strings.Contains(err.Error(), "write "+file+": is no regular file") {
			t.Errorf("%s is a link: %v", linked.Name, err)
		}
		left, err := os.ReadDir(dir)
		if want := 4 + map[bool]int{true: 1}[linked.Name == "rollback.md"]; err != nil || len(left) != want {
			t.Errorf("%s is a link: there are %v, %v", linked.Name, left, err)
		}
		for _, f := range left {
			if text, err := os.ReadFile(filepath.Join(dir, f.Name())); err != nil || !strings.HasPrefix(string(text), runbook.Mark+" old ") {
				t.Errorf("%s is a link: %s holds %q, %v", linked.Name, f.Name(), text, err)
			}
		}
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		if err := o.write(pages); err != nil {
			t.Errorf("nothing is in the way: %v", err)
		}
		for _, p := range pages {
			if text, err := os.ReadFile(filepath.Join(dir, p.Name)); err != nil || string(text) != p.Text {
				t.Errorf("%s holds %q, %v", p.Name, text, err)
			}
		}
	}
}
