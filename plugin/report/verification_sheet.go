package report

import (
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// sheet lays out a verification for a pull request, a wiki or a browser: what stands where, then what needs a person.
func (v Verification) sheet() sheet {
	s := sheet{Title: fmt.Sprintf("Verification: %s", v.Summary.Outcome), Lead: v.sentence()}
	phases, grid, plain := v.phases(), v.cells(), &Page{}
	first := sheetPart{Header: []string{"Cluster", "Kubernetes"}}
	for _, phase := range phases {
		first.Header = append(first.Header, string(phase))
	}
	for _, c := range v.Clusters {
		row := []string{c.Name, c.Version}
		for _, phase := range phases {
			row = append(row, plain.cell(grid[c.Name], phase))
		}
		first.Rows = append(first.Rows, row)
	}
	s.Parts = append(s.Parts, first)
	for _, r := range v.Results {
		if needsPerson(r.Outcome) {
			s.Parts = append(s.Parts, r.part())
		}
	}
	return s
}

// part is one result with its evidence and what to do.
func (r Result) part() sheetPart {
	part := sheetPart{
		Title:  fmt.Sprintf("%s %s %s: %s (%s)", word(r.Outcome), r.Cluster, r.ID, r.Title, r.AC),
		Notes:  []string{r.Reason},
		Header: []string{"Where", "Got", "Want"},
	}
	for _, e := range r.Evidence {
		part.Rows = append(part.Rows, []string{e.Where, e.Got, e.Want})
	}
	if r.Hint != "" && r.Outcome != check.Unknown {
		part.Notes = append(part.Notes, r.Hint)
	}
	return part
}

// sheet lays out what was found in a tree, a line each.
func (l Lint) sheet() sheet {
	part := sheetPart{Header: []string{"Severity", "Rule", "Where", "What", "Mend"}}
	for _, f := range l.Findings {
		part.Rows = append(part.Rows, []string{f.Severity.String(), f.Rule, f.place(), l.message(f), f.Fix})
	}
	return sheet{Title: "Lint", Lead: l.sentence(), Parts: []sheetPart{part}}
}
