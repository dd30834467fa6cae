package cli_test

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli/ciliumgitops"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli/fluxhandover"
)

// programs are both root commands, by how users type them.
var programs = map[string]func(*cli.Env) *cobra.Command{
	"kubectl cilium-gitops": ciliumgitops.New,
	"flux handover":         fluxhandover.New,
}

// answered are the examples that ask no cluster, with the exit codes of their answers. All others are asked of clusters
// that do not answer: they can tell nothing, which is exit code 3. None is wrong usage.
var answered = map[string]int{
	"kubectl cilium-gitops compare --from recordings/ --what values,versions":          cli.ExitYes,
	"kubectl cilium-gitops completion bash":                                            cli.ExitYes,
	"kubectl cilium-gitops completion install":                                         cli.ExitYes,
	"kubectl cilium-gitops explain CG108":                                              cli.ExitYes,
	"kubectl cilium-gitops lint":                                                       cli.ExitYes,
	"kubectl cilium-gitops lint --fix":                                                 cli.ExitYes,
	"kubectl cilium-gitops lint --fix --all":                                           cli.ExitYes,
	"kubectl cilium-gitops lint --report github=/dev/stdout --report sarif=lint.sarif": cli.ExitYes,
	"kubectl cilium-gitops lint kubernetes/infrastructure/networking -o wide":          cli.ExitYes,
	"kubectl cilium-gitops scaffold --from infra.yaml,apps.yaml --output fleet":        cli.ExitYes,
	"kubectl cilium-gitops verify --from infra.yaml -o wide":                           cli.ExitYes,
	"kubectl cilium-gitops verify --phase handover --from infra.yaml":                  cli.ExitYes,
	"kubectl cilium-gitops version -o json":                                            cli.ExitYes,
	"flux handover completion bash":                                                    cli.ExitYes,
	"flux handover drill --list":                                                       cli.ExitYes,
	"flux handover drill --list --context infra":                                       cli.ExitYes,
	"flux handover report --journal journal.json -o markdown":                          cli.ExitYes,
	"flux handover runbook":                                                            cli.ExitYes,
	"flux handover runbook --output docs/cilium":                                       cli.ExitYes,
	"flux handover runbook --sequence infra,apps --soak 1h":                            cli.ExitYes,
	"flux handover version -o json":                                                    cli.ExitYes,

	// The repository has a tree already, which says something else than these values: that is not overwritten.
	"kubectl cilium-gitops scaffold --from file=infra=infra-values.yaml --from file=apps=apps-values.yaml --cilium-version 1.18.2": cli.ExitRefused,
}

// TestHelpHasExamples: the help of every command has an example, and every line of it is run, as it stands, in a fleet's
// repository with recordings of its clusters, which do not answer.
func TestHelpHasExamples(t *testing.T) {
	fleet, asked := exampleFleet(t), map[string]bool{}
	for name, program := range programs {
		var walk func(*cobra.Command)
		walk = func(cmd *cobra.Command) {
			for _, sub := range cmd.Commands() {
				if sub.IsAvailableCommand() && sub.Name() != "help" {
					walk(sub)
				}
			}
			lines := 0
			for line := range strings.Lines(cmd.Example) {
				if line = strings.TrimSpace(line); line == "" || strings.HasPrefix(line, "#") {
					continue
				}
				lines++
				if asked[line] {
					continue
				}
				asked[line] = true
				t.Run(line, func(t *testing.T) { example(t, fleet, line) })
			}
			if lines == 0 {
				t.Errorf("%s: help has no example", cmd.CommandPath())
			}
		}
		walk(program(cli.System(name)))
	}
	for line := range answered {
		if !asked[line] {
			t.Errorf("%s is no example", line)
		}
	}
}

// example runs a line in a copy of the fleet. One that would ask a person is told yes: before an answer nothing is looked at.
func example(t *testing.T, fleet, line string) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(fleet)); err != nil {
		t.Fatal(err)
	}
	code, text := typed(t, dir, line)
	if code == cli.ExitUsage && strings.Contains(text, "there is no terminal to ask on") {
		code, text = typed(t, dir, line+" --yes")
	}
	want, known := answered[line]
	if !known {
		want = cli.ExitCannotTell
	}
	if code != want {
		t.Errorf("exit code %d, want %d\n%s", code, want, text)
	}
	if !known && !strings.Contains(text, "connection refused") {
		t.Errorf("it does not say that the clusters did not answer:\n%s", text)
	}
}

// typed runs a line as kubectl and flux run what is typed there, and gives its exit code and all that it printed.
func typed(t *testing.T, dir, line string) (code int, text string) {
	t.Helper()
	words := strings.Fields(line)
	file := map[string]string{"kubectl cilium-gitops": "kubectl-cilium_gitops", "flux handover": "flux-handover"}[strings.Join(words[:min(2, len(words))], " ")]
	if file == "" {
		t.Fatalf("%q begins with neither program", line)
	}
	bin := t.TempDir()
	program, err := exec.LookPath(file)
	if err == nil {
		err = os.Symlink(program, filepath.Join(bin, file))
	}
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin, file), words[2:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &out
	cmd.Env = append(os.Environ(), "KUBECONFIG="+filepath.Join(dir, "kubeconfig"), "HOME="+dir, "XDG_STATE_HOME="+filepath.Join(dir, "state"),
		"XDG_CACHE_HOME="+filepath.Join(dir, "cache"), "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	var exit *exec.ExitError
	if err := cmd.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// exampleFleet is the repository of examples/fleet with the files that examples name.
func exampleFleet(t *testing.T) string {
	t.Helper()
	dir, facts := t.TempDir(), "../../examples/fleet/facts/"
	if err := os.CopyFS(dir, os.DirFS("../../examples/fleet")); err != nil {
		t.Fatal(err)
	}
	for to, from := range map[string]string{
		"infra.yaml": facts + "infra.yaml", "apps.yaml": facts + "apps.yaml",
		"recordings/infra.yaml": facts + "infra.yaml", "recordings/apps.yaml": facts + "apps.yaml",
	} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		put(t, dir, to, text)
	}
	archive, err := txtar.ParseFile("testdata/examples.txtar")
	if err == nil {
		err = txtar.Write(archive, dir)
	}
	if err != nil {
		t.Fatal(err)
	}
	if code, text := typed(t, dir, "flux handover plan --context infra,apps --save plan.json"); code != cli.ExitCannotTell {
		t.Fatalf("save a plan: exit code %d\n%s", code, text)
	}
	return dir
}

func put(t *testing.T, dir, name string, text []byte) {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}
