package cli

import (
	"os"
	"path/filepath"
	"testing"
)

// TestRelink: a link that cannot be replaced leads where it led, and nothing is left beside it.
func TestRelink(t *testing.T) {
	dir := t.TempDir()
	link := filepath.Join(dir, "kubectl_complete-x")
	if err := os.Symlink("old", link); err != nil {
		t.Skip("no links are made here: ", err)
	}
	leads := func(want string, entries int) {
		t.Helper()
		to, err := os.Readlink(link)
		left, failed := os.ReadDir(dir)
		if err != nil || failed != nil || to != want || len(left) != entries {
			t.Errorf("leads to %q, %v; there are %v, %v", to, err, left, failed)
		}
	}
	if err := relink("new", link); err != nil {
		t.Error(err)
	}
	leads("new", 1)
	if err := os.Mkdir(link+".new", 0o700); err != nil { // in the way
		t.Fatal(err)
	}
	if err := relink("newest", link); err == nil {
		t.Error("there is a folder in the way")
	}
	leads("new", 2)
	if err := os.Remove(link + ".new"); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(dir, "folder")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := relink("new", folder); err == nil {
		t.Error("a folder was replaced by a link")
	}
	leads("new", 2)
}
