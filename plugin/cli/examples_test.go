package cli_test

import (
	"strings"
	"testing"

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

// TestHelpHasExamples: every command's help has an example, and every example is a command that there is, with flags and
// arguments that it takes. Most are run for what they do by the scripts here, by the tutorial and by the runbook.
func TestHelpHasExamples(t *testing.T) {
	count := 0
	for name, program := range programs {
		var walk func(*cobra.Command)
		walk = func(cmd *cobra.Command) {
			for _, sub := range cmd.Commands() {
				if sub.IsAvailableCommand() && sub.Name() != "help" && !strings.HasPrefix(sub.Name(), "__") {
					walk(sub)
				}
			}
			if cmd.HasParent() && !cmd.HasSubCommands() && cmd.Example == "" {
				t.Errorf("%s: help has no example", cmd.CommandPath())
			}
			for line := range strings.Lines(cmd.Example) {
				if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
					count++
					example(t, cmd.CommandPath(), line)
				}
			}
		}
		walk(program(cli.System(name)))
	}
	if count < 40 {
		t.Errorf("found %d examples", count)
	}
}

// example parses a command line with a program of its own, up to where it would begin to do something.
func example(t *testing.T, of, line string) {
	t.Helper()
	for name, program := range programs {
		rest, ok := strings.CutPrefix(line, name+" ")
		if !ok {
			continue
		}
		cmd, args, err := program(cli.System(name)).Find(strings.Fields(rest))
		if err == nil {
			err = cmd.ParseFlags(args)
		}
		if err == nil {
			err = cmd.ValidateArgs(cmd.Flags().Args())
		}
		if err == nil && !cmd.HasParent() {
			t.Errorf("%s: %s: there is no such command", of, line)
		}
		if err != nil && !strings.Contains(err.Error(), "there is no directory") {
			t.Errorf("%s: %s: %v", of, line, err)
		}
		return
	}
	t.Errorf("%s: %q begins with neither program", of, line)
}
