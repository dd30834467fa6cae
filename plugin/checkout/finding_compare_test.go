package checkout_test

import (
	"errors"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/checkout"
)

// built is what was read: the HelmRelease; a folder without a kustomization file is read whole.
func built(files ...string) checkout.Built {
	return checkout.Built{Files: append(files, "cilium/hr.yaml"), Wanted: func(file string) bool {
		return strings.HasPrefix(file, "all/") && strings.HasSuffix(file, ".yaml")
	}}
}

// TestFinding_C1_Compare: every way in which what was read is not what the commit has, and none in which it is.
func TestFinding_C1_Compare(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(t *testing.T, dir string)
		built checkout.Built
		want  map[string]string
	}{
		"as committed": {},
		"another file": {spoil: func(t *testing.T, dir string) { write(t, dir, "other.yaml", "a: 2\n"); write(t, dir, "new.yaml", "") }},
		"written anew": {spoil: func(t *testing.T, dir string) { write(t, dir, "cilium/hr.yaml", release) }},
		"edited":       {spoil: func(t *testing.T, dir string) { write(t, dir, "cilium/hr.yaml", "a: 1\n") }, want: map[string]string{"cilium/hr.yaml": checkout.Modified}},
		"staged":       {spoil: func(t *testing.T, dir string) { write(t, dir, "cilium/hr.yaml", "a: 1\n"); git(t, dir, "add", ".") }, want: map[string]string{"cilium/hr.yaml": checkout.Modified}},
		"staged and put back": {spoil: func(t *testing.T, dir string) {
			write(t, dir, "cilium/hr.yaml", "a: 1\n")
			git(t, dir, "add", ".")
			write(t, dir, "cilium/hr.yaml", release)
		}, want: map[string]string{"cilium/hr.yaml": checkout.Modified}},
		"renamed": {spoil: func(t *testing.T, dir string) { git(t, dir, "mv", "cilium/hr.yaml", "cilium/new.yaml") }, built: checkout.Built{Files: []string{"cilium/new.yaml"}, Wanted: func(f string) bool { return f == "cilium/hr.yaml" }},
			want: map[string]string{"cilium/new.yaml": checkout.Modified, "cilium/hr.yaml": checkout.Deleted}},
		"untracked": {spoil: func(t *testing.T, dir string) { write(t, dir, "cilium/patch.yaml", "a: 1\n") }, built: built("cilium/patch.yaml"), want: map[string]string{"cilium/patch.yaml": checkout.Untracked}},
		"ignored and read": {spoil: func(t *testing.T, dir string) {
			write(t, dir, ".git/info/exclude", "secret/\n")
			write(t, dir, "secret/values.yaml", "a: 1\n")
		}, built: built("secret/values.yaml"), want: map[string]string{"secret/values.yaml": checkout.Untracked}},
		"deleted of what is read whole": {spoil: func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "all/one.yaml")); err != nil {
				t.Fatal(err)
			}
		}, want: map[string]string{"all/one.yaml": checkout.Deleted}},
		"git rm of what is read whole": {spoil: func(t *testing.T, dir string) { git(t, dir, "rm", "--quiet", "all/one.yaml") }, want: map[string]string{"all/one.yaml": checkout.Deleted}},
		"deleted of what is not read":  {spoil: func(t *testing.T, dir string) { git(t, dir, "rm", "--quiet", "other.yaml") }},
		"assume-unchanged": {spoil: func(t *testing.T, dir string) {
			git(t, dir, "update-index", "--assume-unchanged", "cilium/hr.yaml")
			write(t, dir, "cilium/hr.yaml", "a: 1\n")
		}, want: map[string]string{"cilium/hr.yaml": checkout.Unwatched}},
		"skip-worktree": {spoil: func(t *testing.T, dir string) {
			git(t, dir, "update-index", "--skip-worktree", "cilium/hr.yaml")
			write(t, dir, "cilium/hr.yaml", "a: 1\n")
		}, want: map[string]string{"cilium/hr.yaml": checkout.Unwatched}},
		"a sparse checkout of what is read whole": {spoil: func(t *testing.T, dir string) { git(t, dir, "sparse-checkout", "set", "cilium") }, want: map[string]string{"all/one.yaml": checkout.Unwatched}},
		"line endings": {spoil: func(t *testing.T, dir string) {
			git(t, dir, "config", "core.autocrlf", "true")
			if err := os.Remove(filepath.Join(dir, "cilium/hr.yaml")); err != nil {
				t.Fatal(err)
			}
			git(t, dir, "checkout", "--", "cilium/hr.yaml")
			if raw, err := os.ReadFile(filepath.Join(dir, "cilium/hr.yaml")); err != nil || !strings.Contains(string(raw), "\r\n") {
				t.Fatalf("%q, %v", raw, err)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			dir, _ := repository(t)
			write(t, dir, "all/one.yaml", "a: 1\n")
			git(t, dir, "add", ".")
			git(t, dir, "commit", "--quiet", "--message", "all")
			if c.spoil != nil {
				c.spoil(t, dir)
			}
			if c.built.Files == nil {
				c.built = built()
			}
			got, err := checkout.Checkout{Dir: dir}.Compare(t.Context(), c.built)
			if err != nil || !maps.Equal(got, c.want) {
				t.Errorf("%v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// TestFinding_C1_Submodules: what is read of a submodule is compared with the commit that the repository names of it.
func TestFinding_C1_Submodules(t *testing.T) {
	dir, remote := repository(t)
	outer, _ := repository(t)
	git(t, outer, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", remote, "lib/base")
	git(t, outer, "commit", "--quiet", "--message", "a submodule")
	_ = dir
	files := checkout.Built{Files: []string{"cilium/hr.yaml", "lib/base/cilium/hr.yaml"}, Wanted: func(string) bool { return false }}
	compare := func(want map[string]string) {
		t.Helper()
		got, err := checkout.Checkout{Dir: outer}.Compare(t.Context(), files)
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%v, %v; want %v", got, err, want)
		}
	}
	compare(nil)
	write(t, outer, "lib/base/other.yaml", "a: 2\n")
	compare(nil)
	write(t, outer, "lib/base/cilium/hr.yaml", "a: 2\n")
	compare(map[string]string{"lib/base/cilium/hr.yaml": checkout.Modified})
	git(t, filepath.Join(outer, "lib/base"), "commit", "--quiet", "--all", "--message", "moved")
	compare(map[string]string{"lib/base/cilium/hr.yaml": checkout.OtherCommit})
	if id, err := (checkout.Checkout{Dir: filepath.Join(outer, "lib/base")}).Commit(t.Context()); err != nil || len(id) != 40 {
		t.Errorf("the submodule's commit: %q, %v", id, err)
	}
}

// TestFinding_C1_FolderOfARepository: paths are from the folder, whatever lies beside it.
func TestFinding_C1_FolderOfARepository(t *testing.T) {
	dir, _ := repository(t)
	write(t, dir, "other.yaml", "a: 2\n")
	write(t, dir, "cilium/hr.yaml", "a: 2\n")
	got, err := checkout.Checkout{Dir: filepath.Join(dir, "cilium")}.Compare(t.Context(), checkout.Built{Files: []string{"hr.yaml"}, Wanted: func(string) bool { return true }})
	if err != nil || !maps.Equal(got, map[string]string{"hr.yaml": checkout.Modified}) {
		t.Errorf("%v, %v", got, err)
	}
}

// TestFinding_M17_Commit: the commit of everything that git knows as a repository, and what is none.
func TestFinding_M17_Commit(t *testing.T) {
	dir, _ := repository(t)
	head := git(t, dir, "rev-parse", "HEAD")
	worktree := filepath.Join(t.TempDir(), "worktree")
	git(t, dir, "worktree", "add", "--quiet", "--detach", worktree)
	git(t, dir, "pack-refs", "--all")
	empty, none := t.TempDir(), t.TempDir()
	git(t, empty, "init", "--quiet")
	t.Setenv("GIT_CEILING_DIRECTORIES", filepath.Dir(none))
	t.Setenv("GIT_DIR", filepath.Join(empty, ".git")) // as in a hook: not what is asked about
	for name, c := range map[string]struct {
		dir string
		err error
	}{
		"a clone": {dir: dir}, "a folder of it": {dir: filepath.Join(dir, "cilium")}, "a worktree": {dir: worktree},
		"no commit yet": {dir: empty, err: checkout.ErrNoCommit}, "an export": {dir: none, err: checkout.ErrNoRepository},
		"git's own folder": {dir: filepath.Join(dir, ".git"), err: checkout.ErrNoRepository},
	} {
		id, err := checkout.Checkout{Dir: c.dir}.Commit(t.Context())
		if !errors.Is(err, c.err) || c.err == nil && id != head {
			t.Errorf("%s: %q, %v", name, id, err)
		}
	}
	t.Setenv("PATH", none)
	if _, err := (checkout.Checkout{Dir: dir}).Commit(t.Context()); !errors.Is(err, checkout.ErrNoGit) {
		t.Errorf("without git: %v", err)
	}
}

// TestFinding_C1_HostileRepository: nothing that a repository asks git to run is run by looking at it.
func TestFinding_C1_HostileRepository(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the programs are shell scripts")
	}
	dir, _ := repository(t)
	mark := filepath.Join(t.TempDir(), "ran")
	script := "#!/bin/sh\ntouch " + mark + "\n"
	for _, name := range []string{"run", "hooks/post-index-change", "hooks/fsmonitor-watchman", "hooks/query-watchman"} {
		write(t, dir, ".git/"+name, script)
		if err := os.Chmod(filepath.Join(dir, ".git", name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	program := filepath.Join(dir, ".git/run")
	for _, key := range []string{"core.fsmonitor", "diff.external", "core.pager", "pager.status", "core.editor", "core.sshCommand", "gpg.program"} {
		git(t, dir, "config", key, program)
	}
	write(t, dir, "cilium/hr.yaml", "a: 1\n")
	if err := os.Remove(mark); err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Fatal(err)
	}
	before := slices.Clone(index(t, dir))
	c := checkout.Checkout{Dir: dir}
	if _, err := c.Commit(t.Context()); err != nil {
		t.Error(err)
	}
	if got, err := c.Compare(t.Context(), built()); err != nil || len(got) != 1 {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := os.Stat(mark); err == nil {
		t.Error("a program of the repository's was run")
	}
	if !slices.Equal(before, index(t, dir)) {
		t.Error("the index was written")
	}
}

func index(t *testing.T, dir string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(dir, ".git/index"))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}
