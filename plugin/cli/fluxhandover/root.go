// Package fluxhandover is the command tree of flux handover, one file per command.
package fluxhandover

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
)

const long = `Moves the Helm release of a bootstrapped Cilium to a Flux HelmRelease.

Exit codes: 0 done, 1 no, 2 wrong usage or input, 3 cannot tell, 4 refused or stopped by a guard,
5 another handover holds the lock, 130 interrupted before any change.`

const examples = `  # What a handover would do, and whether anything stands against it; nothing is changed
  %[1]s plan --context infra,apps

  # One cluster after the other, each with a backup, guards and a proof
  %[1]s run --context infra --context apps --sequence infra,apps

  # Back to the bootstrap's Helm release
  %[1]s rollback --context infra`

// New is the root command.
func New(env *cli.Env) *cobra.Command {
	root := cli.Root(env, "Hand Cilium over to Flux", long)
	root.Example = fmt.Sprintf(examples, env.Name)
	root.AddCommand(newPlan(env), newRun(env), newStatus(env), newRollback(env), newDrill(env), newCleanup(env), newReport(env), newRunbook(env))
	return root
}
