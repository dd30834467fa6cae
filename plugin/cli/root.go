package cli

import (
	"flag"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
)

// Root is the root command of either program.
func Root(env *Env, short, long string) *cobra.Command {
	root := &cobra.Command{
		Use:           "root",
		Short:         short,
		Long:          long,
		SilenceUsage:  true,
		SilenceErrors: true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: env.Name},
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().AddFlag(verbosity())
	root.AddCommand(version(env))
	return root
}

// verbosity is klog's -v alone: the rest of its flags are about files that a plugin does not write.
func verbosity() *flagAlias {
	all := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(all)
	return aliasOf(all.Lookup("v"), "v", "Log verbosity of the client libraries (6 shows every request)")
}
