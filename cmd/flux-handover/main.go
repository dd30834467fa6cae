// Command flux-handover is a plugin of flux.
package main

import (
	"os"

	_ "k8s.io/client-go/plugin/pkg/client/auth"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli/fluxhandover"
)

func main() {
	name, args := cli.Called(os.Args)
	env := cli.System(name)
	os.Exit(cli.Main(env, fluxhandover.New(env), args))
}
