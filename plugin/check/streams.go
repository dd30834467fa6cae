package check

import (
	"cmp"
	"fmt"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

func streamChecks() []Check {
	return []Check{{
		ID: "CG406", Phase: Handover, AC: "AC-4",
		Title:  "no connection between pods was lost",
		Hint:   "The report has when each gap began beside what the run did then, and which pods were replaced: flux handover report. A gap of some tens of milliseconds is an agent's restart; seconds are a path that was gone.",
		About:  "Measured by flux handover run --probe alone, from before the backup until the end: TCP connections from a pod on each node to a pod on each other and to a Service's ClusterIP, with a message every 20 ms; and a new connection every tenth of a second. A connection is lost that breaks, or is silent for ten seconds. The longest gap is shown and does not fail: what is too long is for whoever has the workloads to say.",
		Manual: "kubectl exec -it POD-ON-ONE-NODE -- ping -i 0.2 IP-OF-A-POD-ON-ANOTHER",
		Needs:  []facts.Part{facts.Streaming},
		Judge:  judgeStreams,
	}}
}

func judgeStreams(f facts.Facts) Verdict {
	s := f.Live.Streams
	if s == nil || len(s.Streams) == 0 && len(s.Nodes) == 0 {
		return unknown("nothing was measured", Evidence{Where: "streams", Got: "no result"})
	}
	var n findings
	var worst facts.Stream
	open := 0
	for _, one := range s.Streams {
		where := one.From + " -> " + one.To
		switch {
		case one.Answers == 0:
			n.unseen(where, "it never was open: "+cmp.Or(one.Why, "no answer"))
			continue
		case one.Lost > 0:
			n.failed(where, fmt.Sprintf("lost %s: %s; the longest gap %s", times(one.Lost), one.Why, gap(one)), "never lost")
		case one.Silent:
			n.failed(where, "silent at the end, for "+gap(one), "answered every 20 ms")
		}
		open++
		if one.Gap > worst.Gap {
			worst = one
		}
	}
	if s.Failed > 0 {
		n.failed("new connections", fmt.Sprintf("%d of %d failed, such as %s", s.Failed, s.Tried, s.Why), "none failed")
	}
	for _, node := range s.Nodes {
		if node.Why != "" {
			n.unseen(node.Name, node.Why)
		}
	}
	if open == 0 {
		n.unseen("streams", "none was open")
	}
	good := fmt.Sprintf("%s for %s: none lost, and none of %s; the longest gap %s, %s -> %s",
		count(open, "stream"), s.Ended.Sub(s.Began).Round(time.Second), count(s.Tried, "new connection"), gap(worst), worst.From, worst.To)
	return n.verdict(good, "connections between pods were lost")
}

func gap(one facts.Stream) string {
	text := one.Gap.Round(time.Millisecond).String()
	if one.GapAt.IsZero() {
		return text
	}
	return text + " from " + one.GapAt.UTC().Format("15:04:05.000")
}
