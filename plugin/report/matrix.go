package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// maxColumns is how many clusters stand side by side; more stand below one another.
const maxColumns = 6

// none is a cell of which there is nothing to say.
const none = "-"

// cells are the results of each cluster and phase.
type cells map[string]map[check.Phase]Summary

func (v Verification) cells() cells {
	grouped := map[string]map[check.Phase][]Result{}
	for _, r := range v.Results {
		if grouped[r.Cluster] == nil {
			grouped[r.Cluster] = map[check.Phase][]Result{}
		}
		grouped[r.Cluster][r.Phase] = append(grouped[r.Cluster][r.Phase], r)
	}
	c := cells{}
	for cluster, phases := range grouped {
		c[cluster] = map[check.Phase]Summary{}
		for phase, results := range phases {
			c[cluster][phase] = summarise(results)
		}
	}
	return c
}

// phases are those that have results, in their order; a phase that nobody knows comes last.
func (v Verification) phases() []check.Phase {
	var seen []check.Phase
	for _, r := range v.Results {
		if !slices.Contains(seen, r.Phase) {
			seen = append(seen, r.Phase)
		}
	}
	slices.SortStableFunc(seen, func(a, b check.Phase) int { return phaseRank(a) - phaseRank(b) })
	return seen
}

func phaseRank(phase check.Phase) int {
	if i := slices.Index(check.Phases(), phase); i >= 0 {
		return i
	}
	return len(check.Phases())
}

// matrix writes phase by cluster; where clusters are many, cluster by phase, and those that pass as a number.
func (v Verification) matrix(p *Page, wide bool) {
	if len(v.Results) == 0 {
		return
	}
	if len(v.Clusters) > maxColumns {
		v.tall(p, wide)
		return
	}
	grid := v.cells()
	header := []string{"PHASE"}
	for _, c := range v.Clusters {
		header = append(header, c.Name)
	}
	var rows [][]string
	for _, phase := range v.phases() {
		row := []string{string(phase)}
		for _, c := range v.Clusters {
			row = append(row, p.cell(grid[c.Name], phase))
		}
		rows = append(rows, append(row, v.whySkipped(phase)))
	}
	p.Rows(append(header, ""), rows)
	p.Line("")
}

func (v Verification) tall(p *Page, wide bool) {
	grid, phases := v.cells(), v.phases()
	header := []string{"CLUSTER"}
	for _, phase := range phases {
		header = append(header, string(phase))
	}
	var rows [][]string
	passing := 0
	for _, c := range v.Clusters {
		if !wide && passes(grid[c.Name]) {
			passing++
			continue
		}
		row := []string{c.Name}
		for _, phase := range phases {
			row = append(row, p.cell(grid[c.Name], phase))
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		p.Rows(header, rows)
	}
	if passing > 0 {
		p.Line("%s", p.Paint(check.Pass, passingClusters(passing)))
	}
	p.Line("")
}

// passes holds of a cluster that something was seen of, and nothing that needs a person.
func passes(phases map[check.Phase]Summary) bool {
	ran := 0
	for _, s := range phases {
		if s.Outcome != check.Pass {
			return false
		}
		ran += s.ran()
	}
	return ran > 0
}

func passingClusters(n int) string {
	if n == 1 {
		return "1 cluster passes"
	}
	return fmt.Sprintf("%d clusters pass", n)
}

// cell is one cluster's phase in a word and a number.
func (p *Page) cell(phases map[check.Phase]Summary, phase check.Phase) string {
	s, ok := phases[phase]
	switch {
	case !ok:
		return none
	case s.ran() == 0:
		return "skip"
	case s.Outcome == check.Pass:
		return p.Paint(check.Pass, fmt.Sprintf("pass %d", s.Pass))
	}
	text := s.Outcome.String()
	if s.Outcome == check.Fail {
		text = strings.ToUpper(text)
	}
	return p.Paint(s.Outcome, fmt.Sprintf("%s %d of %d", text, s.count(s.Outcome), s.ran()))
}

// whySkipped is the reason why nobody looked at a phase, where it is one and the same everywhere.
func (v Verification) whySkipped(phase check.Phase) string {
	why := ""
	for _, r := range v.Results {
		if r.Phase != phase {
			continue
		}
		if r.Outcome != check.Skip || (why != "" && why != r.Reason) {
			return ""
		}
		why = r.Reason
	}
	return why
}

// sentence is the last line: how many checks, and how they went.
func (v Verification) sentence() string {
	var parts []string
	for _, row := range []struct {
		n    int
		word string
	}{
		{v.Summary.Fail, "failed"},
		{v.Summary.Unknown, "could not tell"},
		{v.Summary.Warn, "warned"},
	} {
		if row.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", row.n, row.word))
		}
	}
	if len(parts) == 0 && v.Summary.Pass > 0 {
		parts = append(parts, "all passed")
	}
	if v.Summary.Skip > 0 {
		parts = append(parts, fmt.Sprintf("%d skipped", v.Summary.Skip))
	}
	text := fmt.Sprintf("%s on %s", plural(v.Summary.ran(), "check"), plural(len(v.Clusters), "cluster"))
	if len(parts) == 0 {
		return text
	}
	return text + ": " + strings.Join(parts, ", ")
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
