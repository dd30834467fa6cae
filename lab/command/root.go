// Package command is the lab's command line: flags and wiring, no more.
package command

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/lab/component"
	"github.com/cilium-gitops/cilium-gitops/lab/site"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// Env is what a command takes from the world.
type Env struct {
	Out, Err io.Writer
	Getenv   func(string) string
}

type options struct {
	Env
	state string
}

// New is the root command.
func New(env Env) *cobra.Command {
	o := &options{Env: env}
	root := &cobra.Command{
		Use:   "lab",
		Short: "Two real Kubernetes clusters on this machine, with Cilium installed by Helm and Flux beside it",
		Long: "Two real Kubernetes clusters, infra and apps, on this machine and without containers: etcd, API server, controllers,\n" +
			"Flux, Helm and Cilium's chart are the real programs; kubelet, agents and operator are played, or, with `up --agents real`, Cilium's own agents run in namespaces.",
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetOut(env.Out)
	root.SetErr(env.Err)
	root.PersistentFlags().StringVar(&o.state, "state", "", "state folder (default $LAB_STATE, else below $XDG_STATE_HOME or ~/.local/state)")
	root.AddCommand(
		newUp(o), newDown(o), newReset(o), newBootstrap(o), newBreak(o), newMend(o), newStatus(o), newKubeconfig(o), newEnv(o),
		newTool(o), newServeGit(o), newPlay(o), newHold(o), newGate(o), newKubelet(o), newContain(o),
	)
	return root
}

// lab finds the lab that the flags and the environment name.
func (o *options) lab() (*site.Lab, error) {
	dir, err := o.dir()
	if err != nil {
		return nil, err
	}
	builder, err := o.builder()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own executable: %w", err)
	}
	return &site.Lab{Dir: dir, Builder: builder, Self: self, Err: o.Err, Begun: time.Now()}, nil
}

func (o *options) dir() (state.Dir, error) {
	if o.state != "" {
		return state.Abs(o.state)
	}
	return state.Default(o.Getenv)
}

func (o *options) builder() (component.Builder, error) {
	source, err := component.FindSource(o.Getenv)
	if err != nil {
		return component.Builder{}, err
	}
	cache, err := component.CacheDir(o.Getenv)
	if err != nil {
		return component.Builder{}, err
	}
	return component.Builder{Source: source, Cache: cache, Tell: o.Err}, nil
}

// withLab makes a command's run of a function that wants the lab.
func (o *options) withLab(run func(ctx context.Context, lab *site.Lab, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		lab, err := o.lab()
		if err != nil {
			return err
		}
		return run(cmd.Context(), lab, args)
	}
}
