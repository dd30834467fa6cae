package command

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/site"
)

func newUp(o *options) *cobra.Command {
	var up site.Options
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Build what is missing and bring both clusters up",
		Args:  cobra.NoArgs,
		RunE: o.withLab(func(ctx context.Context, lab *site.Lab, _ []string) error {
			return lab.Up(ctx, up)
		}),
	}
	cmd.Flags().StringVar(&up.CiliumVersion, "cilium-version", "", "version of Cilium to bootstrap (default "+site.DefaultCilium+")")
	cmd.Flags().IntVar(&up.Helm, "helm", 0, "major version of the Helm that bootstraps, 3 or 4 (default 4)")
	cmd.Flags().StringVar(&up.Agents, "agents", "", "simulated, or real: Cilium's own, in namespaces of this machine, as root (default simulated)")
	cmd.Flags().BoolVar(&up.NoCilium, "no-cilium", false, "leave the clusters without Cilium; `lab bootstrap` installs it")
	return cmd
}

func newDown(o *options) *cobra.Command {
	var wipe bool
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Stop every process of the lab; what the clusters hold is kept",
		Args:  cobra.NoArgs,
		RunE: o.withLab(func(_ context.Context, lab *site.Lab, _ []string) error {
			return lab.Down(wipe)
		}),
	}
	cmd.Flags().BoolVar(&wipe, "wipe", false, "also remove the state folder")
	return cmd
}

func newReset(o *options) *cobra.Command {
	return &cobra.Command{
		Use:       "reset CLUSTER",
		Short:     "Take one cluster back to what it was after `lab up`",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: fleet.Names(),
		RunE: o.withLab(func(ctx context.Context, lab *site.Lab, args []string) error {
			return lab.Reset(ctx, args[0])
		}),
	}
}

func newBootstrap(o *options) *cobra.Command {
	return &cobra.Command{
		Use:       "bootstrap CLUSTER",
		Short:     "Install Cilium's chart by Helm, as the fleet's bootstrap does",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: fleet.Names(),
		RunE: o.withLab(func(ctx context.Context, lab *site.Lab, args []string) error {
			return lab.Bootstrap(ctx, args[0])
		}),
	}
}
