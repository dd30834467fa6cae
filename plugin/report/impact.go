package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// Impact is what adoption by Flux would do.
type Impact struct {
	Head     `json:",inline"`
	Clusters []ImpactCluster `json:"clusters"`
	Changes  []ImpactChange  `json:"changes"` // the worst first
	Summary  ImpactSummary   `json:"summary"`
}

// ImpactCluster is one cluster, and what was rendered for it.
type ImpactCluster struct {
	Name         string         `json:"name"`
	Context      string         `json:"context,omitempty"`
	By           string         `json:"by,omitempty"`
	Release      string         `json:"release,omitempty"`
	Revision     int            `json:"revision,omitempty"` // that would be upgraded; absent: Flux would install
	Method       string         `json:"method,omitempty"`
	ChartVersion string         `json:"chartVersion,omitempty"`
	ChartFrom    string         `json:"chartFrom,omitempty"`
	KubeVersion  string         `json:"kubeVersion,omitempty"`
	Summary      impact.Summary `json:"summary"`
	Sentence     string         `json:"sentence,omitempty"`
	Unknown      []string       `json:"unknown,omitempty"`
	Unseen       string         `json:"unseen,omitempty"` // why nothing can be said
}

// ImpactChange is one change of one cluster.
type ImpactChange struct {
	Cluster       string `json:"cluster"`
	impact.Change `json:",inline"`
}

// ImpactSummary is all clusters in numbers.
type ImpactSummary struct {
	impact.Summary `json:",inline"`

	Unseen int `json:"unseen"` // clusters
}

// ImpactOf is what is known of one cluster: facts with what was rendered, or why there is nothing.
type ImpactOf struct {
	Facts  facts.Facts
	Unseen string
}

// NewImpact judges what was rendered and joins the clusters.
func NewImpact(all []ImpactOf) Impact {
	doc := Impact{Head: head("Impact"), Clusters: []ImpactCluster{}, Changes: []ImpactChange{}}
	for _, one := range all {
		c := ImpactCluster{Name: one.Facts.Cluster, Context: one.Facts.Context, Unseen: one.Unseen}
		if r := one.Facts.Rendered; r != nil && one.Unseen == "" {
			changes := impact.Of(one.Facts, r)
			c.By, c.Release, c.Revision, c.Method, c.Unknown = r.By, r.Release, r.Revision, r.Method, r.Unknown
			c.ChartVersion, c.ChartFrom, c.KubeVersion = r.ChartVersion, r.ChartFrom, r.KubeVersion
			c.Summary = impact.Sum(one.Facts, r, changes)
			c.Sentence = sentenceOf(c.Summary)
			doc.Summary.Summary = doc.Summary.Plus(c.Summary)
			for _, change := range changes {
				doc.Changes = append(doc.Changes, ImpactChange{Cluster: c.Name, Change: change})
			}
		} else {
			doc.Summary.Unseen++
		}
		doc.Clusters = append(doc.Clusters, c)
	}
	return doc
}

// sentenceOf is the answer in words.
func sentenceOf(s impact.Summary) string {
	text := fmt.Sprintf("Adoption would replace %d of %s, change %s, delete %s.",
		s.Restarts, plural(s.Pods, "pod"), plural(s.ConfigChanges, "configuration key"), plural(s.Deletes, "object"))
	if s.Lost > 0 {
		text = strings.TrimSuffix(text, ".") + " and the " + plural(s.Lost, "pod") + " of these."
	}
	if s.Podless > 0 {
		text = strings.TrimSuffix(text, ".") + "; it would roll " + plural(s.Podless, "workload") + " of which no pod was counted."
	}
	if s.Fails > 0 {
		text += " The upgrade would fail: " + plural(s.Fails, "object") + " cannot be changed so."
	}
	return text
}

// Table implements Doc.
func (d Impact) Table(p *Page, wide bool) {
	for i, c := range d.Clusters {
		if i > 0 {
			p.Line("")
		}
		if len(d.Clusters) > 1 || wide {
			p.Line("%s", c.title())
		}
		if c.Unseen != "" {
			p.Line("%s  %s  %s", p.Paint(check.Unknown, "UNKNOWN"), c.Name, fold(c.Unseen))
			continue
		}
		d.rows(p, c, wide)
		d.remarks(p, c)
		if len(d.Clusters) == 1 {
			p.Line("%s", c.Sentence)
			continue
		}
		p.Line("%s: %s", c.Name, c.Sentence)
	}
	if len(d.Clusters) > 1 {
		p.Line("")
		p.Line("%s", d.sentence())
	}
}

// sentence is the answer in words, of all clusters together.
func (d Impact) sentence() string {
	seen := len(d.Clusters) - d.Summary.Unseen
	switch {
	case seen == 0:
		return "What adoption would do is not known: " + plural(len(d.Clusters), "cluster") + " could not be seen."
	case len(d.Clusters) == 1:
		return d.Clusters[0].Sentence
	}
	text := fmt.Sprintf("On %s: %s", plural(seen, "cluster"), sentenceOf(d.Summary.Summary))
	if d.Summary.Unseen > 0 {
		text += fmt.Sprintf(" %s could not be seen.", plural(d.Summary.Unseen, "cluster"))
	}
	return text
}

func (c ImpactCluster) title() string {
	if c.Unseen != "" {
		return c.Name
	}
	onto := fmt.Sprintf("upgrades release %s.v%d", c.Release, c.Revision)
	if c.Revision == 0 {
		onto = "installs release " + c.Release + ", which is not there"
	}
	return fmt.Sprintf("%s  %s with chart %s %s (%s, Kubernetes %s)", c.Name, c.By, c.ChartVersion, onto, c.Method, c.KubeVersion)
}

func (d Impact) of(cluster string) []impact.Change {
	var all []impact.Change
	for _, c := range d.Changes {
		if c.Cluster == cluster {
			all = append(all, c.Change)
		}
	}
	return all
}

// rows are the changes one by one, but for those of metadata and those that are expected: these are told together.
func (d Impact) rows(p *Page, c ImpactCluster, wide bool) {
	var rows [][]string
	var metadata, expected []impact.Change
	for _, change := range d.of(c.Name) {
		switch {
		case change.Effect == impact.None:
		case change.Expected && !wide:
			expected = append(expected, change)
		case change.Effect == impact.Metadata && !wide:
			metadata = append(metadata, change)
		default:
			rows = append(rows, []string{paintEffect(p, change.Effect), change.Ref.String(), pods(change), change.Why})
		}
	}
	for _, group := range []struct {
		word    string
		changes []impact.Change
		why     string
	}{
		{"expected", expected, "Helm makes certificates anew at each upgrade: "},
		{string(impact.Metadata), metadata, ""},
	} {
		if n := len(group.changes); n > 0 {
			rows = append(rows, []string{group.word, plural(n, "object"), "-", group.why + together(group.changes)})
		}
	}
	if len(rows) > 0 {
		p.Rows([]string{"EFFECT", "OBJECT", "PODS", "WHY"}, rows)
	}
}

// together words several changes: the labels that they have in common, or the objects.
func together(all []impact.Change) string {
	var names []string
	for _, c := range all {
		if c.Expected {
			names = append(names, c.Ref.Name)
			continue
		}
		for _, path := range c.Paths {
			name := strings.NewReplacer(`\.`, ".", "metadata.labels.", "", "metadata.annotations.", "").Replace(string(path))
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	if rest := len(names) - maxEvidence; rest > 0 {
		names = append(names[:maxEvidence], fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(names, ", ")
}

// pods is how many pods a change concerns; "?" where they could not be counted.
func pods(c impact.Change) string {
	switch {
	case c.Uncounted:
		return "?"
	case c.Restarts > 0:
		return fmt.Sprint(c.Restarts)
	case c.Lost > 0:
		return fmt.Sprintf("-%d", c.Lost)
	case c.Effect == impact.Restart:
		return "0"
	}
	return "-"
}

func paintEffect(p *Page, e impact.Effect) string {
	switch e {
	case impact.Restart, impact.Delete, impact.Fails:
		return p.Paint(check.Fail, string(e))
	case impact.Config, impact.Create:
		return p.Paint(check.Warn, string(e))
	}
	return string(e)
}

// remarks are what a person should know besides.
func (d Impact) remarks(p *Page, c ImpactCluster) {
	for _, text := range d.remarksOf(c) {
		p.Line("%s", text)
	}
	for _, u := range c.Unknown {
		p.Line("%s  %s", p.Paint(check.Unknown, "UNKNOWN"), fold(u))
	}
}

// remarksOf are sentences beside the changes: what would be installed, what stays, what is changed back.
func (d Impact) remarksOf(c ImpactCluster) []string {
	var all []string
	if c.Revision == 0 {
		all = append(all, "Flux finds no release "+c.Release+" and would install one, over whatever is there.")
	}
	left, keeper := 0, ""
	var example string
	for _, change := range d.of(c.Name) {
		if left += len(change.Left); len(change.Left) > 0 && example == "" {
			keeper, example = change.Keeper, change.Ref.String()+" "+string(change.Left[0])
		}
	}
	if left > 0 {
		all = append(all, fmt.Sprintf("Gone from what Flux would apply, yet staying in the cluster since field manager %q owns them, too: %s, as %s",
			keeper, plural(left, "field"), example))
	}
	if c.Summary.Reverted > 0 {
		all = append(all, are(c.Summary.Reverted, "field")+" changed by hand since the release; adoption changes them back.")
	}
	return all
}

func are(n int, noun string) string {
	if n == 1 {
		return plural(n, noun) + " is"
	}
	return plural(n, noun) + " are"
}

// Names implements Doc: the objects that change.
func (d Impact) Names() []string {
	var all []string
	for _, c := range d.Changes {
		all = append(all, c.Cluster+"/"+c.Ref.String())
	}
	return all
}
