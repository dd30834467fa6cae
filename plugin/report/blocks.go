package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

const (
	maxEvidence = 5  // lines of evidence of one result
	maxBlocks   = 8  // results told one by one: a screen of them
	maxIndent   = 28 // how far what belongs to a result stands to the right
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
	return fold(b.Cluster)
}

// blocks writes what needs a person, the worst first.
func (v Verification) blocks(p *Page) {
	all := v.collect()
	if len(v.Clusters) > maxColumns {
		all = joinPlaces(all)
	}
	shown, rest := split(all)
	l := layoutOf(all)
	told := map[string]check.ID{} // hint -> the first check that has it
	for _, b := range shown {
		b.write(p, l, told)
		p.Line("")
	}
	for _, b := range rest {
		p.Line("%s%s %d more: %s", l.lead(p, b), p.ellipsis(), len(b.same), strings.Join(ranges(b.same), " "))
	}
	if len(rest) > 0 {
		p.Line("%*s-o wide shows them", l.indent, "")
		p.Line("")
	}
}

// split keeps the worst to be told and the rest to be named, by place and outcome. What several checks have in common
// is always told: it is short, and it is likely to be why.
func split(all []block) (shown, rest []block) {
	at := map[string]int{}
	for _, b := range all {
		if len(b.same) > 0 || len(shown) < maxBlocks {
			shown = append(shown, b)
			continue
		}
		key := b.Outcome.String() + " " + b.place()
		i, ok := at[key]
		if !ok {
			i = len(rest)
			at[key] = i
			rest = append(rest, block{Result: Result{Outcome: b.Outcome, Cluster: b.Cluster}, places: b.places})
		}
		rest[i].same = append(rest[i].same, b.Result)
	}
	return shown, rest
}

// layout is where the columns of blocks are.
type layout struct{ words, places, indent int }

func layoutOf(all []block) layout {
	var l layout
	for _, b := range all {
		l.words = max(l.words, len(word(b.Outcome)))
		l.places = max(l.places, twwidth.Width(b.place()))
	}
	l.indent = l.words + l.places + 4
	if l.indent > maxIndent {
		l.indent, l.places = l.words+2, 0
	}
	return l
}

// lead is the beginning of a block's first line.
func (l layout) lead(p *Page, b block) string {
	return p.Paint(b.Outcome, pad(word(b.Outcome), l.words)) + "  " + pad(b.place(), l.places) + "  "
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

func (b block) write(p *Page, l layout, told map[string]check.ID) {
	if len(b.same) > 0 {
		b.writeSame(p, l)
		return
	}
	p.Line("%s%s  %s  %s", l.lead(p, b), b.ID, p.cut(fold(b.Title)), b.AC)
	p.evidence(b.Evidence, l.indent, maxEvidence)
	if b.Reason != "" {
		p.Prose(l.indent, p.cut(fold(b.Reason)))
	}
	if b.Outcome == check.Unknown || b.Hint == "" {
		return // what mends a failure says nothing of what keeps from looking
	}
	if first, ok := told[b.Hint]; ok && first != b.ID {
		p.Line("%*sDo as for %s.", l.indent, "", first)
		return
	}
	told[b.Hint] = b.ID
	p.hint(l.indent, b.Hint)
}

func (b block) writeSame(p *Page, l layout) {
	if len(b.places) > 0 {
		p.Line("%s%d checks could not look", l.lead(p, b), len(b.same))
		p.evidence(b.Evidence, l.indent, maxEvidence)
	} else {
		p.Line("%s%d checks could not look: %s", l.lead(p, b), len(b.same), p.cut(fold(b.why)))
		p.Prose(l.indent, p.wheres(b.same))
	}
	p.Prose(l.indent, strings.Join(ranges(b.same), " "))
}

// wheres words the places that results are about, each once.
func (p *Page) wheres(results []Result) string {
	var all []string
	for _, r := range results {
		for _, e := range r.Evidence {
			if where := p.cut(fold(e.Where)); where != "" && !slices.Contains(all, where) {
				all = append(all, where)
			}
		}
	}
	if rest := len(all) - maxEvidence; rest > 0 {
		return fmt.Sprintf("%s %s %d more", strings.Join(all[:maxEvidence], ", "), p.ellipsis(), rest)
	}
	return strings.Join(all, ", ")
}

// evidence writes where, got and want, each under the other, and how many more there are.
func (p *Page) evidence(all []check.Evidence, indent, limit int) {
	shown := all
	if limit > 0 && len(shown) > limit {
		shown = shown[:limit]
	}
	var rows [][3]string
	var width [2]int
	widest := [2]int{64, 40} // a longer cell does not push the others to the right
	for _, e := range shown {
		row := p.evidenceRow(e)
		for i := range width {
			if w := twwidth.Width(row[i]); w <= widest[i] {
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
