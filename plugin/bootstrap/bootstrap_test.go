package bootstrap_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/bootstrap"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
)

// fake puts a helmfile on the PATH that keeps its arguments, refuses all but write-values, and then does what body says
// with $out, the output template.
func fake(t *testing.T, body string) (argv string) {
	t.Helper()
	dir := t.TempDir()
	argv = filepath.Join(dir, "argv")
	script := `#!/bin/sh
printf '%s\n' "$@" > ` + argv + `
case " $* " in *" sync "*|*" apply "*|*" destroy "*) exit 99;; *" write-values "*) ;; *) exit 98;; esac
for a in "$@"; do last=$out; out=$a; done
out=$(printf '%s' "$out" | sed 's/{{ .State.AbsPathSHA1 }}/one/; s/{{ .Release.Name }}/cilium/')
write() { mkdir -p "$(dirname "$1")"; cat > "$1"; }
` + body
	if err := os.WriteFile(filepath.Join(dir, "helmfile"), []byte(script), 0o700); err != nil { //nolint:gosec // it is run
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return argv
}

func state(t *testing.T) bootstrap.Helmfile {
	t.Helper()
	file := filepath.Join(t.TempDir(), "helmfile.yaml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return bootstrap.Helmfile{File: file, Environment: "infra", Release: "cilium"}
}

func TestValues(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	argv := fake(t, `
dir=$(dirname "$(dirname "$(dirname "$out")")")
[ "$(stat -c %a "$dir" 2>/dev/null || stat -f %Lp "$dir")" = 700 ] || exit 97
case "$TMPDIR" in "$dir"/*) ;; *) exit 96;; esac
echo 'cluster: {id: 1}' | write "$out"`)
	h := state(t)
	text, err := h.Values(t.Context())
	if err != nil || string(text) != "cluster: {id: 1}\n" {
		t.Fatalf("%q, %v", text, err)
	}
	got, err := os.ReadFile(argv)
	if err != nil {
		t.Fatal(err)
	}
	want := "--file\n" + h.File + "\n--environment\ninfra\n--selector\nname=cilium\n--skip-deps\n--no-color\n--log-level\nerror\nwrite-values\n--output-file-template\n"
	if !strings.HasPrefix(string(got), want) {
		t.Errorf("called with\n%s", got)
	}
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestValuesFail(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"fails":     {`echo "password: canary" >&2; echo canary; exit 3`, "exit status 3"},
		"nothing":   {``, "environment infra has no release cilium"},
		"empty":     {`write "$out" < /dev/null`, "helmfile wrote no values"},
		"twice":     {`echo a: 1 | write "$out"; echo a: 2 | write "$(dirname "$(dirname "$out")")/two/cilium.yaml"`, "has 2 releases cilium"},
		"elsewhere": {`echo a: 1 | write "$TMPDIR/one/cilium.yaml"`, "has no release cilium"},
		"a link":    {`mkdir -p "$(dirname "$out")"; ln -s /etc/hosts "$out"`, "has no release cilium"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			fake(t, c.body)
			_, err := state(t).Values(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("got %v", err)
			}
			if left, err := filepath.Glob(filepath.Join(os.TempDir(), "*")); err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestValuesWithoutHelmfile(t *testing.T) {
	h := state(t)
	t.Setenv("PATH", t.TempDir())
	if _, err := h.Values(t.Context()); !errors.Is(err, bootstrap.ErrNoHelmfile) || !strings.Contains(err.Error(), "bootstrap.values") {
		t.Errorf("got %v", err)
	}
	h.File += "none"
	if _, err := h.Values(t.Context()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

// TestValuesEndInTime has a helmfile whose child would go on for ever.
func TestValuesEndInTime(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := exec.CommandContext(t.Context(), "mkfifo", pipe).Run(); err != nil {
		t.Skipf("no pipes here: %v", err)
	}
	fake(t, "exec cat "+pipe)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer cancel()
		if writer, err := os.OpenFile(pipe, os.O_WRONLY, 0); err == nil { // once it is read from
			t.Cleanup(func() { _ = writer.Close() })
		}
	}()
	if _, err := state(t).Values(ctx); err == nil || !strings.Contains(err.Error(), "--timeout") {
		t.Errorf("got %v", err)
	}
}

func TestFind(t *testing.T) {
	usual := fleet.Default().Bootstrap
	for name, c := range map[string]struct {
		files            []string
		b                fleet.Bootstrap
		values, helmfile string
		wrong            string
	}{
		"values first":  {[]string{usual.Values, usual.Helmfile}, usual, usual.Values, "", ""},
		"helmfile":      {[]string{usual.Helmfile}, usual, "", usual.Helmfile, ""},
		"neither":       {nil, usual, "", "", usual.Helmfile},
		"misspelled":    {[]string{usual.Helmfile}, fleet.Bootstrap{Values: "valeus.yaml", Helmfile: usual.Helmfile}, "", "", "valeus.yaml"},
		"own helmfile":  {[]string{"x.yaml"}, fleet.Bootstrap{Helmfile: "x.yaml"}, "", "x.yaml", ""},
		"nothing named": {nil, fleet.Bootstrap{}, "", "", "the fleet names no bootstrap"},
	} {
		t.Run(name, func(t *testing.T) {
			tree := t.TempDir()
			for _, file := range c.files {
				path := filepath.Join(tree, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, nil, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			values, helmfile, err := bootstrap.Find(tree, c.b)
			if c.wrong != "" {
				if err == nil || !strings.Contains(err.Error(), c.wrong) {
					t.Errorf("got %v", err)
				}
				return
			}
			at := func(name string) string {
				if name == "" {
					return ""
				}
				return filepath.Join(tree, name)
			}
			if err != nil || values != at(c.values) || helmfile != at(c.helmfile) {
				t.Errorf("got %q, %q, %v", values, helmfile, err)
			}
		})
	}
}
