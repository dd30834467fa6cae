// Package ciliumgitops is the command tree of kubectl cilium-gitops, one file per command.
package ciliumgitops

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
)

const long = `Answers questions about clusters whose Cilium is, or is to be, managed by Flux.
It never writes to a cluster; verify --probe alone makes pods, and removes them again.

Exit codes: 0 yes, 1 no, 2 wrong usage or input, 3 cannot tell, 4 refused, 130 interrupted.`

const examples = `  # What is true of two clusters, node by node
  %[1]s verify --context infra,apps

  # What Flux would do to the release that runs: which pods it would replace, and why
  %[1]s diff --what impact --context infra,apps

  # What a check means, and how to mend it
  %[1]s explain CG108`

// New is the root command.
func New(env *cli.Env) *cobra.Command {
	root := cli.Root(env, "Cilium under Flux: verify it", long)
	root.Example = fmt.Sprintf(examples, env.Name)
	root.AddCommand(newVerify(env), newDiff(env), newCompare(env), newScaffold(env), newLint(env), newExplain(env), newProbePod(env))
	return root
}
