// Command cilium-dbg answers `kubectl exec` in the pods of the lab's agents, also under the names cilium,
// cilium-health and hubble. It prints Cilium's own types and, where Cilium formats text, by Cilium's own functions.
package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/agent/answer"
)

// Pod names the environment variable that holds the path of what the pod's agent knows.
const pod = "CILIUM_LAB_AGENT"

func main() { os.Exit(run(os.Args, os.Getenv(pod), os.Stdout, os.Stderr)) }

func run(args []string, file string, out, errOut io.Writer) int {
	program := filepath.Base(args[0])
	if file == "" {
		fmt.Fprintf(errOut, "sh: %s: not found\n", program)
		return 127
	}
	agent, err := answer.Load(file, time.Now())
	if err != nil {
		fmt.Fprintln(errOut, answer.DeadText)
		return 1
	}
	return dispatch(program, args[1:], agent, out, errOut)
}
