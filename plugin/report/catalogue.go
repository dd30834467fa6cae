package report

import (
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// CheckList is which checks there are.
type CheckList struct {
	Head   `json:",inline"`
	Checks []Listed `json:"checks"`
}

// Listed is one check of a CheckList.
type Listed struct {
	ID    check.ID     `json:"id"`
	Phase check.Phase  `json:"phase"`
	AC    string       `json:"ac"`
	Title string       `json:"title"`
	Needs []facts.Part `json:"needs"`
}

// NewCheckList lists checks in their order.
func NewCheckList(checks []check.Check) CheckList {
	l := CheckList{Head: head("CheckList"), Checks: []Listed{}}
	for _, c := range checks {
		l.Checks = append(l.Checks, Listed{c.ID, c.Phase, c.AC, c.Title, needs(c)})
	}
	return l
}

// Table writes one check a line; wide also what each looks at.
func (l CheckList) Table(p *Page, wide bool) {
	header := []string{"ID", "PHASE", "AC", "TITLE"}
	if wide {
		header = append(header, "NEEDS")
	}
	var rows [][]string
	for _, c := range l.Checks {
		row := []string{string(c.ID), string(c.Phase), c.AC, c.Title}
		if wide {
			row = append(row, joinParts(c.Needs))
		}
		rows = append(rows, row)
	}
	p.Rows(header, rows)
}

// Names are the checks' IDs.
func (l CheckList) Names() []string {
	var names []string
	for _, c := range l.Checks {
		names = append(names, string(c.ID))
	}
	return names
}

// Explanation is all that one check says of itself.
type Explanation struct {
	Head    `json:",inline"`
	ID      check.ID     `json:"id"`
	Phase   check.Phase  `json:"phase"`
	AC      string       `json:"ac"`
	Title   string       `json:"title"`
	About   string       `json:"about"`
	Feature string       `json:"feature,omitempty"` // of the fleet; where it is off, nobody looks
	Needs   []facts.Part `json:"needs"`
	Manual  string       `json:"manual"`
	Hint    string       `json:"hint"`
}

// NewExplanation explains c.
func NewExplanation(c check.Check) Explanation {
	return Explanation{
		Head: head("Explanation"), ID: c.ID, Phase: c.Phase, AC: c.AC, Title: c.Title, About: c.About,
		Feature: c.Feature, Needs: needs(c), Manual: c.Manual, Hint: c.Hint,
	}
}

// Table writes the explanation to be read.
func (e Explanation) Table(p *Page, _ bool) {
	p.Line("%s  %s", e.ID, e.Title)
	p.Line("")
	if e.About != "" {
		p.Prose(0, e.About)
		p.Line("")
	}
	rows := [][]string{{"Phase:", string(e.Phase)}, {"Criterion:", e.AC}}
	if e.Feature != "" {
		rows = append(rows, []string{"Feature:", e.Feature + " (skipped where the fleet says off)"})
	}
	p.Rows(nil, append(rows, []string{"Looks at:", joinParts(e.Needs)}))
	e.section(p, "By hand:", e.Manual)
	if e.Hint != "" {
		p.Line("")
		p.Line("When it does not pass:")
		p.hint(wideIndent-2, e.Hint)
	}
}

// section writes commands as they are, so that they can be copied.
func (e Explanation) section(p *Page, title, text string) {
	if text == "" {
		return
	}
	p.Line("")
	p.Line("%s", title)
	for line := range strings.Lines(strings.TrimSpace(text)) {
		p.Line("  %s", strings.TrimRight(line, "\n"))
	}
}

// Names is the check's ID.
func (e Explanation) Names() []string { return []string{string(e.ID)} }

func needs(c check.Check) []facts.Part {
	if c.Needs == nil {
		return []facts.Part{}
	}
	return c.Needs
}

func joinParts(parts []facts.Part) string {
	var words []string
	for _, part := range parts {
		words = append(words, string(part))
	}
	return strings.Join(words, ", ")
}
