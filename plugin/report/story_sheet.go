package report

import (
	"fmt"
	"strings"
)

// sheet lays the story out for a wiki or a change ticket.
func (s Story) sheet() sheet {
	out := sheet{Title: s.title(), Lead: s.lead()}
	overview := sheetPart{Title: "Runs", Header: []string{"Cluster", "Run", "Outcome", "Began", "Took", "Pods", "Checks"}}
	for _, r := range s.Runs {
		overview.Rows = append(overview.Rows, []string{r.Cluster, r.Name, string(r.Outcome), stamp(r.Began), r.took(), r.pods3(), r.checked(&Page{})})
	}
	out.Parts = append(out.Parts, overview)
	for _, r := range s.Runs {
		out.Parts = append(out.Parts, r.parts()...)
	}
	if len(s.Next) > 0 {
		out.Parts = append(out.Parts, sheetPart{Title: "How to go on", Header: []string{"Command"}, Rows: column(s.Next)})
	}
	foot := fmt.Sprintf("Written at %s by %s from the journals of the runs.", stamp(s.Made), s.Tool)
	out.Parts = append(out.Parts, sheetPart{Notes: []string{foot}})
	return out
}

func column(texts []string) [][]string {
	var rows [][]string
	for _, text := range texts {
		rows = append(rows, []string{text})
	}
	return rows
}

func (r StoryRun) heading() string { return r.Cluster + ": " + r.Name + " " + string(r.Outcome) }

func (r StoryRun) parts() []sheetPart {
	first := sheetPart{Title: r.heading(), Notes: []string{r.how(), r.who()}, Header: stepHeader, Rows: r.stepRows()}
	if r.Stop != "" {
		first.Notes = append(first.Notes, "It stopped: "+r.Stop)
	}
	if len(r.Frozen) > 0 {
		first.Notes = append(first.Notes, "Suspended since: "+refs(r))
	}
	parts := []sheetPart{first}
	verdicts := sheetPart{Title: r.Cluster + ": what the checks say", Notes: []string{r.Judged}, Header: verdictHeader, Rows: r.verdictRows()}
	parts = append(parts, verdicts)
	if len(r.Each) > 0 {
		parts = append(parts, sheetPart{Title: r.Cluster + ": pods before and after", Header: podHeader, Rows: r.podRows()})
	}
	if len(r.Wrote) > 0 {
		parts = append(parts, sheetPart{Title: r.Cluster + ": objects written to", Header: wroteHeader, Rows: r.wroteRows()})
	}
	if len(r.Again) > 0 {
		parts = append(parts, sheetPart{Title: r.Cluster + ": to check it again", Notes: r.kept(), Header: []string{"Command"}, Rows: column(r.Again)})
	}
	return parts
}

func refs(r StoryRun) string {
	var all []string
	for _, ref := range r.Frozen {
		all = append(all, ref.String())
	}
	return strings.Join(all, ", ")
}

// kept is where what the run kept is.
func (r StoryRun) kept() []string {
	var all []string
	if r.Evidence != "" {
		all = append(all, "Evidence: "+r.Evidence)
	}
	if r.Backup != "" {
		all = append(all, "Backup: "+r.Backup)
	}
	return all
}

var (
	stepHeader    = []string{"", "Step", "Began", "Took", "What was seen"}
	verdictHeader = []string{"Check", "Outcome", "What has to hold", "What was seen"}
	podHeader     = []string{"Workload", "Pod", "Node", "Before", "After", ""}
	wroteHeader   = []string{"Object", "Before the run"}
)

func (r StoryRun) stepRows() [][]string {
	var rows [][]string
	for i, s := range r.Steps {
		rows = append(rows, []string{fmt.Sprint(i + 1), s.ID, clock(s.Began), stepTook(s), s.Text})
	}
	return rows
}

func (r StoryRun) verdictRows() [][]string {
	var rows [][]string
	for _, v := range r.Results {
		text := v.Reason
		plain := &Page{}
		for i, e := range v.Evidence {
			if i == maxEvidence {
				text += fmt.Sprintf("; %d more", len(v.Evidence)-i)
				break
			}
			row := plain.evidenceRow(e)
			text += "; " + strings.TrimSpace(strings.Join(row[:], " "))
		}
		rows = append(rows, []string{string(v.ID), word(v.Outcome), v.Title, strings.TrimPrefix(text, "; ")})
	}
	return rows
}

func (r StoryRun) podRows() [][]string {
	count := func(n *int32) string {
		if n == nil {
			return none
		}
		return plural(int(*n), "restart")
	}
	var rows [][]string
	for _, p := range r.Each {
		rows = append(rows, []string{p.Workload, p.Name, p.Node, count(p.Before), count(p.After), strings.Join(strings.Fields(fmt.Sprintf("%s %s %s", p.Fate, clock(p.At), p.Text)), " ")})
	}
	return rows
}

func (r StoryRun) wroteRows() [][]string {
	var rows [][]string
	for _, w := range r.Wrote {
		was := "was there"
		if !w.Existed {
			was = "was not there"
		}
		rows = append(rows, []string{w.Ref.String(), was})
	}
	return rows
}
