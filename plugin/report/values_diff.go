package report

import (
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// ValuesDiff is how the values of two places differ, cluster by cluster. Secrets are masked: masks that differ stand
// for secrets that do.
type ValuesDiff struct {
	Head     `json:",inline"`
	From     string            `json:"from"`
	To       string            `json:"to"`
	With     string            `json:"with,omitempty"` // the third place, where there is one
	Clusters []ValuesOf        `json:"clusters"`
	Deltas   []ValuesDelta     `json:"deltas"`
	Summary  ValuesDiffSummary `json:"summary"`
	shown    map[string]bool   // classes that the table shows
}

// ValuesOf is one cluster's differences.
type ValuesOf struct {
	Name   string `json:"name"`
	From   string `json:"from,omitempty"` // the place in words
	To     string `json:"to,omitempty"`
	With   string `json:"with,omitempty"`
	Unseen string `json:"unseen,omitempty"` // why they could not be compared
	// Unknown says of which values it is not known whether they differ, each in a sentence.
	Unknown []string      `json:"unknown,omitempty"`
	Deltas  []ValuesDelta `json:"-"`
}

// ValuesDelta is one difference of one cluster.
type ValuesDelta struct {
	Cluster      string `json:"cluster"`
	values.Delta `json:",inline"`
	// Blocking: a cluster does not survive another value, or needs a plan of its own for it.
	Blocking bool `json:"blocking,omitempty"`
	// Of three places: what the third has, which of them lack the value, and which differs from the other two; "each"
	// where no two are the same.
	With   any      `json:"with,omitempty"`
	Absent []string `json:"absent,omitempty"`
	Odd    string   `json:"odd,omitempty"`
}

// ValuesDiffSummary counts by class.
type ValuesDiffSummary struct {
	Classes  map[values.Class]int `json:"classes"`
	Blocking int                  `json:"blocking"`
	Unseen   int                  `json:"unseen"`  // clusters
	Unknown  int                  `json:"unknown"` // what is not known though the cluster was seen
}

// NewValuesDiff joins the clusters; with is the third place, where there is one. Defaults that are merely spelled out
// are told only when asked for.
func NewValuesDiff(from, to, with string, all []ValuesOf, defaults bool) ValuesDiff {
	d := ValuesDiff{
		Head: head("ValuesDiff"), From: from, To: to, With: with, Clusters: filled(all), Deltas: []ValuesDelta{},
		Summary: ValuesDiffSummary{Classes: map[values.Class]int{}}, shown: map[string]bool{string(values.Default): defaults},
	}
	for _, c := range all {
		if c.Unseen != "" {
			d.Summary.Unseen++
		}
		d.Summary.Unknown += len(c.Unknown)
		for _, delta := range c.Deltas {
			d.Summary.Classes[delta.Class]++
			if delta.Blocking {
				d.Summary.Blocking++
			}
			if delta.Class != values.Default || defaults {
				d.Deltas = append(d.Deltas, delta)
			}
		}
	}
	return d
}

// Differences counts what differs by more than a default that is spelled out.
func (d ValuesDiff) Differences() int {
	n := 0
	for class, count := range d.Summary.Classes {
		if class != values.Default {
			n += count
		}
	}
	return n
}

// Table implements Doc.
func (d ValuesDiff) Table(p *Page, wide bool) {
	many := len(d.Clusters) > 1
	var rows [][]string
	for _, delta := range d.Deltas {
		class := delta.class()
		if delta.Blocking {
			class = p.Paint(check.Fail, class)
		}
		row := d.row(delta, class)
		if many {
			row = append([]string{delta.Cluster}, row...)
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		p.Rows(d.header(many), rows)
	}
	for _, c := range d.Clusters {
		for _, why := range append(unseen(c.Unseen), c.Unknown...) {
			p.Line("%s  %s  %s", p.Paint(check.Unknown, "UNKNOWN"), c.Name, fold(why))
		}
	}
	p.Line("%s", d.sentence())
}

// unseen is why, where there is a reason.
func unseen(why string) []string {
	if why == "" {
		return nil
	}
	return []string{why}
}

// heading is a place above its column; a file's name stays as it is written.
func heading(place string) string {
	if _, file, ok := strings.Cut(place, "="); ok {
		return file
	}
	return strings.ToUpper(place)
}

// side is one side's value on one line.
func side(v any, absent bool) string {
	if absent {
		return "(absent)"
	}
	return strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(scalarText(v))
}

func (d ValuesDiff) sentence() string {
	n := d.Differences()
	seen := len(d.Clusters) - d.Summary.Unseen
	text := fmt.Sprintf("%s between %s on %s", plural(n, "difference"), d.between(), plural(seen, "cluster"))
	if n == 0 {
		text = fmt.Sprintf("no difference between %s on %s", d.between(), plural(seen, "cluster"))
	}
	if d.Summary.Blocking > 0 {
		text += fmt.Sprintf(", %d that a running cluster must not have (!)", d.Summary.Blocking)
	}
	if hidden := d.Summary.Classes[values.Default]; hidden > 0 && !d.shown[string(values.Default)] {
		text += fmt.Sprintf("; %s spelled out, not shown: --show-defaults", plural(hidden, "default"))
	}
	if d.Summary.Unknown > 0 {
		text += "; not everything is known"
	}
	if d.Summary.Unseen > 0 {
		text += fmt.Sprintf("; %s could not be compared", plural(d.Summary.Unseen, "cluster"))
	}
	return text
}

// Names implements Doc: cluster and path.
func (d ValuesDiff) Names() []string {
	var all []string
	for _, delta := range d.Deltas {
		all = append(all, delta.Cluster+"/"+string(delta.Path))
	}
	return all
}
