package command

import (
	"context"
	"fmt"
	"path/filepath"
	"sort"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/lab/breaks"
	"github.com/cilium-gitops/cilium-gitops/lab/site"
)

func newStatus(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Say what the lab is and which of its programs run",
		Args:  cobra.NoArgs,
		RunE: o.withLab(func(_ context.Context, lab *site.Lab, _ []string) error {
			s, known, err := lab.Dir.Read()
			if err != nil {
				return err
			}
			if !known {
				fmt.Fprintf(o.Out, "no lab in %s; start one with `lab up`\n", lab.Dir)
				return nil
			}
			up := "down"
			if s.Up {
				up = "up"
			}
			fmt.Fprintf(o.Out, "%s: %s, Cilium %s, Helm %d\ngit %s\nregistry oci://%s/charts/cilium\n",
				lab.Dir, up, s.CiliumVersion, s.Helm, lab.GitURL(s), lab.RegistryAddress(s))
			names := lab.Processes().Names("")
			sort.Strings(names)
			w := tabwriter.NewWriter(o.Out, 0, 0, 2, ' ', 0)
			for _, name := range names {
				if r, ok := lab.Processes().Find(name); ok {
					fmt.Fprintf(w, "%s\trunning\tpid %d\n", name, r.PID)
					continue
				}
				fmt.Fprintf(w, "%s\tstopped\tsee %s\n", name, lab.Processes().Log(name))
			}
			if err := w.Flush(); err != nil {
				return err
			}
			inForce, err := breaks.InForce(lab)
			if err != nil {
				return err
			}
			for _, r := range inForce {
				fmt.Fprintf(o.Out, "broken: %s, since %s\n", r, r.Since.Local().Format(time.TimeOnly))
			}
			return nil
		}),
	}
}

func newKubeconfig(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the kubeconfig with the contexts infra and apps",
		Args:  cobra.NoArgs,
		RunE: o.withLab(func(_ context.Context, lab *site.Lab, _ []string) error {
			fmt.Fprintln(o.Out, lab.Dir.Kubeconfig())
			return nil
		}),
	}
}

func newEnv(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "env",
		Short: "Print shell commands that put the lab's kubeconfig and tools into the environment",
		Long:  "Print shell commands that put the lab's kubeconfig and tools into the environment:\n\n  eval \"$(lab env)\"",
		Args:  cobra.NoArgs,
		RunE: o.withLab(func(_ context.Context, lab *site.Lab, _ []string) error {
			s, known, err := lab.Dir.Read()
			if err != nil {
				return err
			}
			if !known {
				return fmt.Errorf("no lab in %s; start one with `lab up`", lab.Dir)
			}
			fmt.Fprintf(o.Out, "export KUBECONFIG='%s'\n", lab.Dir.Kubeconfig())
			fmt.Fprintf(o.Out, "export PATH='%s:%s':\"$PATH\"\n", lab.Dir.Bin(), filepath.Dir(lab.Self))
			// flux looks for its plugins here and nowhere on the PATH.
			fmt.Fprintf(o.Out, "export FLUXCD_PLUGINS='%s'\n", filepath.Dir(lab.Self))
			fmt.Fprintf(o.Out, "export LAB_STATE='%s'\n", lab.Dir)
			fmt.Fprintf(o.Out, "export LAB_GIT_URL='%s'\n", lab.GitURL(s))
			fmt.Fprintf(o.Out, "export LAB_REGISTRY='%s'\n", lab.RegistryAddress(s))
			fmt.Fprintf(o.Out, "export LAB_CHART='%s'\n", lab.ChartPath(s.CiliumVersion))
			return nil
		}),
	}
}
