package ciliumgitops

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

func newExplain(env *cli.Env) *cobra.Command {
	var out cli.Output
	cmd := &cobra.Command{
		Use:               "explain ID",
		Short:             "Say what a check, or a rule of lint, means, why it matters and how to mend it",
		Example:           fmt.Sprintf("  %s explain CG108", env.Name),
		Args:              cobra.ExactArgs(1),
		ValidArgsFunction: cli.ArgsCompletion(1, func() []string { return append(checkIDs(), ruleIDs()...) }),
		RunE: func(_ *cobra.Command, args []string) error {
			for _, c := range check.All() {
				if strings.EqualFold(string(c.ID), args[0]) {
					return out.Print(env, report.NewExplanation(c))
				}
			}
			for _, r := range lint.Rules() {
				if strings.EqualFold(r.ID, args[0]) {
					return out.Print(env, report.NewRuleExplanation(r))
				}
			}
			return unknownCheck(env, args[0])
		},
	}
	out.AddFlags(cmd.Flags())
	out.Complete(cmd)
	return cmd
}

func checkIDs() []string {
	var ids []string
	for _, c := range check.All() {
		ids = append(ids, string(c.ID)+"\t"+c.Title)
	}
	return ids
}

func unknownCheck(env *cli.Env, id string) error {
	return cli.Usage("there is no check %q; list them with: %s verify --list", id, env.Name)
}
