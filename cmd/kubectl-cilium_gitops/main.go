// Command kubectl-cilium_gitops is a plugin of kubectl.
package main

import (
	"os"

	_ "k8s.io/client-go/plugin/pkg/client/auth"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli/ciliumgitops"
)

func main() {
	env := cli.System(cli.TypedName(os.Args[0]))
	os.Exit(cli.Main(env, ciliumgitops.New(env), os.Args[1:]))
}
