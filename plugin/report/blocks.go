package report

import (
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

const (
	maxEvidence = 5  // lines of evidence of one result
	maxBlocks   = 20 // results shown one by one
	maxIndent   = 28 // how far what belongs to a result stands to the right
	maxGot      = 40 // how far `want` is pushed to the right to be aligned
)

// block is one result that needs a person, or several of a cluster that one cause keeps from being seen.
type block struct {
	Result

	same []Result // all of them, where they are several
	why  string   // and their cause
}

// blocks writes what needs a person, the worst first.
func (v Verification) blocks(p *Page) {
	all := v.collect()
	shown := all[:min(len(all), maxBlocks)]
	words, clusters := 0, 0
	for _, b := range shown {
		words = max(words, len(word(b.Outcome)))
		clusters = max(clusters, twwidth.Width(b.Cluster))
	}
	indent := words + clusters + 4
	if indent > maxIndent {
		indent, clusters = words+2, 0
	}
	for _, b := range shown {
		lead := p.Paint(b.Outcome, pad(word(b.Outcome), words)) + "  " + pad(b.Cluster, clusters) + "  "
		if len(b.same) > 0 {
			b.together(p, lead, indent)
		} else {
			b.alone(p, lead, indent)
		}
		p.Line("")
	}
	if rest := len(all) - len(shown); rest > 0 {
		p.Line("%s %d more: -o wide", p.ellipsis(), rest)
	}
}

// collect is what needs a person: the worst first, else in the order of the results.
func (v Verification) collect() []block {
	var all []block
	at := map[[2]string]int{} // cluster and cause -> its block
	for _, r := range v.Results {
		if !needsPerson(r.Outcome) {
			continue
		}
		key := [2]string{r.Cluster, cause(r)}
		if i, ok := at[key]; ok && key[1] != "" {
			all[i].same = append(all[i].same, r)
			continue
		}
		at[key] = len(all)
		all = append(all, block{Result: r, same: []Result{r}, why: key[1]})
	}
	for i := range all {
		if len(all[i].same) == 1 {
			all[i].same = nil
		}
	}
	slices.SortStableFunc(all, func(a, b block) int { return int(b.Outcome) - int(a.Outcome) })
	return all
}

// cause is what kept a check from seeing, where there was one thing only.
func cause(r Result) string {
	if r.Outcome != check.Unknown || len(r.Evidence) == 0 {
		return ""
	}
	for _, e := range r.Evidence {
		if e.Got != r.Evidence[0].Got || e.Want != "" {
			return ""
		}
	}
	return r.Evidence[0].Got
}

func (b block) alone(p *Page, lead string, indent int) {
	p.Line("%s%s  %s  %s", lead, b.ID, p.cut(fold(b.Title)), b.AC)
	p.evidence(b.Result, indent, maxEvidence)
	if b.Reason != "" {
		p.Prose(indent, p.cut(fold(b.Reason)))
	}
	// What mends a failure says nothing of what keeps from looking.
	if b.Outcome != check.Unknown {
		p.hint(indent, b.Hint)
	}
}

func (b block) together(p *Page, lead string, indent int) {
	p.Line("%s%d checks could not look: %s", lead, len(b.same), p.cut(fold(b.why)))
	var ids []check.ID
	for _, r := range b.same {
		ids = append(ids, r.ID)
	}
	p.Prose(indent, strings.Join(ranges(ids), " "))
}

// evidence writes where, got and want, each under the other, and how many more there are.
func (p *Page) evidence(r Result, indent, limit int) {
	shown := r.Evidence
	if limit > 0 && len(shown) > limit {
		shown = shown[:limit]
	}
	var rows [][3]string
	var width [2]int
	for _, e := range shown {
		row := p.evidenceRow(e)
		for i := range width {
			if w := twwidth.Width(row[i]); w <= maxGot {
				width[i] = max(width[i], w)
			}
		}
		rows = append(rows, row)
	}
	for _, row := range rows {
		p.Line("%*s%s  %s  %s", indent, "", pad(row[0], width[0]), pad(row[1], width[1]), row[2])
	}
	if rest := len(r.Evidence) - len(shown); rest > 0 {
		p.Line("%*s%s %d more: -o wide", indent, "", p.ellipsis(), rest)
	}
}

// evidenceRow is one piece of evidence in words. Where nothing else was wanted, what was seen speaks for itself.
func (p *Page) evidenceRow(e check.Evidence) [3]string {
	where, got, want := p.cut(fold(e.Where)), p.cut(fold(e.Got)), p.cut(fold(e.Want))
	if want == "" {
		return [3]string{where, got, ""}
	}
	if got == "" {
		got = `""`
	}
	return [3]string{where, "got " + got, "want " + want}
}

// hint writes what to do. Where it does not fit on a line, the command at its end has one of its own, whole, so that
// it can be copied.
func (p *Page) hint(indent int, text string) {
	text = fold(text)
	i := strings.LastIndex(text, ": ")
	if p.Width == 0 || i < 0 || indent+twwidth.Width(text) <= p.Width {
		p.Prose(indent, text)
		return
	}
	p.Prose(indent, text[:i+1])
	p.Line("%*s%s", indent+2, "", strings.TrimSpace(text[i+1:]))
}
