package fluxhandover

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// shown is a world that can only be looked at.
type shown struct {
	handover.World

	facts facts.Facts
}

func (s shown) Observe(context.Context, []facts.Part) (facts.Facts, error) { return s.facts, nil }

// TestFinding_H9_StatusWarns: status says first that a HelmRelease which is suspended and being deleted must not be resumed.
func TestFinding_H9_StatusWarns(t *testing.T) {
	infra := target("infra")
	for deleting, want := range map[bool]bool{true: true, false: false} {
		p := &pretend{}
		p.kept.journal = &handover.Journal{Name: handover.RollbackName, Phase: handover.Frozen, Stop: "step ask: not within 2m0s", Steps: []handover.StepRecord{{ID: handover.StepAsk, Begun: 1}}}
		p.world = shown{facts: facts.Facts{Expect: infra.Expect, Live: facts.Live{HelmReleases: []facts.HelmRelease{
			{Namespace: "kube-system", Name: "cilium", Suspend: true, Deleting: deleting},
		}}}}
		o := &statusOptions{aims: newAims(env(nil))}
		o.cmd = &cobra.Command{}
		o.clusters.AddFlags(o.cmd.Flags())
		o.reach = func(context.Context, *aims, cli.Target) (changer, error) { return p, nil }
		doc := o.look(t.Context(), []cli.Target{infra})
		var out bytes.Buffer
		if err := report.Print(&out, report.Format{}, doc, report.Style{}); err != nil {
			t.Fatal(err)
		}
		warned, stop := strings.Index(out.String(), "do NOT resume it"), strings.Index(out.String(), "step ask")
		if (warned >= 0) != want || stop < warned || stop < 0 {
			t.Errorf("deleting %t:\n%s", deleting, out.String())
		}
	}
}
