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
	Clusters []ValuesOf        `json:"clusters"`
	Deltas   []ValuesDelta     `json:"deltas"`
	Summary  ValuesDiffSummary `json:"summary"`
	shown    map[string]bool   // classes that the table shows
}

// ValuesOf is one cluster's differences.
type ValuesOf struct {
	Name   string        `json:"name"`
	From   string        `json:"from,omitempty"` // the place in words
	To     string        `json:"to,omitempty"`
	Unseen string        `json:"unseen,omitempty"` // why they could not be compared
	Deltas []ValuesDelta `json:"-"`
}

// ValuesDelta is one difference of one cluster.
type ValuesDelta struct {
	Cluster      string `json:"cluster"`
	values.Delta `json:",inline"`
	// Blocking: a cluster does not survive another value, or needs a plan of its own for it.
	Blocking bool `json:"blocking,omitempty"`
}

// ValuesDiffSummary counts by class.
type ValuesDiffSummary struct {
	Classes  map[values.Class]int `json:"classes"`
	Blocking int                  `json:"blocking"`
	Unseen   int                  `json:"unseen"` // clusters
}

// NewValuesDiff joins the clusters. Defaults that are merely spelled out are told only when asked for.
func NewValuesDiff(from, to string, all []ValuesOf, defaults bool) ValuesDiff {
	d := ValuesDiff{
		Head: head("ValuesDiff"), From: from, To: to, Clusters: filled(all), Deltas: []ValuesDelta{},
		Summary: ValuesDiffSummary{Classes: map[values.Class]int{}}, shown: map[string]bool{string(values.Default): defaults},
	}
	for _, c := range all {
		if c.Unseen != "" {
			d.Summary.Unseen++
		}
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
	for _, c := range d.Clusters {
		if c.Unseen != "" {
			p.Line("%s  %s  %s", p.Paint(check.Unknown, "UNKNOWN"), c.Name, p.cut(fold(c.Unseen)))
		}
	}
	var rows [][]string
	for _, delta := range d.Deltas {
		class := string(delta.Class)
		if delta.Var != "" {
			class += " ${" + delta.Var + "}"
		}
		if delta.Blocking {
			class = p.Paint(check.Fail, class+" !")
		}
		row := []string{string(delta.Path), side(delta.From, delta.Class == values.Added), side(delta.To, delta.Class == values.Removed), class}
		if len(d.Clusters) > 1 {
			row = append([]string{delta.Cluster}, row...)
		}
		rows = append(rows, row)
	}
	if len(rows) > 0 {
		header := []string{"PATH", heading(d.From), heading(d.To), "CLASS"}
		if len(d.Clusters) > 1 {
			header = append([]string{"CLUSTER"}, header...)
		}
		p.Rows(header, rows)
	}
	p.Line("%s", d.sentence())
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
	text := fmt.Sprintf("%s between %s and %s on %s", plural(n, "difference"), d.From, d.To, plural(seen, "cluster"))
	if n == 0 {
		text = fmt.Sprintf("no difference between %s and %s on %s", d.From, d.To, plural(seen, "cluster"))
	}
	if d.Summary.Blocking > 0 {
		text += fmt.Sprintf(", %d that a running cluster must not have (!)", d.Summary.Blocking)
	}
	if hidden := d.Summary.Classes[values.Default]; hidden > 0 && !d.shown[string(values.Default)] {
		text += fmt.Sprintf("; %s spelled out, not shown: --show-defaults", plural(hidden, "default"))
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
