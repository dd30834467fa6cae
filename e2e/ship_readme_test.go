//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// coveredBy are README.md's commands that are not run here, and what runs them.
var coveredBy = map[string]string{
	"make test":                          "every run of the tests",
	"make lab":                           "the lab is up",
	`eval "$(bin/lab env)"`:              "the lab's environment is read so",
	"make lab-down":                      "the lab of the other tests stays up",
	"kubectl krew install cilium-gitops": "TestKrew, from the same manifest",
	"flux plugin install handover":       "TestFluxPlugin, from the same manifest",
}

var (
	shell   = regexp.MustCompile("(?ms)^```sh\n(.*?)^```$")
	comment = regexp.MustCompile(`\s+# .*$`)
)

// TestReadme runs every command of README.md's blocks as it stands, in their order, from the repository's root.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	home, broken, count := t.TempDir(), false, 0
	l := theLab.with("HOME="+home, "LAB_STATE="+theLab.state, "GOFLAGS=-buildvcs=false", "GOCACHE="+goEnv(t, "GOCACHE"), "GOMODCACHE="+goEnv(t, "GOMODCACHE"), "GOPROXY="+goEnv(t, "GOPROXY"))
	for _, block := range shell.FindAllStringSubmatch(string(text), -1) {
		for line := range strings.Lines(block[1]) {
			command := comment.ReplaceAllString(strings.TrimSpace(line), "")
			count++
			if coveredBy[command] != "" || command == "" {
				continue
			}
			want := 0
			if broken && strings.Contains(command, " verify ") {
				want = 1
			}
			if r := l.run(t, "..", "bash", "-c", command); r.code != want {
				t.Errorf("%s: exit code %d, want %d\n%s%s", command, r.code, want, r.stderr, r.stdout)
			}
			broken = broken && !strings.Contains(command, "lab mend") || strings.Contains(command, "lab break")
		}
	}
	if count < 12 {
		t.Errorf("README.md has %d commands", count)
	}
	for _, file := range []string{".local/bin/kubectl-cilium_gitops", ".fluxcd/plugins/flux-handover"} {
		if _, err := os.Stat(filepath.Join(home, file)); err != nil {
			t.Error(err)
		}
	}
}

func goEnv(t *testing.T, name string) string {
	t.Helper()
	return strings.TrimSpace(must(t, "go", "env", name))
}
