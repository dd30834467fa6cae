// Command lab runs two real Kubernetes clusters on one machine, for trying and testing; see README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/cilium-gitops/cilium-gitops/lab/command"
	"github.com/cilium-gitops/cilium-gitops/lab/machine"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	root := command.New(command.Env{Out: os.Stdout, Err: os.Stderr, Getenv: os.Getenv})
	err := root.ExecuteContext(ctx)
	interrupted := ctx.Err() != nil
	stop()
	switch {
	case err != nil && interrupted:
		fmt.Fprintln(os.Stderr, "lab: interrupted; run the command again to go on, or `lab down` to stop what was started")
		os.Exit(130)
	case errors.As(err, new(*machine.UnableError)):
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "lab:", err)
		os.Exit(1)
	}
}
