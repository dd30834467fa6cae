package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const root = "../.."

func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := generated()
	if err != nil {
		t.Fatal(err)
	}
	if files["README.md"], err = readme(root); err != nil {
		t.Fatal(err)
	}
	if err := pages(files, root); err != nil {
		t.Fatal(err)
	}
	if files["docs/verify.svg"], err = picture(root); err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, name))
		if err != nil {
			t.Errorf("%v; run: make generate", err)
			continue
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s is stale; run: make generate\n%s", name, diff)
		}
	}
}

func TestNothingElseIsInReference(t *testing.T) {
	files, err := generated()
	if err != nil {
		t.Fatal(err)
	}
	found, err := filepath.Glob(filepath.Join(root, "docs", "reference", "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range found {
		if _, ok := files["docs/reference/"+filepath.Base(path)]; !ok {
			t.Errorf("%s is generated no more; run: make generate", path)
		}
	}
	if len(found) == 0 {
		t.Error("docs/reference is empty")
	}
}

// TestExampleTreeIsWhatScaffoldWrites compares the tree in examples/fleet with what its recordings give.
func TestExampleTreeIsWhatScaffoldWrites(t *testing.T) {
	fresh := t.TempDir()
	if _, err := run(root, scaffold(fresh)); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(fresh, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		name, err := filepath.Rel(fresh, path)
		if err != nil {
			return err
		}
		want, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		got, err := os.ReadFile(filepath.Join(root, "examples", "fleet", name))
		if err != nil {
			t.Errorf("%v; run: make generate", err)
		} else if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("examples/fleet/%s is stale; run: make generate\n%s", name, diff)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 12 {
		t.Errorf("scaffold wrote %d files", files)
	}
}

// TestManPages: each command of both programs has one, and the same whenever it is made.
func TestManPages(t *testing.T) {
	first, second := t.TempDir(), t.TempDir()
	for _, dir := range []string{first, second} {
		if err := manual(dir, time.Unix(1767225600, 0).UTC()); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"kubectl-cilium-gitops", "kubectl-cilium-gitops-verify", "kubectl-cilium-gitops-completion-install", "flux-handover-run"} {
		page, err := os.ReadFile(filepath.Join(first, name+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		again, err := os.ReadFile(filepath.Join(second, name+".1"))
		if err != nil || string(again) != string(page) {
			t.Errorf("%s is another page the second time, %v", name, err)
		}
		if !strings.Contains(string(page), `.TH "`) || !strings.Contains(string(page), `"Jan 2026"`) || !strings.Contains(string(page), ".SH SYNOPSIS") {
			t.Errorf("%s is no man page:\n%.300s", name, page)
		}
	}
}
