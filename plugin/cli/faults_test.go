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
	plugins := map[string]struct{ script, says string }{
		"hangs":              {"exec sleep 180 2>&-", "timed out after 3s"},
		"is junk":            {"echo '{]'", "decoding stdout"},
		"fails":              {"echo 'password: c4n4ry-plugin' >&2; exit 7", "exit code 7"},
		"says nothing":       {"exit 0", "plugin returned version"},
		"is of another kind": {`echo '{"apiVersion":"v1","kind":"Pod"}'`, "decoding stdout"},
	}
	users, contexts := "- {name: fine, user: {}}\n", "- {name: fine, context: {cluster: living, user: fine}}\n"
	for name, p := range plugins {
		file := planted(t, dir, strings.ReplaceAll(name, " ", "-"), "#!/bin/sh\n"+p.script+"\n", 0o700)
		users += fmt.Sprintf("- name: %s\n  user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: %s, interactiveMode: Never}}\n", name, file)
		contexts += fmt.Sprintf("- {name: %s, context: {cluster: living, user: %[1]s}}\n", name)
	}
	config := planted(t, dir, "config", "apiVersion: v1\nkind: Config\nclusters:\n- {name: living, cluster: {server: "+living.URL+", insecure-skip-tls-verify: true}}\nusers:\n"+users+"contexts:\n"+contexts+"current-context: fine\n", 0o600)
	var result faultproxy.Result
	for name, p := range plugins {
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
			if c.Outcome == "unknown" && (len(c.Evidence) == 0 || !strings.Contains(c.Evidence[0].Got, p.says)) {
				t.Errorf("a plugin that %s: does not say %q: %+v", name, p.says, c.Evidence)
			}
		}
		if strings.Contains(r.stdout, "c4n4ry") { // to stderr a plugin speaks itself, as it does under kubectl
			t.Errorf("a plugin that %s: what it said comes out: %s%s", name, r.stdout, r.stderr)
		}
		result.Add("a plugin that "+name, "unknown, with the reason; the other cluster unhurt")
	}
	for what, c := range map[string]struct {
		args []string
		says string
	}{
		"no such context":          {[]string{"--kubeconfig", config, "--context", "nowhere"}, `"nowhere"`},
		"no kubeconfig":            {[]string{"--kubeconfig", filepath.Join(dir, "nowhere"), "--context", "infra"}, "no such file"},
		"a folder as kubeconfig":   {[]string{"--kubeconfig", dir}, "is a directory"},
		"junk as kubeconfig":       {[]string{"--kubeconfig", planted(t, dir, "junk", "{]", 0o600)}, "junk"},
		"a kubeconfig of binaries": {[]string{"--kubeconfig", planted(t, dir, "binary", "\x00\x01\xff", 0o600)}, "binary"},
	} {
		r := program(t, "", nil, append([]string{"kubectl-cilium_gitops", "verify"}, c.args...)...)
		if r.code != 2 || !strings.HasPrefix(r.stderr, "error: ") || !strings.Contains(r.stderr, c.says) || r.stdout != "" {
			t.Errorf("%s: exit code %d, or does not say %q\n%s%s", what, r.code, c.says, r.stdout, r.stderr)
		}
		result.Add(what, "exit code 2, said at once")
	}
	result.Keep(t, "plugin/cli", "R17")
}

// answer is a command and what it says when nothing disturbs it.
type answer struct {
	args []string
	code int
	says string // in stdout
}

// answers are commands that have an answer and ask no cluster.
func answers(t *testing.T) map[string]answer {
	t.Helper()
	fleet, err := filepath.Abs("../../examples/fleet")
	if err != nil {
		t.Fatal(err)
	}
	infra, faults := exampleFacts(t, "infra"), exampleFacts(t, "apps-with-faults")
	const kubectl, flux = "kubectl-cilium_gitops", "flux-handover"
	return map[string]answer{
		"verify":         {[]string{kubectl, "verify", "--from", infra + "," + faults, "-o", "wide"}, 1, "CG110"},
		"verify as JSON": {[]string{kubectl, "verify", "--from", infra + "," + faults, "-o", "json"}, 1, `"kind": "Verification"`},
		"verify --list":  {[]string{kubectl, "verify", "--list"}, 0, "CG101"},
		"compare":        {[]string{kubectl, "compare", "--from", infra + "," + faults}, 1, "UNEXPECTED  features  hubble effective"},
		"diff":           {[]string{kubectl, "diff", "--recording", infra, "--repo", fleet, "-o", "json"}, 0, `"kind": "ValuesDiff"`},
		"lint":           {[]string{kubectl, "lint", fleet}, 0, "No finding for infra, apps"},
		"scaffold":       {[]string{kubectl, "scaffold", "--from", infra + "," + exampleFacts(t, "apps"), "--dry-run"}, 0, "core/helmrelease.yaml"},
		"explain":        {[]string{kubectl, "explain", "CG108"}, 0, "every agent encrypts with WireGuard"},
		"version":        {[]string{kubectl, "version"}, 0, "kubectl cilium-gitops"},
		"drills":         {[]string{flux, "drill", "--list"}, 0, "drift-object"},
		"runbook":        {[]string{flux, "runbook", "--repo", fleet, "-o", "json"}, 0, `"kind": "Runbook"`},
	}
}

// undisturbed runs a command and wants the answer that it has.
func undisturbed(t *testing.T, name string, a answer, env ...string) ran {
	t.Helper()
	r := program(t, "", env, a.args...)
	if r.code != a.code || !strings.Contains(r.stdout, a.says) || strings.Contains(r.stderr, "error: ") {
		t.Fatalf("%s: this is no answer: exit code %d, want %d and %q\n%.2000s%s", name, r.code, a.code, a.says, r.stdout, r.stderr)
	}
	return r
}

// TestFault_R18_Files: a full disk, a stdout that is full, a HOME that is none: a clean exit that says so, and nothing
// half-written. Where stdout is closed, or its reader has gone, nobody wants to know.
func TestFault_R18_Files(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("there is no /dev/full")
	}
	var result faultproxy.Result
	for name, a := range answers(t) {
		usual := undisturbed(t, name, a)
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
			r := program(t, c.shell, c.env, a.args...)
			switch {
			case c.fine && what == "no HOME" && (r.code != usual.code || r.stdout != usual.stdout):
				t.Errorf("%s, %s: exit code %d, usually %d\n%s", name, what, r.code, usual.code, r.stderr)
			case c.fine && r.stderr != usual.stderr:
				t.Errorf("%s, %s: %s", name, what, r.stderr)
			case !c.fine && (r.code != 2 || !strings.Contains(r.stderr, "error: ") || !strings.Contains(r.stderr, "no space left on device")):
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
	fleet := filepath.Dir(filepath.Dir(infra))
	living := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"major":"1","minor":"37","gitVersion":"v1.37.2"}`))
	}))
	defer living.Close()
	dir := t.TempDir()
	inTheWay := planted(t, dir, "file", "mine", 0o600)
	config := planted(t, t.TempDir(), "config", "apiVersion: v1\nkind: Config\nclusters: [{name: c, cluster: {server: "+living.URL+
		"}}]\nusers: [{name: u, user: {}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\ncurrent-context: c\n", 0o600)
	commands := map[string]func(target string) []string{
		"report": func(to string) []string {
			return []string{"kubectl-cilium_gitops", "verify", "--from", infra, "--report", "html=" + to}
		},
		"record": func(to string) []string {
			return []string{"kubectl-cilium_gitops", "verify", "--kubeconfig", config, "--check", "CG103", "--record", to}
		},
		"scaffold": func(to string) []string {
			return []string{"kubectl-cilium_gitops", "scaffold", "--from", infra + "," + apps, "--output", to}
		},
		"runbook": func(to string) []string { return []string{"flux-handover", "runbook", "--repo", fleet, "--output", to} },
	}
	for name, args := range commands { // where there is room, each of them writes
		target := filepath.Join(t.TempDir(), "x")
		if r := program(t, "", nil, args(target)...); r.code != 0 {
			t.Fatalf("%s, undisturbed: exit code %d\n%s%s", name, r.code, r.stdout, r.stderr)
		}
		if _, err := os.Stat(target); err != nil {
			t.Fatalf("%s, undisturbed: %v", name, err)
		}
	}
	const full, folder, there, none = "no space left on device", "not a directory", "is a directory", "there is no directory"
	for what, c := range map[string]struct {
		target string
		says   map[string]string // by command
	}{
		"a full device":       {"/dev/full", map[string]string{"report": full, "record": full, "scaffold": folder, "runbook": folder}},
		"below a file":        {filepath.Join(inTheWay, "x"), map[string]string{"report": none, "record": folder, "scaffold": folder, "runbook": folder}},
		"a folder in the way": {dir, map[string]string{"report": there, "record": there}}, // the others write into a folder
	} {
		for name, says := range c.says {
			r := program(t, "", nil, commands[name](c.target)...)
			if r.code != 2 || !strings.Contains(r.stderr, "error: ") || !strings.Contains(r.stderr, says) {
				t.Errorf("%s, %s: exit code %d, or does not say %q\n%s%s", name, what, r.code, says, r.stdout, r.stderr)
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
	tree := bombed(t)
	bomb, infra := filepath.Join(dir, "bomb.yaml"), exampleFacts(t, "infra")
	commands := map[string][]string{
		"facts":  {"kubectl-cilium_gitops", "verify", "--from", bomb},
		"values": {"kubectl-cilium_gitops", "diff", "--recording", infra, "--to", "file=" + bomb, "-o", "name"},
		"fleet":  {"kubectl-cilium_gitops", "verify", "--from", infra, "--fleet", bomb},
		"tree":   {"kubectl-cilium_gitops", "lint", tree},
	}
	const depth, nested, values, recording, twice, unknown = "exceeded max depth", "CGL104  is nested deeper than 200", "it is not YAML of values",
		"not a recording", "CGL101  the key", `unknown field "a"`
	const aliasing, itself, many = "excessive aliasing", "contains itself", "CGL104  holds more than 400000 values"
	var result faultproxy.Result
	for what, c := range map[string]struct {
		text string
		says map[string]string // by command; of values that are read, an answer
	}{
		"aliases of aliases":  {aliases, map[string]string{"facts": aliasing, "values": values, "fleet": aliasing, "tree": many}},
		"a deep list":         {"a: " + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "\n", map[string]string{"facts": depth, "values": values, "fleet": depth, "tree": nested}},
		"a deep map":          {"a: " + strings.Repeat("{a: ", 20_000) + "1" + strings.Repeat("}", 20_000) + "\n", map[string]string{"facts": depth, "values": values, "fleet": depth, "tree": nested}},
		"a million lines":     {strings.Repeat("a: b\n", 1_000_000), map[string]string{"facts": recording, "values": "", "fleet": "already set in map", "tree": twice}},
		"a long list":         {"a:\n" + strings.Repeat("- b\n", 1_000_000), map[string]string{"facts": recording, "values": "", "fleet": unknown, "tree": many}},
		"a line of megabytes": {"a: " + strings.Repeat("x", 16<<20) + "\n", map[string]string{"facts": recording, "values": "", "fleet": unknown, "tree": "larger than is looked at"}},
		"merged into itself":  {"a: &a\n  <<: *a\n  b: c\n", map[string]string{"facts": itself, "values": values, "fleet": itself, "tree": nested}},
	} {
		planted(t, dir, "bomb.yaml", c.text, 0o600)
		planted(t, filepath.Join(tree, "kubernetes/clusters/infra"), "bomb.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb, namespace: default}\n"+c.text, 0o600)
		for name, args := range commands {
			r := program(t, "", nil, args...)
			if r.memory > most {
				t.Errorf("%s as %s: %d MiB", what, name, r.memory>>20)
			}
			switch says := c.says[name]; {
			case says == "" && (r.code != 1 || !strings.HasPrefix(r.stdout, "infra/a\n")):
				t.Errorf("%s as %s: exit code %d, and no answer\n%.300s%.300s", what, name, r.code, r.stdout, r.stderr)
			case says != "" && (r.code != 2 || !strings.Contains(r.stdout+r.stderr, says)):
				t.Errorf("%s as %s: exit code %d, or does not say %q\n%.300s%.300s", what, name, r.code, says, r.stdout, r.stderr)
			}
			result.Add(what, fmt.Sprintf("exit code %d", r.code))
		}
	}
	result.Keep(t, "plugin/cli", "R14")
}

// bombed is a tree that is read as Flux reads it: one object of it is still to be written. With a harmless one lint has
// nothing to say of it.
func bombed(t *testing.T) string {
	t.Helper()
	tree := t.TempDir()
	cluster := filepath.Join(tree, "kubernetes", "clusters", "infra")
	if err := os.MkdirAll(cluster, 0o755); err != nil {
		t.Fatal(err)
	}
	planted(t, tree, "fleet.yaml", "apiVersion: cilium-gitops.dev/v1alpha1\nkind: Fleet\nclusters: [{name: infra}]\n", 0o600)
	planted(t, cluster, "kustomization.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [bomb.yaml]\n", 0o600)
	planted(t, cluster, "bomb.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bomb, namespace: default}\n", 0o600)
	undisturbed(t, "lint", answer{[]string{"kubectl-cilium_gitops", "lint", tree}, 0, "No finding for infra\n"})
	return tree
}

// TestFault_R24_SameOutput: however many processors there are, and in whichever order maps are walked, each answer is
// the same to the byte.
func TestFault_R24_SameOutput(t *testing.T) {
	var result faultproxy.Result
	for name, a := range answers(t) {
		first := undisturbed(t, name, a, "GOMAXPROCS=1")
		for _, n := range []int{2, 8} {
			if again := program(t, "", []string{fmt.Sprintf("GOMAXPROCS=%d", n)}, a.args...); again.stdout != first.stdout || again.code != first.code || again.stderr != first.stderr {
				t.Errorf("%s with GOMAXPROCS=%d: exit code %d, another answer than with 1\n%s", name, n, again.code, again.stderr)
			}
			result.Add(fmt.Sprintf("GOMAXPROCS=%d", n), "the same bytes")
		}
	}
	result.Keep(t, "plugin/cli", "R24")
}
