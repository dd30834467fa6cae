package report

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/compare"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// maxDifferences is how many unexpected differences a table tells one by one.
const maxDifferences = 20

// Comparison is what clusters differ in.
type Comparison struct {
	Head        `json:",inline"`
	Clusters    []Cluster            `json:"clusters"`
	Reference   string               `json:"reference,omitempty"`
	Summary     ComparisonSummary    `json:"summary"`
	Differences []compare.Difference `json:"differences"`
	Clashes     []compare.Clash      `json:"clashes"`
	Groups      []compare.Group      `json:"groups"` // the odd ones first
	Unseen      []compare.Unseen     `json:"unseen"`
	Masked      []string             `json:"masked"` // secrets: not compared
}

// ComparisonSummary counts.
type ComparisonSummary struct {
	Compared   int           `json:"compared"`
	Expected   int           `json:"expected"`
	Unexpected int           `json:"unexpected"`
	Untold     int           `json:"untold"` // nobody can tell whether they are expected
	Clashes    int           `json:"clashes"`
	Unseen     int           `json:"unseen"`
	Outcome    check.Outcome `json:"outcome"` // fail: different; unknown: something could not be seen
}

// NewComparison joins a result with the clusters that it is of.
func NewComparison(all []facts.Facts, r compare.Result, reference string) Comparison {
	c := Comparison{
		Head: head("Comparison"), Clusters: []Cluster{}, Reference: reference,
		Differences: filled(r.Differences), Clashes: filled(r.Clashes), Groups: filled(r.Groups), Unseen: filled(r.Unseen), Masked: filled(r.Masked),
		Summary: ComparisonSummary{Compared: r.Compared, Clashes: len(r.Clashes), Unseen: len(r.Unseen)},
	}
	for _, f := range all {
		c.Clusters = append(c.Clusters, Cluster{
			Name: f.Cluster, Context: f.Context, Server: f.Server, Version: f.Live.Version, Taken: f.Taken,
		})
	}
	for _, d := range r.Differences {
		switch {
		case d.Expected:
			c.Summary.Expected++
		case d.Untold:
			c.Summary.Untold++
		default:
			c.Summary.Unexpected++
		}
	}
	switch different, blind := r.Worst(); {
	case different:
		c.Summary.Outcome = check.Fail
	case blind:
		c.Summary.Outcome = check.Unknown
	}
	return c
}

// Names are the unexpected differences, "values/encryption.enabled", and the clashes.
func (c Comparison) Names() []string {
	var names []string
	for _, clash := range c.Clashes {
		names = append(names, "clash/"+clash.What)
	}
	for _, d := range c.Differences {
		if d.Unexpected() {
			names = append(names, string(d.What)+"/"+d.Path)
		}
	}
	return names
}

// Table writes what must not be, then what is explained, in few words, then the sum.
func (c Comparison) Table(p *Page, wide bool) {
	if len(c.Clusters) > maxColumns {
		c.oddGroups(p, wide)
	}
	for _, clash := range c.Clashes {
		p.Line("%s  %s %s on %s", p.Paint(check.Fail, "CLASH"), clash.What, clash.Value, p.some(clash.Clusters))
		p.Prose(len("CLASH")+2, clash.Why)
	}
	if len(c.Clashes) > 0 {
		p.Line("")
	}
	c.unexpected(p, wide)
	c.unseen(p)
	c.untold(p)
	if len(c.Masked) > 0 {
		p.Prose(0, "Secrets, which are not compared: "+strings.Join(c.Masked, ", "))
		p.Line("")
	}
	if wide {
		c.expectedAll(p)
	} else {
		c.expected(p)
	}
	p.Line("%s", c.sentence())
}

// some names clusters, or the first of them and how many more.
func (p *Page) some(clusters []string) string {
	const most = 6
	var names []string
	for _, name := range clusters {
		names = append(names, p.cut(fold(name)))
	}
	if len(names) > most {
		return fmt.Sprintf("%s %s %d more", strings.Join(names[:most], ", "), p.ellipsis(), len(names)-most)
	}
	return strings.Join(names, ", ")
}

// oddGroups writes which clusters are like one another.
func (c Comparison) oddGroups(p *Page, wide bool) {
	var rows [][]string
	for i, g := range c.Groups {
		if rest := len(c.Groups) - i; i >= maxDifferences && rest > 1 && !wide {
			rows = append(rows, []string{p.ellipsis(), "", fmt.Sprintf("%d more groups: -o wide", rest)})
			break
		}
		word := p.Paint(check.Pass, "as most")
		if g.Differs > 0 {
			word = p.Paint(check.Fail, plural(g.Differs, "way"))
		}
		rows = append(rows, []string{word, fmt.Sprint(len(g.Clusters)), p.some(g.Clusters)})
	}
	if len(rows) > 0 {
		p.Rows([]string{"DIFFERS", "CLUSTERS", ""}, rows)
		p.Line("")
	}
}

func (c Comparison) unexpected(p *Page, wide bool) {
	var all []compare.Difference
	for _, d := range c.Differences {
		if d.Unexpected() {
			all = append(all, d)
		}
	}
	shown := all
	if len(shown) > maxDifferences && !wide {
		shown = shown[:maxDifferences]
	}
	for _, d := range shown {
		p.Line("%s  %s  %s", p.Paint(check.Fail, "UNEXPECTED"), pad(string(d.What), len(compare.Settings)), p.cut(fold(d.Path)))
		c.values(p, d)
		if d.Why != "" {
			p.Prose(wideIndent, d.Why)
		}
	}
	if rest := len(all) - len(shown); rest > 0 {
		p.Line("%s %d more: -o wide", p.ellipsis(), rest)
	}
	if len(all) > 0 {
		p.Line("")
	}
}

// values writes what clusters have, each value with those that have it; the usual one last.
func (c Comparison) values(p *Page, d compare.Difference) {
	var order []string
	have := map[string][]string{}
	for _, cluster := range c.Clusters {
		value, ok := d.Values[cluster.Name]
		text := "(absent)"
		switch {
		case ok:
			text = scalarText(value)
		case c.blindTo(d, cluster.Name):
			continue
		}
		if _, known := have[text]; !known {
			order = append(order, text)
		}
		have[text] = append(have[text], cluster.Name)
	}
	if len(c.Clusters) > maxColumns {
		slices.SortStableFunc(order, func(a, b string) int { return len(have[a]) - len(have[b]) })
	}
	if rest := len(order) - maxDifferences; rest > 1 {
		order = order[:maxDifferences]
		defer p.Line("%*s%s %d more values: -o json", wideIndent, "", p.ellipsis(), rest)
	}
	var rows []check.Evidence
	for _, text := range order {
		rows = append(rows, check.Evidence{Where: p.some(have[text]), Got: text})
	}
	p.evidence(rows, wideIndent, 0)
}

// blindTo tells whether a cluster is not among a difference because it could not be seen: then it is not odd either.
func (c Comparison) blindTo(d compare.Difference, cluster string) bool {
	return !slices.Contains(d.Odd, cluster) && slices.ContainsFunc(c.Unseen, func(u compare.Unseen) bool { return u.Cluster == cluster })
}

// scalarText is a value on one line.
func scalarText(v any) string {
	if s, ok := v.(string); ok && s != "" && s == strings.TrimSpace(s) && !looksTyped(s) {
		return s
	}
	text, _ := json.Marshal(v)
	return string(text)
}

// looksTyped holds of strings that would be taken for something else without quotes.
func looksTyped(s string) bool {
	var v any
	return json.Unmarshal([]byte(s), &v) == nil
}

// expected writes what each variable explains.
func (c Comparison) expected(p *Page) {
	var order []string
	paths := map[string][]string{}
	for _, d := range c.Differences {
		if !d.Expected {
			continue
		}
		if _, known := paths[d.Var]; !known {
			order = append(order, d.Var)
		}
		if d.What != compare.Settings {
			paths[d.Var] = append(paths[d.Var], string(d.What)+" "+d.Path)
		} else if paths[d.Var] == nil {
			paths[d.Var] = []string{}
		}
	}
	slices.Sort(order)
	var rows [][]string
	for _, name := range order {
		if name == "" {
			rows = append(rows, []string{p.Paint(check.Pass, "expected"), none, p.some(paths[name])})
			continue
		}
		rows = append(rows, []string{p.Paint(check.Pass, "expected"), name, p.some(paths[name])})
	}
	if len(rows) > 0 {
		p.Rows([]string{"", "VARIABLE", "EXPLAINS"}, rows)
		p.Line("")
	}
}

func (c Comparison) expectedAll(p *Page) {
	for _, d := range c.Differences {
		if d.Expected {
			p.Line("%s  %s  %s  by %s", p.Paint(check.Pass, "expected"), pad(string(d.What), len(compare.Settings)), p.cut(fold(d.Path)), cmp.Or(d.Var, none))
			c.values(p, d)
		}
	}
	if c.Summary.Expected > 0 {
		p.Line("")
	}
}

func (c Comparison) sentence() string {
	s := c.Summary
	text := fmt.Sprintf("%s compared on %s: ", plural(s.Compared, "thing"), plural(len(c.Clusters), "cluster"))
	switch all := s.Unexpected + s.Expected + s.Untold; {
	case s.Compared == 0:
		text = "Nothing could be compared on " + plural(len(c.Clusters), "cluster")
	case all == 0:
		text += "no difference"
	case all == s.Expected:
		text += plural(all, "difference") + ", all expected"
	default:
		text += fmt.Sprintf("%s, %d unexpected", plural(all, "difference"), s.Unexpected)
	}
	if s.Clashes > 0 {
		text += ", " + plural(s.Clashes, "clash")
		text = strings.Replace(text, "clashs", "clashes", 1)
	}
	if s.Unseen > 0 {
		text += "; not everything could be seen"
	}
	return text
}
