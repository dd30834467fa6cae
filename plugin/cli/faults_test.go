package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
)

// forever bounds a command that never ends by itself: it is killed, and the test has failed.
const forever = 2 * time.Minute

// ran is how a command ended.
type ran struct {
	stdout, stderr string
	code           int
	memory         int64 // the most that was resident, in bytes
}

// program runs one of the programs as a process of its own. Where a shell is given, the shell runs it as "$@".
func program(t *testing.T, shell string, env []string, args ...string) ran {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), forever)
	defer cancel()
	if shell != "" {
		args = append([]string{"sh", "-c", shell, "sh"}, args...)
	}
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr, cmd.Dir = &stdout, &stderr, t.TempDir()
	cmd.Env = append(append(os.Environ(), "TZ=UTC", "HOME="+cmd.Dir, "XDG_STATE_HOME="+cmd.Dir, "KUBECONFIG="+cmd.Dir+"/none"), env...)
	err := cmd.Run()
	r := ran{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && !errors.Is(err, exec.ErrWaitDelay) || ctx.Err() != nil {
		t.Fatalf("%v: %v\n%s%s", args, err, r.stdout, r.stderr)
	}
	if strings.Contains(r.stderr, "goroutine ") {
		t.Errorf("%v: %s", args, r.stderr)
	}
	r.memory = resident(cmd.ProcessState)
	return r
}

// exampleFacts is a recording of the example's fleet.
func exampleFacts(t *testing.T, name string) string {
	t.Helper()
	file, err := filepath.Abs("../../examples/fleet/facts/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return file
}

func planted(t *testing.T, dir, name, text string, mode os.FileMode) string {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestFault_R17_Kubeconfig: credential plugins that hang, print junk, fail or are not there cost the clusters that they
// are for, and nobody else, and no longer than the timeout; what is no kubeconfig and no context is said at once.
func TestFault_R17_Kubeconfig(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("the plugins are shell scripts")
	}
	living := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { // credentials are for TLS alone
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"major":"1","minor":"37","gitVersion":"v1.37.2"}`))
	}))
	defer living.Close()
	dir := t.TempDir()
	plugins := map[string]string{
		"hangs": "exec sleep 180 2>&-", "is junk": "echo '{]'", "fails": "echo 'password: c4n4ry-plugin' >&2; exit 7",
		"says nothing": "exit 0", "is of another kind": `echo '{"apiVersion":"v1","kind":"Pod"}'`,
	}
	users, contexts := "- {name: fine, user: {}}\n", "- {name: fine, context: {cluster: living, user: fine}}\n"
	for name, script := range plugins {
		file := planted(t, dir, strings.ReplaceAll(name, " ", "-"), "#!/bin/sh\n"+script+"\n", 0o700)
		users += fmt.Sprintf("- name: %s\n  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: %s, interactiveMode: Never}}\n", name, file)
		contexts += fmt.Sprintf("- {name: %s, context: {cluster: living, user: %[1]s}}\n", name)
	}
	config := planted(t, dir, "config", "apiVersion: v1\nkind: Config\nclusters:\n- {name: living, cluster: {server: "+living.URL+", insecure-skip-tls-verify: true}}\nusers:\n"+users+"contexts:\n"+contexts+"current-context: fine\n", 0o600)
	var result faultproxy.Result
	for name := range plugins {
		r := program(t, "", nil, "kubectl-cilium_gitops", "verify", "--kubeconfig", config, "--context", "fine", "--context", name, "--check", "CG103", "--timeout", "3s", "-o", "json")
		var v struct {
			Results []struct {
				Cluster, Outcome string
				Evidence         []struct{ Got string }
			}
		}
		if err := json.Unmarshal([]byte(r.stdout), &v); err != nil || r.code != 3 || len(v.Results) != 2 {
			t.Errorf("%s: exit code %d, %v\n%s%s", name, r.code, err, r.stdout, r.stderr)
			continue
		}
		for _, c := range v.Results {
			if want := map[bool]string{true: "pass", false: "unknown"}[c.Cluster == "fine"]; c.Outcome != want {
				t.Errorf("a plugin that %s: %s is %s", name, c.Cluster, c.Outcome)
			}
			if c.Outcome == "unknown" {
				t.Logf("a plugin that %s: %s", name, c.Evidence[0].Got)
			}
		}
		if strings.Contains(r.stdout, "c4n4ry") { // to stderr a plugin speaks itself, as it does under kubectl
			t.Errorf("a plugin that %s: what it said comes out: %s%s", name, r.stdout, r.stderr)
		}
		result.Add("a plugin that "+name, "unknown, with the reason; the other cluster unhurt")
	}
	for what, args := range map[string][]string{
		"no such context":          {"--kubeconfig", config, "--context", "nowhere"},
		"no kubeconfig":            {"--kubeconfig", filepath.Join(dir, "nowhere"), "--context", "infra"},
		"a folder as kubeconfig":   {"--kubeconfig", dir},
		"junk as kubeconfig":       {"--kubeconfig", planted(t, dir, "junk", "{]", 0o600)},
		"a kubeconfig of binaries": {"--kubeconfig", planted(t, dir, "binary", "\x00\x01\xff", 0o600)},
	} {
		r := program(t, "", nil, append([]string{"kubectl-cilium_gitops", "verify"}, args...)...)
		if r.code != 2 || !strings.HasPrefix(r.stderr, "error: ") || r.stdout != "" {
			t.Errorf("%s: exit code %d\n%s%s", what, r.code, r.stdout, r.stderr)
		}
		result.Add(what, "exit code 2, said at once")
	}
	result.Keep(t, "plugin/cli", "R17")
}

// answers are commands that have an answer and ask no cluster.
func answers(t *testing.T) map[string][]string {
	t.Helper()
	fleet, err := filepath.Abs("../../examples/fleet")
	if err != nil {
		t.Fatal(err)
	}
	infra, faults := exampleFacts(t, "infra"), exampleFacts(t, "apps-with-faults")
	const kubectl, flux = "kubectl-cilium_gitops", "flux-handover"
	return map[string][]string{
		"verify":         {kubectl, "verify", "--from", infra + "," + faults, "-o", "wide"},
		"verify as JSON": {kubectl, "verify", "--from", infra + "," + faults, "-o", "json"},
		"verify --list":  {kubectl, "verify", "--list"},
		"compare":        {kubectl, "compare", "--recording", infra + "," + faults},
		"diff":           {kubectl, "diff", "--recording", infra, "--repo", fleet, "-o", "json"},
		"lint":           {kubectl, "lint", fleet},
		"scaffold":       {kubectl, "scaffold", "--from", infra + "," + exampleFacts(t, "apps"), "--dry-run"},
		"explain":        {kubectl, "explain", "CG108"},
		"version":        {kubectl, "version"},
		"drills":         {flux, "drill", "--list"},
		"runbook":        {flux, "runbook", "--repo", fleet, "-o", "json"},
	}
}

// TestFault_R18_Files: a full disk, a stdout that is full, a HOME that is none: a clean exit that says so, and nothing
// half-written. Where stdout is closed, or its reader has gone, nobody wants to know.
func TestFault_R18_Files(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /dev/full")
	}
	var result faultproxy.Result
	for name, args := range answers(t) {
		usual := program(t, "", nil, args...)
		for what, c := range map[string]struct {
			shell string
			env   []string
			fine  bool
		}{
			"stdout is full":   {`exec "$@" >/dev/full`, nil, false},
			"stdout is closed": {`exec "$@" >&-`, nil, true}, // Go opens the null device in its place
			"nobody reads":     {`"$@" | true`, nil, true},
			"no HOME":          {`exec "$@"`, []string{"HOME=/dev/null/none", "XDG_STATE_HOME=/dev/null/none", "XDG_CACHE_HOME=/dev/null/none", "TMPDIR=/dev/null/none"}, true},
		} {
			r := program(t, c.shell, c.env, args...)
			switch {
			case c.fine && what == "no HOME" && (r.code != usual.code || r.stdout != usual.stdout):
				t.Errorf("%s, %s: exit code %d, usually %d\n%s", name, what, r.code, usual.code, r.stderr)
			case c.fine && r.stderr != usual.stderr:
				t.Errorf("%s, %s: %s", name, what, r.stderr)
			case !c.fine && (r.code == 0 || !strings.Contains(r.stderr, "error: ")):
				t.Errorf("%s, %s: exit code %d\n%s", name, what, r.code, r.stderr)
			}
			result.Add(what, map[bool]string{true: "the usual answer", false: "an error and an exit code"}[c.fine])
		}
	}
	files(t, &result)
	result.Keep(t, "plugin/cli", "R18")
}

// files has what is to be written to files go to a full device, below what is no folder, and onto a folder.
func files(t *testing.T, result *faultproxy.Result) {
	t.Helper()
	infra, apps := exampleFacts(t, "infra"), exampleFacts(t, "apps")
	dir := t.TempDir()
	inTheWay := planted(t, dir, "file", "mine", 0o600)
	for what, target := range map[string]string{
		"a full device": "/dev/full", "below a file": filepath.Join(inTheWay, "x"), "a folder in the way": dir,
	} {
		for name, args := range map[string][]string{
			"report":   {"kubectl-cilium_gitops", "verify", "--from", infra, "--report", "html=" + target},
			"record":   {"kubectl-cilium_gitops", "verify", "--from", infra, "--record", target},
			"scaffold": {"kubectl-cilium_gitops", "scaffold", "--from", infra + "," + apps, "--output", target},
			"runbook":  {"flux-handover", "runbook", "--output", target},
		} {
			if what == "a folder in the way" && (name == "scaffold" || name == "runbook") {
				continue // they write into a folder
			}
			r := program(t, "", nil, args...)
			if r.code == 0 || !strings.Contains(r.stderr, "error: ") {
				t.Errorf("%s, %s: exit code %d\n%s%s", name, what, r.code, r.stdout, r.stderr)
			}
			result.Add(name+" to "+what, "an error and an exit code")
		}
	}
	left, err := os.ReadDir(dir)
	if text, _ := os.ReadFile(inTheWay); err != nil || len(left) != 1 || string(text) != "mine" {
		t.Errorf("%v, left behind are %v; the file that was there says %q", err, left, text)
	}
}

// TestFault_R14_Bombs: documents that grow, are deep or long end a command soon, with an error or an answer, and cost
// memory that is bounded.
func TestFault_R14_Bombs(t *testing.T) {
	const most = 1 << 30
	dir := t.TempDir()
	aliases := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c <= 'j'; c++ {
		aliases += fmt.Sprintf("%c: &%c [*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c,*%[3]c]\n", c, c, c-1)
	}
	var result faultproxy.Result
	for what, text := range map[string]string{
		"aliases of aliases":  aliases,
		"a deep list":         "a: " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "\n",
		"a deep map":          strings.Repeat("{a: ", 20_000) + "1" + strings.Repeat("}", 20_000) + "\n",
		"a million lines":     strings.Repeat("a: b\n", 1_000_000),
		"a long list":         "a:\n" + strings.Repeat("- b\n", 1_000_000),
		"a line of megabytes": "a: " + strings.Repeat("x", 16<<20) + "\n",
		"merged into itself":  "a: &a\n  <<: *a\n  b: c\n",
	} {
		file := planted(t, dir, "bomb.yaml", text, 0o600)
		for name, args := range map[string][]string{
			"facts":  {"kubectl-cilium_gitops", "verify", "--from", file},
			"values": {"kubectl-cilium_gitops", "diff", "--recording", exampleFacts(t, "infra"), "--to", "file=" + file, "-o", "name"},
			"fleet":  {"kubectl-cilium_gitops", "verify", "--from", exampleFacts(t, "infra"), "--fleet", file},
			"tree":   {"kubectl-cilium_gitops", "lint", file},
		} {
			r := program(t, "", nil, args...)
			if r.memory > most {
				t.Errorf("%s as %s: %d MiB", what, name, r.memory>>20)
			}
			if r.code == 0 && name == "facts" || r.code > 3 || r.code < 0 {
				t.Errorf("%s as %s: exit code %d\n%.300s%.300s", what, name, r.code, r.stdout, r.stderr)
			}
			result.Add(what, fmt.Sprintf("exit code %d", r.code))
		}
	}
	result.Keep(t, "plugin/cli", "R14")
}

// TestFault_R24_SameOutput: however many processors there are, and in whichever order maps are walked, each answer is
// the same to the byte.
func TestFault_R24_SameOutput(t *testing.T) {
	var result faultproxy.Result
	for name, args := range answers(t) {
		first := program(t, "", []string{"GOMAXPROCS=1"}, args...)
		for _, n := range []int{2, 8} {
			if again := program(t, "", []string{fmt.Sprintf("GOMAXPROCS=%d", n)}, args...); again.stdout != first.stdout || again.code != first.code || again.stderr != first.stderr {
				t.Errorf("%s with GOMAXPROCS=%d: exit code %d, another answer than with 1\n%s", name, n, again.code, again.stderr)
			}
			result.Add(fmt.Sprintf("GOMAXPROCS=%d", n), "the same bytes")
		}
	}
	result.Keep(t, "plugin/cli", "R24")
}
