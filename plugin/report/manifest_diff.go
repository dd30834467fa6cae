package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
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

	before, after map[string]any // the object on both sides, nil where there is none
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
			before, after := bodies(r.Before), bodies(r.After)
			for _, o := range impact.Manifests(r) {
				found := ManifestObject{Cluster: c.Name, ObjectDiff: o, before: before[keyOf(o.Ref)], after: after[keyOf(o.Ref)]}
				if o.Change == impact.Changed {
					found.before, found.after = alike(found.before, found.after, true)
				}
				d.Objects = append(d.Objects, found)
				d.count(o)
			}
		} else {
			d.Summary.Unseen++
		}
		d.Clusters = append(d.Clusters, c)
	}
	return d
}

// bodies are objects by what names them.
func bodies(all []facts.Object) map[string]map[string]any {
	out := make(map[string]map[string]any, len(all))
	for _, o := range all {
		out[o.Key()] = o.Body
	}
	return out
}

func keyOf(r impact.Ref) string {
	return facts.Object{Kind: r.Kind, Namespace: r.Namespace, Name: r.Name}.Key()
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
			p.Line("%s  %s  %s", p.Paint(check.Unknown, "UNKNOWN"), c.Name, fold(c.Unseen))
			continue
		}
		if len(d.Clusters) > 1 {
			p.Line("%s", c.Name)
		}
		for _, o := range d.Objects {
			if o.Cluster == c.Name && (wide || !o.Expected) {
				o.write(p, wide)
			}
		}
		for _, u := range c.Unknown {
			p.Line("%s  %s", p.Paint(check.Unknown, "UNKNOWN"), fold(u))
		}
	}
	if d.Summary.Unseen == len(d.Clusters) {
		return
	}
	text := d.sentence()
	if d.Summary.Expected > 0 && !wide {
		text += ": -o wide"
	}
	p.Line("%s", text)
}

func (d ManifestDiff) sentence() string {
	s := d.Summary
	text := fmt.Sprintf("%s added, %d removed, %d changed", plural(s.Added, "object"), s.Removed, s.Changed)
	if s.Expected > 0 {
		text += fmt.Sprintf("; of %s only labels, annotations or certificates that Helm makes anew", plural(s.Expected, "other"))
	}
	return text
}

// write tells an object and, as dyff words it, what changes in it; wide also writes the whole of one that comes or goes.
func (o ManifestObject) write(p *Page, wide bool) {
	sign, outcome := "~", check.Warn
	switch o.Change {
	case impact.Added:
		sign, outcome = "+", check.Pass
	case impact.Removed:
		sign, outcome = "-", check.Fail
	}
	p.Line("%s %s", p.Paint(outcome, sign), p.cut(fold(o.Ref.String())))
	if o.Change != impact.Changed && !wide {
		return
	}
	text, err := o.text(p.Style)
	p.keep(err)
	blank := false
	for line := range strings.Lines(text) {
		was := blank
		if blank = strings.TrimSpace(line) == ""; blank && was {
			continue
		}
		p.Line("%*s%s", wideIndent, "", strings.TrimRight(line, "\n"))
	}
	p.Line("")
}

// text is what differs within an object, or all of one that comes or goes.
func (o ManifestObject) text(style Style) (string, error) {
	switch o.Change {
	case impact.Added:
		return yamlOf(o.after)
	case impact.Removed:
		return yamlOf(o.before)
	}
	return human(o.before, o.after, style)
}

// patch is every object that differs by more than is expected, as a file each.
func (d ManifestDiff) patch() ([]byte, error) {
	var out bytes.Buffer
	for _, c := range d.Clusters {
		if c.Unseen != "" {
			fmt.Fprintf(&out, "# %s: UNKNOWN: %s\n", facts.Text(fold(c.Name)), facts.Text(fold(c.Unseen)))
		}
		for _, u := range c.Unknown {
			fmt.Fprintf(&out, "# %s: UNKNOWN: %s\n", facts.Text(fold(c.Name)), facts.Text(fold(u)))
		}
		text, err := d.patchOf(c.Name)
		if err != nil {
			return nil, err
		}
		out.WriteString(text)
	}
	return out.Bytes(), nil
}

func (d ManifestDiff) patchOf(cluster string) (string, error) {
	var out strings.Builder
	for _, o := range d.Objects {
		if o.Cluster != cluster || o.Expected {
			continue
		}
		before, err := yamlOf(o.before)
		if err != nil {
			return "", err
		}
		after, err := yamlOf(o.after)
		if err != nil {
			return "", err
		}
		name := strings.ReplaceAll(facts.Text(fold(cluster+"/"+o.Ref.String())), " ", "-")
		from, to := "release/"+name, "flux/"+name
		if o.Change == impact.Added {
			from = "/dev/null"
		}
		if o.Change == impact.Removed {
			to = "/dev/null"
		}
		out.WriteString(unified(from, before, to, after))
	}
	return out.String(), nil
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
