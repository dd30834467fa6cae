package main

import "context"

// row is one measure. What a target asks for is in its words; nothing is asserted.
type row struct {
	id, title, target string

	ours, theirs side
}

// side is what one of two sides does.
type side struct {
	what    string   // as the page words it
	command []string // a program of the lab's PATH and its arguments; $NAME is of the lab's environment
	code    int      // the exit code that is no failure
	// inside is done within this process instead: it prepares, and returns what is timed.
	inside func(ctx context.Context, l *lab) (func(), error)
}

func shell(what, script string) side {
	return side{what: what, command: []string{"sh", "-ec", script}}
}

func program(args ...string) side {
	text := ""
	for _, a := range args {
		text += " " + a
	}
	return side{what: "`" + text[1:] + "`", command: args}
}

// rendering is what people do by hand: render what either cluster would get, and compare.
const rendering = `
apis='--api-versions monitoring.coreos.com/v1 --api-versions gateway.networking.k8s.io/v1/GatewayClass'
for c in infra apps; do
  helm template cilium "$LAB_CHART" --namespace kube-system --values "$LAB_STATE/$c/values.yaml" $apis >"$BENCH_TEMP/$c.yaml"
done
dyff between "$BENCH_TEMP/infra.yaml" "$BENCH_TEMP/apps.yaml" >/dev/null`

// rows are all measures, by the number of their target.
func rows() []row {
	const both = "2x `helm template`, `dyff between`"
	diff := func(what string) side {
		return program("kubectl-cilium_gitops", "diff", "--what", what, "--to", "cluster", "--context", "infra,apps")
	}
	return []row{
		{
			id: "P9", title: "render and compare both clusters: what would happen", target: "3x faster",
			ours: diff("impact"), theirs: shell(both, rendering),
		},
		{
			id: "P9", title: "render and compare both clusters: every field", target: "3x faster",
			ours: diff("manifests"), theirs: shell(both, rendering),
		},
		{
			id: "P10", title: "compare a rendered set with itself", target: "at most 50 ms",
			ours:   side{what: "in the process", inside: itself(1)},
			theirs: shell("`dyff between`, a process", `dyff between "$BENCH_TEMP/one.yaml" "$BENCH_TEMP/one.yaml"`),
		},
		{
			id: "P10", title: "compare ten times as many objects with themselves", target: "at most 12x the row above",
			ours:   side{what: "in the process", inside: itself(10)},
			theirs: shell("`dyff between`, a process", `dyff between "$BENCH_TEMP/ten.yaml" "$BENCH_TEMP/ten.yaml"`),
		},
		startup(program("kubectl-cilium_gitops", "version"), program("kubectl", "version", "--client")),
		startup(program("kubectl-cilium_gitops", "--help"), program("kubectl", "--help")),
		startup(program("kubectl-cilium_gitops", "__complete", "ver"), program("kubectl", "__complete", "ver")),
		startup(program("flux-handover", "version"), program("kubectl", "version", "--client")),
	}
}

func startup(ours, theirs side) row {
	return row{id: "P11", title: "start-up", target: "60 ms, 45 MB", ours: ours, theirs: theirs}
}
