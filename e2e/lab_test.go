//go:build e2e

// Package e2e runs both programs as their users do, against a lab of its own: real API servers, real Flux, the real
// chart of Cilium.
package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience bounds any one command.
const patience = 5 * time.Minute

// lab is the lab of this run: its program and the environment that `lab env` prints.
type lab struct {
	bin   string
	state string
	env   []string
}

var theLab lab

func TestMain(m *testing.M) {
	code, err := withLab(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

// withLab brings a lab up, runs the tests and takes it down. E2E_STATE keeps it, for the next run to find; with E2E_REAL
// there is none.
func withLab(m *testing.M) (int, error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return 1, err
	}
	theLab = lab{bin: filepath.Join(root, "bin", "lab"), state: os.Getenv("E2E_STATE")}
	if os.Getenv("E2E_REAL") != "" {
		defer fellReal()
		return m.Run(), nil // the tests of real agents bring up their own, and want the machine for it
	}
	if theLab.state == "" {
		if theLab.state, err = os.MkdirTemp("", "cilium-gitops-e2e-"); err != nil {
			return 1, err
		}
		defer os.RemoveAll(theLab.state)
		defer func() { _ = theLab.program(os.Stderr, "down") }()
	}
	if err := theLab.program(os.Stderr, "up"); err != nil {
		return 1, fmt.Errorf("bring the lab up: %w", err)
	}
	if err := theLab.readEnv(); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// program runs bin/lab, its words going to w.
func (l *lab) program(w *os.File, args ...string) error {
	cmd := exec.Command(l.bin, append(args, "--state", l.state)...)
	cmd.Stdout, cmd.Stderr = w, w
	return cmd.Run()
}

// readEnv has a shell evaluate `lab env`, as a person would.
func (l *lab) readEnv() error {
	cmd := exec.Command("sh", "-c", fmt.Sprintf(`eval "$(%q env --state %q)" && env -0`, l.bin, l.state))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("lab env: %w", err)
	}
	l.env = strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	return nil
}

// result is how a command ended.
type result struct {
	stdout, stderr string
	code           int
	took           time.Duration
}

// run runs a command in the lab's environment.
func run(t *testing.T, name string, args ...string) result {
	t.Helper()
	return theLab.run(t, "", name, args...)
}

// run runs a command in that lab's environment and in that folder.
func (l *lab) run(t *testing.T, dir, name string, args ...string) result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, l.look(name), args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, l.env, &stdout, &stderr
	began := time.Now()
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(began)}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	case err != nil:
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return r
}

// look finds a program on the lab's PATH, not on ours.
func (l *lab) look(name string) string {
	for _, pair := range l.env {
		path, ok := strings.CutPrefix(pair, "PATH=")
		if !ok {
			continue
		}
		for _, dir := range filepath.SplitList(path) {
			file := filepath.Join(dir, name)
			if info, err := os.Stat(file); err == nil && !info.IsDir() {
				return file
			}
		}
	}
	return name
}

// must runs a command that has to succeed and returns its stdout.
func must(t *testing.T, name string, args ...string) string {
	t.Helper()
	return theLab.must(t, "", name, args...)
}

func (l *lab) must(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	r := l.run(t, dir, name, args...)
	if r.code != 0 {
		t.Fatalf("%s %s: exit code %d\n%s%s", name, strings.Join(args, " "), r.code, r.stdout, r.stderr)
	}
	return r.stdout
}

// another brings up a lab of a test's own, for what would spoil the common one.
func another(t *testing.T, args ...string) *lab {
	t.Helper()
	l := &lab{bin: theLab.bin, state: t.TempDir()}
	t.Cleanup(func() { _ = l.program(os.Stderr, "down") })
	if err := l.program(os.Stderr, append([]string{"up"}, args...)...); err != nil {
		t.Fatalf("bring another lab up: %v", err)
	}
	if err := l.readEnv(); err != nil {
		t.Fatal(err)
	}
	return l
}

// variable is one of the lab's environment.
func (l *lab) variable(name string) string {
	for _, pair := range l.env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// labDo runs bin/lab, which has to succeed.
func labDo(t *testing.T, args ...string) string {
	t.Helper()
	return must(t, theLab.bin, append(args, "--state", theLab.state)...)
}

// verification is the document of `verify -o json`: the names that are fixed, and no others are read.
type verification struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Clusters   []struct {
		Name, Context, Server, Version string
	} `json:"clusters"`
	Summary struct {
		Pass, Warn, Fail, Unknown, Skip int
		Outcome                         string
	} `json:"summary"`
	Results []verdict `json:"results"`
}

type verdict struct {
	ID, Phase, AC, Title, Cluster, Outcome, Reason, Hint string

	Evidence []struct{ Where, Got, Want string }
}

// verify runs the plugin through kubectl and reads its document.
func verify(t *testing.T, args ...string) (verification, result) {
	t.Helper()
	r := run(t, "kubectl", append([]string{"cilium-gitops", "verify", "-o", "json"}, args...)...)
	var v verification
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatalf("verify %s: exit code %d, no document: %v\n%s%s", strings.Join(args, " "), r.code, err, r.stdout, r.stderr)
	}
	return v, r
}

// outcomes is cluster/ID -> outcome of everything that calls for a person, warnings aside: they come and go with time.
func (v verification) outcomes() map[string]string {
	all := map[string]string{}
	for _, r := range v.Results {
		if r.Outcome == "fail" || r.Outcome == "unknown" {
			all[r.Cluster+"/"+r.ID] = r.Outcome
		}
	}
	return all
}

// result of one check on one cluster.
func (v verification) result(t *testing.T, cluster, id string) verdict {
	t.Helper()
	for _, r := range v.Results {
		if r.Cluster == cluster && r.ID == id {
			return r
		}
	}
	t.Fatalf("no result of %s on %s", id, cluster)
	return verdict{}
}
