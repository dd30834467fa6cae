//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTutorial runs every command of docs/tutorial.md on a lab of its own, in its order, and compares what it prints with
// the page. E2E_TUTORIAL=1 writes the page anew. Times, addresses, names of pods, counts and the like
// differ from run to run; the page may hold any. Of a verification of everything, only what it came to is compared: which
// checks there are is not this page's matter.
func TestTutorial(t *testing.T) {
	t.Parallel()
	const page = "../docs/tutorial.md"
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	l := another(t)
	dir := t.TempDir()
	s := &session{lab: l.with("LAB="+l.bin, "LAB_STATE="+l.state, "XDG_STATE_HOME="+filepath.Join(dir, "state"), "TMPDIR="+dir,
		"GIT_AUTHOR_NAME=you", "GIT_AUTHOR_EMAIL=you@example.org", "GIT_COMMITTER_NAME=you", "GIT_COMMITTER_EMAIL=you@example.org"), home: dir, dir: dir}
	got := s.play(t, string(text))
	if os.Getenv("E2E_TUTORIAL") != "" {
		if err := os.WriteFile(page, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if s.count < 15 {
		t.Errorf("the page has %d commands", s.count)
	}
	if diff := cmp.Diff(played(string(text)), played(got)); diff != "" {
		t.Errorf("docs/tutorial.md is stale (-page +lab); write it anew: E2E_TUTORIAL=1 go test -tags e2e -run TestTutorial ./e2e\n%s", diff)
	}
}

// session is a shell that a page is typed into.
type session struct {
	lab   *lab
	home  string // stands for ~ in what is printed
	dir   string
	count int
}

// console matches a block of commands and what they print.
var console = regexp.MustCompile("(?ms)^```console\n(.*?)^```$")

// play types every command of the page's console blocks, and is the page with what they print now.
func (s *session) play(t *testing.T, text string) string {
	t.Helper()
	return console.ReplaceAllStringFunc(text, func(block string) string {
		var out strings.Builder
		out.WriteString("```console\n")
		for line := range strings.Lines(block) {
			if command, ok := strings.CutPrefix(line, "$ "); ok {
				out.WriteString(line + s.typed(t, strings.TrimSpace(command)))
			}
		}
		return out.String() + "```"
	})
}

// typed runs a command and gives what it prints; a shell's folder stays what it was changed to.
func (s *session) typed(t *testing.T, command string) string {
	t.Helper()
	s.count++
	where := filepath.Join(s.home, ".pwd")
	cmd := exec.Command("bash", "-c", command+"\ncode=$?; pwd >"+where+"; exit $code")
	cmd.Dir, cmd.Env = s.dir, append(s.lab.env, "PWD="+s.dir)
	text, err := cmd.CombinedOutput()
	pwd, readErr := os.ReadFile(where)
	if readErr != nil {
		t.Fatalf("%s: %v\n%s", command, err, text)
	}
	s.dir = strings.TrimSpace(string(pwd))
	out := strings.ReplaceAll(string(text), s.home, "~")
	if exit, ok := err.(*exec.ExitError); ok {
		out += fmt.Sprintf("(exit code %d)\n", exit.ExitCode())
	} else if err != nil {
		t.Fatalf("%s: %v", command, err)
	}
	t.Logf("$ %s\n%s", command, out)
	return out
}

// varying are what differs from run to run, and what stands for it.
var varying = []struct {
	match *regexp.Regexp
	stand string
}{
	{regexp.MustCompile(`\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?`), "TIME"},
	{regexp.MustCompile(`\d{8}T\d{6}Z(-[0-9a-f]+)?`), "TIME"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d\b`), "TIME"},
	{regexp.MustCompile(`(127\.0\.0\.1|localhost):\d+`), "ADDRESS"},
	{regexp.MustCompile(`sha256:[0-9a-f]+`), "DIGEST"},
	{regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "UID"},
	{regexp.MustCompile(`\b(\d+h)?(\d+m)?\d+(\.\d+)?(s|ms)\b`), "SPAN"},
	{regexp.MustCompile(`\b\d+ (seconds?|minutes?|requests?)\b`), "SPAN"},
	{regexp.MustCompile(`\b[0-9a-f]{7,40}(\.\.|…)?`), "HASH"},
	{regexp.MustCompile(`\b(cilium(-operator)?|spegel|hubble-relay)(-[0-9a-f]{8,10})?-[a-z0-9]{5}\b`), "POD"},
	{regexp.MustCompile(`\d+`), "N"},
	{regexp.MustCompile(`[ \t]+`), " "},
	{regexp.MustCompile(`(?m) $`), ""},
}

// unvarying is text without what differs from run to run.
func unvarying(text string) string {
	for _, u := range varying {
		text = u.match.ReplaceAllString(text, u.stand)
	}
	return text
}

// played are a page's commands with what they print, line by line, without what differs from run to run.
func played(text string) map[string][]string {
	all, count := map[string][]string{}, 0
	for _, block := range console.FindAllString(text, -1) {
		command := ""
		for line := range strings.Lines(strings.TrimSuffix(block, "```")) {
			switch line = strings.TrimRight(line, "\n"); {
			case strings.HasPrefix(line, "```"):
			case strings.Contains(line, "CG121"): // a warning of the first five minutes
			case strings.HasPrefix(line, "$ "):
				count++
				command = fmt.Sprintf("%02d %s", count, line)
				all[command] = nil
			case !whole.MatchString(command) || strings.HasPrefix(line, "(exit code "):
				if line = unvarying(line); !slices.Contains(all[command], line) { // how often something is told depends on the machine's pace
					all[command] = append(all[command], line)
				}
			}
		}
	}
	return all
}

// whole matches the commands whose answer grows with every check, or that tell what happened meanwhile.
var whole = regexp.MustCompile(`verify --context infra,apps( --(record|wait) \S+( -o name)?)?$|handover run |rollback .*--yes`)
