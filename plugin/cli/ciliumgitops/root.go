// Package ciliumgitops is the command tree of kubectl cilium-gitops, one file per command.
package ciliumgitops

import (
	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
)

const long = `Answers questions about clusters whose Cilium is, or is to be, managed by Flux.
It never writes to a cluster; verify --probe alone makes pods, and removes them again.

Exit codes: 0 yes, 1 no, 2 wrong usage or input, 3 cannot tell, 4 refused, 130 interrupted.`

// New is the root command.
func New(env *cli.Env) *cobra.Command {
	root := cli.Root(env, "Cilium under Flux: verify it", long)
	root.AddCommand(newVerify(env), newDiff(env), newCompare(env), newScaffold(env), newLint(env), newExplain(env), newProbePod(env))
	return root
}
