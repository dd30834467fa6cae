package command

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/forge"
	"github.com/cilium-gitops/cilium-gitops/lab/play"
	"github.com/cilium-gitops/cilium-gitops/lab/site"
)

// newTool builds a tool that the lab offers and runs it; the scripts in the lab's bin folder call it.
func newTool(o *options) *cobra.Command {
	return &cobra.Command{
		Use:    "tool NAME -- ARGS..",
		Short:  "Build a tool if need be and run it",
		Args:   cobra.MinimumNArgs(1),
		Hidden: true,
		RunE: o.withLab(func(ctx context.Context, lab *site.Lab, args []string) error {
			return lab.Tool(ctx, args[0], args[1:])
		}),
	}
}

func newServeGit(o *options) *cobra.Command {
	var address, root string
	cmd := &cobra.Command{
		Use:    "serve-git",
		Short:  "Serve the lab's Git repositories over HTTP",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return forge.Serve(cmd.Context(), address, root)
		},
	}
	cmd.Flags().StringVar(&address, "address", "127.0.0.1:0", "where to listen")
	cmd.Flags().StringVar(&root, "root", ".", "folder of the bare repositories")
	return cmd
}

func newPlay(o *options) *cobra.Command {
	return &cobra.Command{
		Use:       "play CLUSTER",
		Short:     "Play the agents and the operator of one cluster",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: fleet.Names(),
		Hidden:    true,
		RunE: o.withLab(func(ctx context.Context, lab *site.Lab, args []string) error {
			s, _, err := lab.Dir.Read()
			if err != nil {
				return err
			}
			c, err := lab.Cluster(s, args[0])
			if err != nil {
				return err
			}
			client, err := c.Watcher()
			if err != nil {
				return err
			}
			player := play.Player{Client: client, Builder: lab.Builder, Folder: c.Path("agents"), Real: s.Real()}
			return player.Run(ctx)
		}),
	}
}
