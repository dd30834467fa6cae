package command

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/lab/control"
	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/kubelet"
	"github.com/cilium-gitops/cilium-gitops/lab/site"
)

// newHold is what nodes, and the fabric between them, live by: a process in namespaces of its own.
func newHold(o *options) *cobra.Command {
	var cluster, node string
	cmd := &cobra.Command{
		Use:    "hold",
		Short:  "Hold the namespaces that it was started in",
		Args:   cobra.NoArgs,
		Hidden: true,
		RunE: o.withLab(func(ctx context.Context, lab *site.Lab, _ []string) error {
			if node == "" {
				<-ctx.Done()
				return nil
			}
			return o.onCluster(lab, cluster, func(c control.Cluster) error { return lab.Ground(c).Hold(ctx, node) })
		}),
	}
	cmd.Flags().StringVar(&cluster, "cluster", "", "the node's cluster")
	cmd.Flags().StringVar(&node, "node", "", "the node to furnish; none for the fabric")
	return cmd
}

func newGate(o *options) *cobra.Command {
	return ofCluster(o, "gate CLUSTER", "Let the nodes of a cluster reach their API server",
		func(ctx context.Context, lab *site.Lab, c control.Cluster) error { return lab.Ground(c).Gate(ctx) })
}

func newKubelet(o *options) *cobra.Command {
	return ofCluster(o, "kubelet CLUSTER", "Run the pods of a cluster's nodes",
		func(ctx context.Context, lab *site.Lab, c control.Cluster) error {
			k, err := lab.Kubelet(c)
			if err != nil {
				return err
			}
			return k.Run(ctx)
		})
}

func newContain(*options) *cobra.Command {
	return &cobra.Command{
		Use:    "contain FILE",
		Short:  "Run the container that a file plans",
		Args:   cobra.ExactArgs(1),
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			plan, err := kubelet.ReadPlan(args[0])
			if err != nil {
				return err
			}
			return plan.Contain(cmd.Context())
		},
	}
}

// ofCluster is a hidden command that works on one cluster for as long as the lab lasts.
func ofCluster(o *options, use, short string, run func(context.Context, *site.Lab, control.Cluster) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs), ValidArgs: fleet.Names(), Hidden: true,
		RunE: o.withLab(func(ctx context.Context, lab *site.Lab, args []string) error {
			return o.onCluster(lab, args[0], func(c control.Cluster) error { return run(ctx, lab, c) })
		}),
	}
}

func (o *options) onCluster(lab *site.Lab, name string, run func(control.Cluster) error) error {
	s, _, err := lab.Dir.Read()
	if err != nil {
		return err
	}
	c, err := lab.Cluster(s, name)
	if err != nil {
		return err
	}
	return run(c)
}
