package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// Output are the flags that say how the answer is written.
type Output struct {
	Format  report.Format
	Targets report.Targets
	Color   string
	Like    []report.Doc // documents that the command prints: they may have formats of their own
}

// AddFlags adds them to a command's.
func (o *Output) AddFlags(flags *pflag.FlagSet) {
	o.Color = "auto"
	flags.VarP(&o.Format, "output", "o", "Output format, one of: "+strings.Join(report.FormatNames(o.Like...), ", "))
	flags.StringVar(&o.Color, "color", o.Color, "Colour, one of: "+strings.Join(report.ColorModes(), ", "))
}

// AddReports adds --report.
func (o *Output) AddReports(flags *pflag.FlagSet) {
	kinds := report.KindsOf(report.Verification{}, report.Lint{})
	if len(o.Like) > 0 {
		kinds = report.KindsOf(o.Like...)
	}
	flags.Var(&o.Targets, "report", "Also write a report, KIND=FILE, repeatable; kinds: "+strings.Join(kinds, ", "))
}

// Complete registers what Tab offers.
func (o *Output) Complete(cmd *cobra.Command) {
	fixed := func(words []string) cobra.CompletionFunc {
		return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
	}
	_ = cmd.RegisterFlagCompletionFunc("output", fixed(report.FormatNames(o.Like...)))
	_ = cmd.RegisterFlagCompletionFunc("color", fixed(report.ColorModes()))
}

// Print writes doc on stdout.
func (o *Output) Print(env *Env, doc report.Doc) error {
	style, err := env.Style(env.Out, o.Color)
	if err != nil {
		return err
	}
	return report.Print(env.Out, o.Format, doc, style)
}

// Save writes doc to every --report.
func (o *Output) Save(doc report.Doc) error {
	for _, target := range o.Targets {
		if err := target.Write(doc); err != nil {
			return Usage("write report %s: %w", target.String(), err)
		}
	}
	return nil
}

// Check validates what can be known to be wrong before anything is looked at. Format and reports are held to like, a
// document of the kind to come.
func (o *Output) Check(env *Env, like ...report.Doc) error {
	if _, err := env.Style(env.Out, o.Color); err != nil {
		return err
	}
	for _, doc := range like {
		if err := o.Format.Knows(doc); err != nil {
			return Usage("%w", err)
		}
		for _, target := range o.Targets {
			if err := target.Knows(doc); err != nil {
				return Usage("%w", err)
			}
		}
	}
	return nil
}

// Say writes a line of the story to stderr.
func (e *Env) Say(format string, args ...any) { fmt.Fprintf(e.ErrOut, format+"\n", args...) }
