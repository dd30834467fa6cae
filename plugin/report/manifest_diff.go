package report

import (
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// ManifestDiff is how what Flux would apply differs from the manifest of the release that runs. Secrets are masked:
// masks that differ stand for secrets that do.
type ManifestDiff struct {
	Head     `json:",inline"`
	Clusters []ManifestsOf       `json:"clusters"`
	Objects  []ManifestObject    `json:"objects"`
	Summary  ManifestDiffSummary `json:"summary"`
}

// ManifestsOf is one cluster.
type ManifestsOf struct {
	Name         string   `json:"name"`
	ChartVersion string   `json:"chartVersion,omitempty"`
	ChartFrom    string   `json:"chartFrom,omitempty"`
	Unknown      []string `json:"unknown,omitempty"`
	Unseen       string   `json:"unseen,omitempty"` // why nothing can be said
}

// ManifestObject is one object of one cluster.
type ManifestObject struct {
	Cluster           string `json:"cluster"`
	impact.ObjectDiff `json:",inline"`
}

// ManifestDiffSummary counts objects.
type ManifestDiffSummary struct {
	Added    int `json:"added"`
	Removed  int `json:"removed"`
	Changed  int `json:"changed"`
	Expected int `json:"expected"` // of which only labels and annotations change, or what Helm makes anew each time
	Unseen   int `json:"unseen"`   // clusters
}

// NewManifestDiff compares what was rendered with what is recorded, cluster by cluster.
func NewManifestDiff(all []ImpactOf) ManifestDiff {
	d := ManifestDiff{Head: head("ManifestDiff"), Clusters: []ManifestsOf{}, Objects: []ManifestObject{}}
	for _, one := range all {
		c := ManifestsOf{Name: one.Facts.Cluster, Unseen: one.Unseen}
		if r := one.Facts.Rendered; r != nil && one.Unseen == "" {
			c.ChartVersion, c.ChartFrom, c.Unknown = r.ChartVersion, r.ChartFrom, r.Unknown
			for _, o := range impact.Manifests(r) {
				d.Objects = append(d.Objects, ManifestObject{c.Name, o})
				d.count(o)
			}
		} else {
			d.Summary.Unseen++
		}
		d.Clusters = append(d.Clusters, c)
	}
	return d
}

func (d *ManifestDiff) count(o impact.ObjectDiff) {
	switch {
	case o.Expected:
		d.Summary.Expected++
	case o.Change == impact.Added:
		d.Summary.Added++
	case o.Change == impact.Removed:
		d.Summary.Removed++
	default:
		d.Summary.Changed++
	}
}

// Differences counts the objects that differ by more than is expected.
func (d ManifestDiff) Differences() int {
	return d.Summary.Added + d.Summary.Removed + d.Summary.Changed
}

// Table implements Doc. wide shows what is expected, too.
func (d ManifestDiff) Table(p *Page, wide bool) {
	for _, c := range d.Clusters {
		if c.Unseen != "" {
			p.Line("%s  %s  %s", p.Paint(check.Unknown, "UNKNOWN"), c.Name, p.cut(fold(c.Unseen)))
			continue
		}
		if len(d.Clusters) > 1 {
			p.Line("%s", c.Name)
		}
		for _, o := range d.Objects {
			if o.Cluster == c.Name && (wide || !o.Expected) {
				o.write(p)
			}
		}
		for _, u := range c.Unknown {
			p.Line("%s  %s", p.Paint(check.Unknown, "UNKNOWN"), p.cut(fold(u)))
		}
	}
	s := d.Summary
	if s.Unseen == len(d.Clusters) {
		return
	}
	text := fmt.Sprintf("%s added, %d removed, %d changed", plural(s.Added, "object"), s.Removed, s.Changed)
	if s.Expected > 0 {
		text += fmt.Sprintf("; of %s only labels, annotations or certificates that Helm makes anew", plural(s.Expected, "other"))
		if !wide {
			text += ": -o wide"
		}
	}
	p.Line("%s", text)
}

func (o ManifestObject) write(p *Page) {
	sign, outcome := "~", check.Warn
	switch o.Change {
	case impact.Added:
		sign, outcome = "+", check.Pass
	case impact.Removed:
		sign, outcome = "-", check.Fail
	}
	p.Line("%s %s", p.Paint(outcome, sign), p.cut(fold(o.Ref.String())))
	var rows []check.Evidence
	for _, e := range o.Edits {
		rows = append(rows, check.Evidence{Where: string(e.Path), Got: side(e.From, e.Added) + " -> " + side(e.To, e.Removed)})
	}
	p.evidence(rows, wideIndent, 0)
}

// Names implements Doc: the objects that differ by more than is expected.
func (d ManifestDiff) Names() []string {
	var all []string
	for _, o := range d.Objects {
		if !o.Expected {
			all = append(all, o.Cluster+"/"+o.Ref.String())
		}
	}
	return all
}
