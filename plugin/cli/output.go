package cli

import (
	"fmt"
	"slices"
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
	flags.Var(&o.Targets, "report", "Also write a report, KIND=FILE, repeatable; kinds: "+strings.Join(o.kinds(), ", "))
}

// kinds are those of the reports that the command writes.
func (o *Output) kinds() []string { return report.KindsOf(o.Like...) }

// Complete registers what Tab offers.
func (o *Output) Complete(cmd *cobra.Command) {
	_ = cmd.RegisterFlagCompletionFunc("output", open(report.FormatNames(o.Like...)))
	_ = cmd.RegisterFlagCompletionFunc("color", FixedCompletion(report.ColorModes()))
	if cmd.Flags().Lookup("report") == nil {
		return
	}
	var kinds []string
	for _, kind := range o.kinds() {
		kinds = append(kinds, kind+"=")
	}
	_ = cmd.RegisterFlagCompletionFunc("report", open(kinds))
}

// open offers words of which those that end in "=" are gone on with; behind it files are the shell's matter.
func open(words []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		if strings.Contains(typed, "=") {
			return nil, cobra.ShellCompDirectiveDefault
		}
		directive := cobra.ShellCompDirectiveNoFileComp
		if !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, typed) && !strings.HasSuffix(w, "=") }) {
			directive |= cobra.ShellCompDirectiveNoSpace
		}
		return words, directive
	}
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
