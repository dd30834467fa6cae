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

// block is one result that needs a person, or several that are told as one.
type block struct {
	Result

	same   []Result // all of a cluster that one cause keeps from being seen, where they are several
	why    string   // and their cause
	places []block  // the same of several clusters
}

// place is where the block is: a cluster, or how many.
func (b block) place() string {
	if len(b.places) > 0 {
		return plural(len(b.places), "cluster")
	}
	return b.Cluster
}

// blocks writes what needs a person, the worst first.
func (v Verification) blocks(p *Page) {
	all := v.collect()
	if len(v.Clusters) > maxColumns {
		all = joinPlaces(all)
	}
	shown := all[:min(len(all), maxBlocks)]
	words, places := 0, 0
	for _, b := range shown {
		words = max(words, len(word(b.Outcome)))
		places = max(places, twwidth.Width(b.place()))
	}
	indent := words + places + 4
	if indent > maxIndent {
		indent, places = words+2, 0
	}
	for _, b := range shown {
		b.write(p, p.Paint(b.Outcome, pad(word(b.Outcome), words))+"  "+pad(b.place(), places)+"  ", indent)
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

func (b block) write(p *Page, lead string, indent int) {
	if len(b.same) > 0 {
		b.writeSame(p, lead, indent)
		return
	}
	p.Line("%s%s  %s  %s", lead, b.ID, p.cut(fold(b.Title)), b.AC)
	p.evidence(b.Evidence, indent, maxEvidence)
	if b.Reason != "" {
		p.Prose(indent, p.cut(fold(b.Reason)))
	}
	// What mends a failure says nothing of what keeps from looking.
	if b.Outcome != check.Unknown {
		p.hint(indent, b.Hint)
	}
}

func (b block) writeSame(p *Page, lead string, indent int) {
	if len(b.places) > 0 {
		p.Line("%s%d checks could not look", lead, len(b.same))
		p.evidence(b.Evidence, indent, maxEvidence)
	} else {
		p.Line("%s%d checks could not look: %s", lead, len(b.same), p.cut(fold(b.why)))
	}
	p.Prose(indent, strings.Join(ranges(b.same), " "))
}

// evidence writes where, got and want, each under the other, and how many more there are.
func (p *Page) evidence(all []check.Evidence, indent, limit int) {
	shown := all
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
	if rest := len(all) - len(shown); rest > 0 {
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
