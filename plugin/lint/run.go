package lint

import (
	"cmp"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Result is what linting found.
type Result struct {
	Findings []Finding
	// Suppressed are those that a comment in the file accepts.
	Suppressed []Finding
}

// Run judges in by each of rules. Findings come by file and line; what is the same for several clusters is one.
func Run(in Input, rules []Rule) Result {
	x := newIndex(in)
	var all []Finding
	for _, rule := range rules {
		rule.check(x, func(f Finding) {
			f.Rule, f.Severity = rule.ID, rule.Severity
			if f.Fix == "" {
				f.Fix = rule.Fix
			}
			if in.In != nil && !in.In(f.File) {
				return
			}
			x.withhold(&f)
			f.Message, f.Object = facts.Text(f.Message), facts.Text(f.Object)
			all = join(all, f)
		})
	}
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Rule, b.Rule),
			cmp.Compare(a.Message, b.Message))
	})
	var r Result
	comments := suppressions(in.Files)
	for _, f := range all {
		if comments.accept(f) {
			r.Suppressed = append(r.Suppressed, f)
		} else {
			r.Findings = append(r.Findings, f)
		}
	}
	return r
}

// join adds f, or its clusters where the same is found already.
func join(all []Finding, f Finding) []Finding {
	f.Clusters = slices.Clone(f.Clusters)
	for i := range all {
		have := &all[i]
		if have.Rule != f.Rule || have.Place != f.Place || have.Message != f.Message || have.Object != f.Object {
			continue
		}
		for _, c := range f.Clusters {
			if !slices.Contains(have.Clusters, c) {
				have.Clusters = append(have.Clusters, c)
			}
		}
		return all
	}
	return append(all, f)
}
