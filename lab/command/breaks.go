package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/lab/breaks"
	"github.com/cilium-gitops/cilium-gitops/lab/site"
)

func newBreak(o *options) *cobra.Command {
	var aim breaks.Aim
	var list bool
	var output string
	cmd := &cobra.Command{
		Use:   "break NAME",
		Short: "Do harm to a cluster, one named fault at a time",
		Long:  "Do harm to a cluster, one named fault at a time. The effect can be seen when the command returns; `lab mend` undoes it.",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if list {
				return listBreaks(o, output)
			}
			if len(args) == 0 {
				return errors.New("name what to break; see `lab break --list`")
			}
			return o.withLocked(func(ctx context.Context, lab *site.Lab) error {
				return breaks.Run(ctx, lab, args[0], aim)
			})(cmd, args)
		},
	}
	cmd.Flags().StringVar(&aim.Cluster, "cluster", "", "the cluster to break (default infra, unless the list says otherwise)")
	cmd.Flags().StringVar(&aim.Node, "node", "", "the node, for breaks of one node (default the cluster's second)")
	cmd.Flags().StringVar(&aim.User, "user", "", "the user, for breaks of one user")
	cmd.Flags().BoolVar(&list, "list", false, "list what can be broken")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "format of the list: table or json")
	return cmd
}

type listed struct {
	Name    string `json:"name"`
	Scope   string `json:"scope"`
	Cluster string `json:"defaultCluster"`
	About   string `json:"about"`
}

func listBreaks(o *options, output string) error {
	var all []listed
	for _, b := range breaks.Table() {
		cluster := b.Cluster
		if cluster == "" {
			cluster = "infra"
		}
		all = append(all, listed{b.Name, string(b.Scope), cluster, b.About})
	}
	switch output {
	case "json":
		encoder := json.NewEncoder(o.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(all)
	case "table":
		w := tabwriter.NewWriter(o.Out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, "NAME\tSCOPE\tCLUSTER\tWHAT IS WRONG AFTERWARDS")
		for _, b := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", b.Name, b.Scope, b.Cluster, b.About)
		}
		return w.Flush()
	}
	return fmt.Errorf("output %q: use table or json", output)
}

func newMend(o *options) *cobra.Command {
	var cluster string
	var all bool
	cmd := &cobra.Command{
		Use:   "mend NAME",
		Short: "Undo what `lab break` did",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return errors.New("name what to mend, or say --all")
			}
			return o.withLocked(func(ctx context.Context, lab *site.Lab) error {
				if all {
					return breaks.MendAll(ctx, lab, cluster)
				}
				return breaks.Mend(ctx, lab, args[0], cluster)
			})(cmd, args)
		},
	}
	cmd.Flags().StringVar(&cluster, "cluster", "", "only on this cluster")
	cmd.Flags().BoolVar(&all, "all", false, "undo every break in force")
	return cmd
}

// withLocked makes a command's run of a function that changes the lab.
func (o *options) withLocked(run func(ctx context.Context, lab *site.Lab) error) func(*cobra.Command, []string) error {
	return o.withLab(func(ctx context.Context, lab *site.Lab, _ []string) error {
		unlock, err := lab.Lock()
		if err != nil {
			return err
		}
		defer unlock()
		return run(ctx, lab)
	})
}
