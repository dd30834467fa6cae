// Command flux-handover is a plugin of flux.
package main

import (
	"os"

	_ "k8s.io/client-go/plugin/pkg/client/auth"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli/fluxhandover"
)

func main() {
	env := cli.System(cli.TypedName(os.Args[0]))
	os.Exit(cli.Main(env, fluxhandover.New(env), os.Args[1:]))
}
