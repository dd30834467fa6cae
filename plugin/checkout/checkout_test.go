package checkout_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/checkout"
)

const release = `# Cilium.
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata:
  name: cilium # its name
  namespace: kube-system
spec:
  values: {}
`

var label = checkout.Label{File: "cilium/hr.yaml", Kind: "HelmRelease", Namespace: "kube-system", Name: "cilium", Key: "cilium-gitops.dev/drill", Value: "run-1"}

// repository is a bare repository and a clone of it.
func repository(t *testing.T) (dir, remote string) {
	t.Helper()
	for key, value := range map[string]string{
		"GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_SYSTEM": os.DevNull,
		"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
	} {
		t.Setenv(key, value)
	}
	remote, dir = filepath.Join(t.TempDir(), "remote.git"), filepath.Join(t.TempDir(), "clone")
	git(t, ".", "init", "--quiet", "--bare", "--initial-branch=main", remote)
	git(t, ".", "clone", "--quiet", remote, dir)
	git(t, dir, "checkout", "--quiet", "-B", "main")
	write(t, dir, "cilium/hr.yaml", release)
	write(t, dir, "other.yaml", "a: 1\n")
	git(t, dir, "add", ".")
	git(t, dir, "commit", "--quiet", "--message", "begin")
	git(t, dir, "push", "--quiet", "--set-upstream", "origin", "main")
	return dir, remote
}

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func pushed(t *testing.T, remote string) string { return git(t, remote, "show", "main:cilium/hr.yaml") }

func TestPushAndBack(t *testing.T) {
	dir, remote := repository(t)
	c := checkout.Checkout{Dir: dir}
	tree := git(t, remote, "rev-parse", "main^{tree}")
	none := label
	none.Value = ""
	for range 2 { // done twice it commits once
		if err := c.Push(t.Context(), label); err != nil {
			t.Fatal(err)
		}
	}
	if text := pushed(t, remote); !strings.Contains(text, "cilium-gitops.dev/drill: \"run-1\"") || !strings.Contains(text, "name: cilium # its name") {
		t.Errorf("pushed:\n%s", text)
	}
	for range 2 {
		if err := c.Push(t.Context(), none); err != nil {
			t.Fatal(err)
		}
	}
	if now := git(t, remote, "rev-parse", "main^{tree}"); now != tree {
		t.Errorf("the tree is not what it was:\n%s", pushed(t, remote))
	}
	if n := git(t, remote, "rev-list", "--count", "main"); n != "3" {
		t.Errorf("%s commits", n)
	}
}

// TestUndoFinishesWhatWasBegun: a process ended after the edit, or after the commit; or another machine undoes it.
func TestUndoFinishesWhatWasBegun(t *testing.T) {
	none := label
	none.Value = ""
	for name, left := range map[string]func(t *testing.T, dir, remote string) checkout.Checkout{
		"edited": func(t *testing.T, dir, _ string) checkout.Checkout {
			write(t, dir, label.File, strings.Replace(release, "  namespace", "  labels:\n    cilium-gitops.dev/drill: \"run-1\"\n  namespace", 1))
			return checkout.Checkout{Dir: dir}
		},
		"elsewhere": func(t *testing.T, dir, remote string) checkout.Checkout {
			other := filepath.Join(t.TempDir(), "other")
			git(t, ".", "clone", "--quiet", remote, other)
			if err := (checkout.Checkout{Dir: dir}).Push(t.Context(), label); err != nil {
				t.Fatal(err)
			}
			return checkout.Checkout{Dir: other}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, remote := repository(t)
			c := left(t, dir, remote)
			if name == "edited" { // what began it comes again first
				if err := c.Push(t.Context(), label); err != nil {
					t.Fatal(err)
				}
			}
			if err := c.Push(t.Context(), none); err != nil {
				t.Fatal(err)
			}
			if text := pushed(t, remote) + "\n"; text != release {
				t.Errorf("pushed:\n%s", text)
			}
			if changes := git(t, c.Dir, "status", "--porcelain"); changes != "" {
				t.Errorf("left behind: %s", changes)
			}
		})
	}
}

// TestOthersWorkStays: nothing of the user's own is committed or pushed.
func TestOthersWorkStays(t *testing.T) {
	dir, remote := repository(t)
	c := checkout.Checkout{Dir: dir}
	write(t, dir, "other.yaml", "a: 2\n")
	if err := c.Push(t.Context(), label); err != nil {
		t.Fatal(err)
	}
	if text := git(t, remote, "show", "main:other.yaml"); text != "a: 1" {
		t.Errorf("pushed what is not committed: %s", text)
	}
	git(t, dir, "commit", "--quiet", "--all", "--message", "mine")
	none := label
	none.Value = ""
	if err := c.Push(t.Context(), none); err == nil || !strings.Contains(err.Error(), "commits of yours") {
		t.Errorf("pushed what was not: %v", err)
	}
	git(t, dir, "push", "--quiet")
	if err := c.Push(t.Context(), none); err != nil {
		t.Error(err)
	}
}

func TestTrouble(t *testing.T) {
	for want, spoil := range map[string]func(t *testing.T, dir, remote string){
		"":              func(*testing.T, string, string) {},
		"not committed": func(t *testing.T, dir, _ string) { write(t, dir, "other.yaml", "a: 2\n") },
		"not pushed": func(t *testing.T, dir, _ string) {
			git(t, dir, "commit", "--quiet", "--allow-empty", "--message", "mine")
		},
		"follows no remote branch": func(t *testing.T, dir, _ string) { git(t, dir, "checkout", "--quiet", "-b", "mine") },
		"behind": func(t *testing.T, dir, remote string) {
			other := filepath.Join(t.TempDir(), "other")
			git(t, ".", "clone", "--quiet", remote, other)
			git(t, other, "commit", "--quiet", "--allow-empty", "--message", "theirs")
			git(t, other, "push", "--quiet")
		},
		"git fetch": func(t *testing.T, _, remote string) {
			if err := os.RemoveAll(remote); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run("is "+want, func(t *testing.T) {
			dir, remote := repository(t)
			spoil(t, dir, remote)
			got := checkout.Checkout{Dir: dir}.Trouble(t.Context())
			if !strings.Contains(got, want) || want == "" && got != "" {
				t.Errorf("%q", got)
			}
		})
	}
}

// TestFileIsReplacedWhole: the label comes in a new file that takes the old one's name, so that a disk that is full
// leaves the old one as it was. Its mode stays.
func TestFileIsReplacedWhole(t *testing.T) {
	dir, remote := repository(t)
	file, same := filepath.Join(dir, label.File), filepath.Join(t.TempDir(), "same")
	if err := os.Chmod(file, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(file, same); err != nil {
		t.Fatal(err)
	}
	if err := (checkout.Checkout{Dir: dir}).Push(t.Context(), label); err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(same); err != nil || string(text) != release {
		t.Errorf("the old file was written to: %q, %v", text, err)
	}
	if !strings.Contains(pushed(t, remote), "run-1") {
		t.Error("the label was not pushed")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}
