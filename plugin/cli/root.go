package cli

import (
	"flag"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"
	"k8s.io/klog/v2"
)

// Root is the root command of either program.
func Root(env *Env, short, long string) *cobra.Command {
	root := &cobra.Command{
		Use:           env.file(),
		Short:         short,
		Long:          long,
		SilenceUsage:  true,
		SilenceErrors: true,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: env.Name},
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.PersistentFlags().VarP(newVerbosity(), "v", "v", "Log verbosity of the client libraries: 6 shows every request, 7 is the most")
	root.AddCommand(version(env), completion(env))
	return root
}

// mostVerbose is the last level at which the client libraries leave bodies out. Bodies hold Secrets.
const mostVerbose = 7

// verbosity is klog's -v alone: the rest of its flags are about files that a plugin does not write. At level 0 nothing is
// logged: what the client libraries have to say there, of a watch that was interrupted for instance, is said by us.
type verbosity struct{ klog *flag.Flag }

func newVerbosity() *verbosity {
	all := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(all)
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	_ = all.Set("stderrthreshold", "FATAL") // an error goes to stderr otherwise, wherever the rest does
	return &verbosity{klog: all.Lookup("v")}
}

func (v *verbosity) String() string { return v.klog.Value.String() }

// Type is how help words the flag's value.
func (v *verbosity) Type() string { return "level" }

func (v *verbosity) Set(text string) error {
	level, err := strconv.Atoi(text)
	if err != nil || level < 0 {
		return fmt.Errorf("%q is not a level from 0 to %d", text, mostVerbose)
	}
	klog.LogToStderr(level > 0)
	return v.klog.Value.Set(strconv.Itoa(min(level, mostVerbose)))
}
