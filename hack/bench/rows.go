package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/hack/bench/results"
)

// row is one measure. What a target asks for is in its words; nothing is asserted.
type row struct {
	results.Row

	measure func(context.Context, *bench, results.Row) ([]results.Row, error)
}

// rows are all measures, by the number of their target.
func rows() []row {
	return slices.Concat(scripted(), []row{
		{results.Row{ID: "P3", Title: "API requests of a cluster, `verify --no-exec`", Target: "at most 16, and 3 of neighbours"}, requests},
		{results.Row{ID: "P4", Title: "wall time over the added round trip, `verify --no-exec`", Target: "slope at most 5, TCP and TLS included"}, slope},
		{results.Row{ID: "P5", Title: "connections of a cluster, exec aside", Target: "1"}, connections},
		{results.Row{ID: "P6", Title: "contexts at 50 ms, `verify --no-exec`", Target: "200: at most 6 s, 250 MB"}, contexts},
		{results.Row{ID: "P7", Title: "10 of 200 contexts are dead, at 50 ms, `--timeout 10s`", Target: "at most the timeout + 1 s"}, dead},
		{results.Row{ID: "P8", Title: "5,000 nodes, ten release records of 1 MiB", Target: "at most 3 s, 300 MB"}, large},
	}, rendered(), startups(), []row{
		{results.Row{ID: "P12", Title: "stripped binaries", Target: "at most 90 MB each, without github.com/cilium/cilium"}, sizes},
		{results.Row{ID: "P13", Title: "a pod restarts during `run`: from the API event until it is known", Target: "at most 1 s, 2 watches"}, restart},
		{results.Row{ID: "P14", Title: "`verify --record` of 100 nodes", Target: "at most 10 s, 5 MiB, identical when repeated"}, recording},
	})
}

func shell(what, script string) side {
	return side{what: what, command: []string{"bash", "-ec", script}}
}

func program(args ...string) side {
	return side{what: "`" + strings.Join(args, " ") + "`", command: args}
}

// against measures two sides in the lab.
func against(ours, theirs side) func(context.Context, *bench, results.Row) ([]results.Row, error) {
	return func(ctx context.Context, b *bench, r results.Row) ([]results.Row, error) {
		lab, err := b.withLab(ctx)
		if err != nil {
			return nil, err
		}
		return inTurns(ctx, lab, b.runs, r, ours, theirs)
	}
}

func inTurns(ctx context.Context, w *world, runs int, r results.Row, ours, theirs side) ([]results.Row, error) {
	both, err := turns(ctx, w, runs, ours, theirs)
	if err != nil {
		return nil, err
	}
	r.Ours, r.Theirs = summed(ours.what, both[0]), summed(theirs.what, both[1])
	return []results.Row{r}, nil
}

// scripted are the rows against the script, near and far away.
func scripted() []row {
	distance := func(roundTrip time.Duration) func(context.Context, *bench, results.Row) ([]results.Row, error) {
		return func(ctx context.Context, b *bench, r results.Row) ([]results.Row, error) {
			w, err := b.withLab(ctx)
			if err != nil {
				return nil, err
			}
			script, err := filepath.Abs("hack/bench/testdata/validate.sh")
			if err != nil {
				return nil, err
			}
			if roundTrip > 0 {
				far, end, err := farAway(w, roundTrip)
				if err != nil {
					return nil, err
				}
				defer end()
				w = far
			}
			ours := program("kubectl-cilium_gitops", "verify", "--context", "infra,apps")
			ours.codes = []int{1, 3} // what it finds of a lab takes no other time
			return inTurns(ctx, w, b.runs, r, ours, side{what: "the script", command: []string{"bash", script}})
		}
	}
	return []row{
		{results.Row{ID: "P1", Title: "verify 2 clusters, 0 ms added", Target: "5x faster than the script"}, distance(0)},
		{results.Row{ID: "P2", Title: "verify 2 clusters, 50 ms added round trip", Target: "10x faster than the script"}, distance(50 * time.Millisecond)},
	}
}

// rendering is what people do by hand: render what either cluster would get, and compare.
const rendering = `
apis='--api-versions monitoring.coreos.com/v1 --api-versions gateway.networking.k8s.io/v1/GatewayClass'
for c in infra apps; do
  helm template cilium "$LAB_CHART" --namespace kube-system --values "$LAB_STATE/$c/values.yaml" $apis >"$BENCH_TEMP/$c.yaml"
done
dyff between "$BENCH_TEMP/infra.yaml" "$BENCH_TEMP/apps.yaml" >/dev/null`

func rendered() []row {
	const both = "2x `helm template`, `dyff between`"
	diff := func(what string) side {
		s := program("kubectl-cilium_gitops", "diff", "--what", what, "--to", "cluster", "--context", "infra,apps")
		s.codes = []int{1}
		return s
	}
	dyff := func(file string) side {
		return shell("`dyff between`, a process", fmt.Sprintf(`dyff between "$BENCH_TEMP/%[1]s" "$BENCH_TEMP/%[1]s"`, file))
	}
	return []row{
		{results.Row{ID: "P9", Title: "render and compare both clusters: what would happen", Target: "3x faster"}, against(diff("impact"), shell(both, rendering))},
		{results.Row{ID: "P9", Title: "render and compare both clusters: every field", Target: "3x faster"}, against(diff("manifests"), shell(both, rendering))},
		{results.Row{ID: "P10", Title: "compare a rendered set with itself", Target: "at most 50 ms"}, against(side{what: "in the process", inside: itself(1)}, dyff("one.yaml"))},
		{results.Row{ID: "P10", Title: "compare ten times as many objects with themselves", Target: "at most 12x the row above"}, against(side{what: "in the process", inside: itself(10)}, dyff("ten.yaml"))},
	}
}

func startups() []row {
	startup := func(ours, theirs side) row {
		r := results.Row{ID: "P11", Title: "start-up", Target: "60 ms, 45 MB"}
		return row{r, func(ctx context.Context, b *bench, r results.Row) ([]results.Row, error) {
			runs := 3 * b.runs // they are short
			if lab, err := b.withLab(ctx); err == nil {
				return inTurns(ctx, lab, runs, r, ours, theirs)
			}
			alone, err := turns(ctx, b.local, runs, ours)
			if err != nil {
				return nil, err
			}
			r.Ours = summed(ours.what, alone[0])
			return []results.Row{r}, nil
		}}
	}
	return []row{
		startup(program("kubectl-cilium_gitops", "version"), program("kubectl", "version", "--client")),
		startup(program("kubectl-cilium_gitops", "--help"), program("kubectl", "--help")),
		startup(program("kubectl-cilium_gitops", "__complete", "ver"), program("kubectl", "__complete", "ver")),
		startup(program("flux-handover", "version"), program("kubectl", "version", "--client")),
	}
}

// sizes are those of both programs, as they are released.
func sizes(ctx context.Context, b *bench, r results.Row) ([]results.Row, error) {
	var words []string
	for _, name := range []string{"kubectl-cilium_gitops", "flux-handover"} {
		info, err := os.Stat(b.local.look(name))
		if err != nil {
			return nil, err
		}
		words = append(words, fmt.Sprintf("%s %.0f MB", name, float64(info.Size())/1e6))
	}
	list := b.local.command(ctx, "go", "list", "-deps", "./cmd/...")
	list.Dir = ""
	out, err := list.Output()
	if err != nil {
		return nil, missing{fmt.Errorf("list what they are linked of: %w", err)}
	}
	linked := "github.com/cilium/cilium is not linked"
	if strings.Contains(string(out), "github.com/cilium/cilium/") {
		linked = "github.com/cilium/cilium IS linked"
	}
	r.Count = strings.Join(append(words, linked), ", ")
	return []results.Row{r}, nil
}
