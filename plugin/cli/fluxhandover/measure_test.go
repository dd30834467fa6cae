package fluxhandover

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/cilium-gitops/cilium-gitops/plugin/act"
	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// pretendStreams are connections that came to found.
type pretendStreams struct {
	asked  act.Probing
	fails  error
	found  facts.Streams
	closed int
}

func (p *pretendStreams) Close(context.Context) *facts.Streams {
	p.closed++
	return &p.found
}

// measuring is a run with --probe on a cluster that pretends.
func measuring(t *testing.T, args ...string) (*runOptions, *job, *pretend, *bytes.Buffer) {
	t.Helper()
	said := &bytes.Buffer{}
	env := cli.System("flux handover")
	env.IOStreams = genericiooptions.IOStreams{ErrOut: said, Out: said}
	o := &runOptions{aims: newAims(env)}
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	o.probe.AddFlags(flags, probeUsage)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	there := &pretend{}
	j := &job{cluster: there, keeper: &there.kept, plan: &handover.Plan{Steps: []handover.Step{{Within: time.Minute}, {Within: time.Hour}}}}
	j.target.Name = "infra"
	return o, j, there, said
}

func TestMeasure(t *testing.T) {
	o, j, there, _ := measuring(t)
	if open, err := o.measure(t.Context(), j); open != nil || err != nil || there.streams.asked.Image != "" {
		t.Errorf("without --probe: %v %v", open, err)
	}
	journal := &handover.Journal{Cluster: "infra", UID: "u"}
	o.measured(t.Context(), nil, journal, j.keeper)
	if journal.Streams != nil {
		t.Error("nobody measured")
	}

	o, j, there, said := measuring(t, "--probe", "--probe-image", "registry.example.org/probe:v1", "--probe-nodes", "3")
	open, err := o.measure(t.Context(), j)
	if want := (act.Probing{Image: "registry.example.org/probe:v1", Nodes: 3, Within: 2 * time.Minute, Lasting: time.Hour + time.Minute}); err != nil || there.streams.asked.Image != want.Image || there.streams.asked.Lasting != want.Lasting || there.streams.asked.Nodes != 3 {
		t.Errorf("%v: %+v", err, there.streams.asked)
	}
	there.streams.found = facts.Streams{Tried: 10, Streams: []facts.Stream{{From: "infra-1", Answers: 5, Lost: 1}}}
	o.measured(t.Context(), open, journal, j.keeper)
	o.measured(t.Context(), open, journal, j.keeper) // a run that is gone on with adds to what there is
	if there.streams.closed != 2 || journal.Streams.Tried != 20 || len(journal.Streams.Streams) != 2 || said.Len() != 0 {
		t.Errorf("%+v; %s", journal.Streams, said)
	}
}

// TestMeasureFails begins nothing that is not measured, and says what is left.
func TestMeasureFails(t *testing.T) {
	o, j, there, _ := measuring(t, "--probe")
	there.streams.fails = errors.New("probe: no connection between pods could be opened: infra-1: its pod did not answer: ErrImagePull")
	there.streams.found.Left = "cilium-gitops-probe-x7k2p (unreachable)"
	_, err := o.measure(t.Context(), j)
	var exit *cli.Exit
	if !errors.As(err, &exit) || exit.Code != cli.ExitCannotTell || there.streams.closed != 1 {
		t.Fatalf("%v, closed %d times", err, there.streams.closed)
	}
	for _, want := range []string{"cluster infra: nothing was begun", "ErrImagePull", "left behind: namespace cilium-gitops-probe-x7k2p", "without --probe"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%v lacks %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	there.streams.found.Left = ""
	if _, err := o.measure(ctx, j); !errors.Is(err, context.Canceled) || there.streams.closed != 2 {
		t.Errorf("interrupted: %v", err)
	}
}
