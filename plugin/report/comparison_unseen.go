package report

import (
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/compare"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// unseen writes what kept clusters from being compared, each cause with those that it kept.
func (c Comparison) unseen(p *Page) {
	for _, why := range c.causes() {
		var where []string
		for _, u := range c.Unseen {
			if place := u.Cluster; u.Why == why && !slices.Contains(where, place) {
				where = append(where, place)
			}
		}
		p.Line("%s  %s  %s", p.Paint(check.Unknown, "UNKNOWN"), p.some(where), p.cut(fold(why)))
		var parts []facts.Part
		for _, u := range c.Unseen {
			if u.Why == why && !slices.Contains(parts, u.Part) {
				parts = append(parts, u.Part)
			}
		}
		p.Prose(wideIndent, "not compared: "+joinParts(parts))
	}
	if len(c.Unseen) > 0 {
		p.Line("")
	}
}

// untold names the differences of which nobody can tell whether they are expected.
func (c Comparison) untold(p *Page) {
	for _, d := range c.Differences {
		if d.Untold {
			p.Line("%s  %s  %s  %s", p.Paint(check.Unknown, "UNKNOWN"), pad(string(d.What), len(compare.Settings)), p.cut(fold(d.Path)), d.Why)
		}
	}
	if c.Summary.Untold > 0 {
		p.Line("")
	}
}

func (c Comparison) causes() []string {
	var all []string
	for _, u := range c.Unseen {
		if !slices.Contains(all, u.Why) {
			all = append(all, u.Why)
		}
	}
	return all
}
