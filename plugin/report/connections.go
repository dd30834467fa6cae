package report

import (
	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// connections says what became of connections between pods while a cluster was changed, where that was measured: in the
// words of the check that judges it.
func connections(p *Page, cluster string, s *facts.Streams) {
	if s == nil {
		return
	}
	f := facts.Facts{Live: facts.Live{Streams: s}, Seen: []facts.Part{facts.Streaming}}
	for _, c := range check.All() {
		if len(c.Needs) != 1 || c.Needs[0] != facts.Streaming {
			continue
		}
		v := check.Run(f, []check.Check{c})[0]
		p.Line("%s  %s  %s  %s", cluster, c.ID, p.Paint(v.Outcome, v.Outcome.String()), p.cut(fold(v.Reason)))
		for _, e := range v.Evidence {
			p.Line("  %s  %s", fold(e.Where), p.cut(fold(e.Got)))
		}
		if s.Left != "" {
			p.Line("  left behind: namespace %s", fold(s.Left))
		}
	}
}
