package report

import "github.com/cilium-gitops/cilium-gitops/plugin/check"

// all writes every result in a row of its own, then all evidence.
func (v Verification) all(p *Page) {
	var rows [][]string
	for _, r := range v.Results {
		rows = append(rows, []string{
			p.Paint(r.Outcome, word(r.Outcome)), r.Cluster, string(r.ID), r.AC, string(r.Phase), r.Title, r.Reason,
		})
	}
	if len(rows) > 0 {
		p.Rows([]string{"OUTCOME", "CLUSTER", "ID", "AC", "PHASE", "TITLE", "REASON"}, rows)
		p.Line("")
	}
	for _, r := range v.Results {
		if !needsPerson(r.Outcome) && len(r.Evidence) == 0 {
			continue
		}
		p.Line("%s  %s  %s  %s", p.Paint(r.Outcome, word(r.Outcome)), fold(r.Cluster), r.ID, p.cut(fold(r.Title)))
		p.evidence(r.Evidence, wideIndent, 0)
		if r.Outcome != check.Unknown {
			p.hint(wideIndent, r.Hint)
		}
		p.Line("")
	}
}

const wideIndent = 4
