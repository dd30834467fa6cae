package fluxhandover

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// planOptions are the flags of plan.
type planOptions struct {
	aims

	out  cli.Output
	save string
}

func newPlan(env *cli.Env) *cobra.Command {
	o := &planOptions{aims: newAims(env)}
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what a handover would do to each cluster, and what is in the way",
		Long: `Looks at each cluster, at the working tree and at what Flux would apply of the chart, and says which strategies are
possible, what is in the way, what the adoption would change, which steps a run would take and which objects it would
write to. It writes nothing. It ends with the command that runs the plan.

Exit codes: 0 ready, or handed over already, 2 wrong usage or input, 3 something could not be seen, 4 refused.`,
		Example: fmt.Sprintf(`  # The clusters of fleet.yaml, from the repository's root
  %[1]s plan

  # Two clusters; keep the plan for review, and run the very same later
  %[1]s plan --context infra,apps --save plan.json
  %[1]s run --context infra,apps --plan plan.json

  # For a pull request
  %[1]s plan --context infra --report markdown=plan.md`, env.Name),
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	o.addFlags(cmd)
	o.out.Like = []report.Doc{report.Plan{}}
	o.out.AddFlags(cmd.Flags())
	o.out.AddReports(cmd.Flags())
	o.out.Complete(cmd)
	cmd.Flags().StringVar(&o.save, "save", "", "Keep the plan in this file, for review and for run --plan; it holds nothing secret")
	return cmd
}

func (o *planOptions) run(ctx context.Context) error {
	if err := errors.Join(o.validate(), o.out.Check(o.env, report.Plan{})); err != nil {
		return err
	}
	targets, err := o.clusters.Targets()
	if err != nil {
		return err
	}
	plans, err := o.made(ctx, targets)
	if err != nil {
		return err
	}
	var more []string
	if o.save != "" {
		more = []string{"--plan", o.save}
	}
	doc := report.NewPlan(plans, o.soak, o.allow, o.command("run", targets, more...))
	if o.save != "" {
		if err := savePlan(o.save, doc); err != nil {
			return cli.Usage("keep the plan: %w", err)
		}
	}
	if err := o.out.Save(doc); err != nil {
		return err
	}
	if err := o.out.Print(o.env, doc); err != nil {
		return err
	}
	if err := o.drillsLeft(ctx, seen(targets, plans)); err != nil {
		return err
	}
	return verdict(plans)
}

// savePlan writes a plan for its owner alone, whole or not at all.
func savePlan(path string, doc report.Plan) error {
	raw, err := json.MarshalIndent(doc, "", "  ")
	if err != nil {
		return err
	}
	return replace(path, append(raw, '\n'))
}

// maxPlan bounds what is read of a plan, in bytes.
const maxPlan = 64 << 20

// readPlan reads what savePlan wrote.
func readPlan(path string) (report.Plan, error) {
	var doc report.Plan
	file, err := os.Open(path)
	if err != nil {
		return doc, err
	}
	defer file.Close()
	raw, err := io.ReadAll(io.LimitReader(file, maxPlan+1))
	if err != nil {
		return doc, err
	}
	if len(raw) > maxPlan {
		return doc, fmt.Errorf("%s is larger than %d MiB: not a plan", path, maxPlan>>20)
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		return doc, fmt.Errorf("%s: %w", path, err)
	}
	want := report.NewPlan(nil, 0, nil, "").Head
	if doc.Head != want {
		return doc, fmt.Errorf("%s is %q %q, not a plan (%s %s)", path, doc.APIVersion, doc.Kind, want.APIVersion, want.Kind)
	}
	for _, p := range doc.Plans {
		if p == nil {
			return doc, fmt.Errorf("%s: a plan in it is empty", path)
		}
	}
	return doc, nil
}
