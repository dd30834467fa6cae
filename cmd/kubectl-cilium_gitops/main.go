// Command kubectl-cilium_gitops is a plugin of kubectl.
package main

import (
	"os"
	"runtime/debug"

	_ "k8s.io/client-go/plugin/pkg/client/auth"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli/ciliumgitops"
)

func main() {
	brief()
	name, args := cli.Called(os.Args)
	env := cli.System(name)
	os.Exit(cli.Main(env, ciliumgitops.New(env), args))
}

// brief has memory collected less often than a server would: rendering a chart takes a quarter less of a processor, and
// the process soon ends. GOGC and GOMEMLIMIT still say otherwise.
func brief() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(400)
		debug.SetMemoryLimit(160 << 20)
	}
}
