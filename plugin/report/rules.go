package report

import "github.com/cilium-gitops/cilium-gitops/plugin/lint"

// RuleList is which rules of lint there are.
type RuleList struct {
	Head  `json:",inline"`
	Rules []ListedRule `json:"rules"`
}

// ListedRule is one rule of a RuleList.
type ListedRule struct {
	ID       string        `json:"id"`
	Severity lint.Severity `json:"severity"`
	Title    string        `json:"title"`
	Reason   string        `json:"reason"`
	Fix      string        `json:"fix"`
	See      string        `json:"see,omitempty"`
}

func listed(r lint.Rule) ListedRule {
	return ListedRule{r.ID, r.Severity, r.Title, r.Reason, r.Fix, r.See}
}

// NewRuleList lists rules in their order.
func NewRuleList(rules []lint.Rule) RuleList {
	l := RuleList{Head: head("RuleList"), Rules: []ListedRule{}}
	for _, r := range rules {
		l.Rules = append(l.Rules, listed(r))
	}
	return l
}

// Table writes one rule a line; wide also how to mend what it finds.
func (l RuleList) Table(p *Page, wide bool) {
	header := []string{"ID", "SEVERITY", "TITLE"}
	if wide {
		header = append(header, "FIX")
	}
	var rows [][]string
	for _, r := range l.Rules {
		row := []string{r.ID, r.Severity.String(), r.Title}
		if wide {
			row = append(row, r.Fix)
		}
		rows = append(rows, row)
	}
	p.Rows(header, rows)
}

// Names are the rules' IDs.
func (l RuleList) Names() []string {
	var names []string
	for _, r := range l.Rules {
		names = append(names, r.ID)
	}
	return names
}

// RuleExplanation is all that one rule says of itself.
type RuleExplanation struct {
	Head       `json:",inline"`
	ListedRule `json:",inline"`
}

// NewRuleExplanation explains r.
func NewRuleExplanation(r lint.Rule) RuleExplanation {
	return RuleExplanation{Head: head("Explanation"), ListedRule: listed(r)}
}

// Table writes the explanation to be read.
func (e RuleExplanation) Table(p *Page, _ bool) {
	p.Line("%s  %s", e.ID, e.Title)
	p.Line("")
	p.Prose(0, e.Reason)
	p.Line("")
	p.Rows(nil, [][]string{{"Severity:", e.Severity.String()}, {"Documented:", e.See}, {"Accept it:", "# cilium-gitops:ignore " + e.ID + " REASON"}})
	p.Line("")
	p.Line("When it is found:")
	p.Prose(2, e.Fix)
}

// Names is the rule's ID.
func (e RuleExplanation) Names() []string { return []string{e.ID} }
