// Package compare is what clusters that should be alike differ in. Each difference is explained by a variable of the
// clusters, and then expected, or it is not. It takes facts and returns values; it must not know where facts come from
// or how what it finds is shown.
package compare

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Aspect is one thing that clusters are compared in.
type Aspect string

// The aspects, in the order in which they are told.
const (
	Settings Aspect = "settings" // the ConfigMap of variables
	Values   Aspect = "values"   // what Helm was given, where need be with the chart's defaults
	Versions Aspect = "versions" // of chart, images and agents
	Features Aspect = "features" // each as it is declared, configured and effective
	Config   Aspect = "config"   // cilium-config
	Objects  Aspect = "objects"  // workloads, CRDs, certificates, Helm's records: whether they are there and well
	Flux     Aspect = "flux"     // Flux's objects of Cilium
)

// Aspects are all of them.
func Aspects() []Aspect { return []Aspect{Settings, Values, Versions, Features, Config, Objects, Flux} }

// Difference is one thing in which clusters differ.
type Difference struct {
	What Aspect `json:"what"`
	Path string `json:"path"`
	// Values are by cluster. One that lacks it is not among them, nor is one that could not be seen.
	Values map[string]any `json:"values"`
	// Expected: a variable explains it, and it is one that clusters are to differ in.
	Expected bool `json:"expected"`
	// Untold: whether it is expected nobody can tell, because a cluster's variables could not be seen.
	Untold bool   `json:"untold,omitempty"`
	Var    string `json:"var"` // the variables, separated by commas
	Why    string `json:"why,omitempty"`
	// Odd are the clusters that differ from the reference, or from most of the others.
	Odd []string `json:"odd"`
}

// Unexpected tells whether a person has to look.
func (d Difference) Unexpected() bool { return !d.Expected && !d.Untold }

// Clash is something that clusters have in common and must not.
type Clash struct {
	What     string   `json:"what"`  // "cluster.id", "pod CIDR"
	Value    string   `json:"value"` // what they have in common, or the widest of what overlaps
	Clusters []string `json:"clusters"`
	Why      string   `json:"why"`
}

// Group is clusters that differ from the rest in the same unexpected way.
type Group struct {
	Clusters []string `json:"clusters"`
	// Differs is in how many unexpected ways; the last group is usually that of no way.
	Differs int `json:"differs"`
}

// Unseen is a part of a cluster that could not be compared.
type Unseen struct {
	Cluster string     `json:"cluster"`
	Part    facts.Part `json:"part"`
	Why     string     `json:"why"`
}

// Result is what comparing clusters found.
type Result struct {
	Differences []Difference
	Clashes     []Clash
	Groups      []Group // the odd ones first
	Unseen      []Unseen
	Masked      []string // "values tls.ca.key": secrets, of which nobody can tell whether they are the same
	Compared    int      // how many things were looked at on more than one cluster
}

// Of compares clusters in those aspects: with the one named reference, or, where that is empty, each with most of the
// others. The order of all changes nothing but the order in which clusters are told.
func Of(all []facts.Facts, aspects []Aspect, reference string) Result {
	c := &comparison{all: all, reference: reference}
	c.learn()
	for _, a := range Aspects() {
		if slices.Contains(aspects, a) {
			c.aspect(a)
		}
	}
	c.result.Clashes = clashes(all)
	c.unseen(aspects)
	c.result.Groups = c.groups()
	return c.result
}

// Worst tells how a result ends: different where anything is unexpected or clashes, blind where something could not
// be seen.
func (r Result) Worst() (different, blind bool) {
	different = len(r.Clashes) > 0 || slices.ContainsFunc(r.Differences, Difference.Unexpected)
	return different, len(r.Unseen) > 0
}

// comparison collects a result.
type comparison struct {
	all       []facts.Facts
	reference string
	variables []variable
	known     map[string]bool // the clusters that have variables
	blind     map[string]bool // those of which nobody could see whether they have
	result    Result
}

// aspect compares one aspect, path by path.
func (c *comparison) aspect(a Aspect) {
	views := make([]view, len(c.all))
	paths := map[string]bool{}
	for i, f := range c.all {
		views[i] = lookAt(f, a)
		for path := range views[i].has {
			paths[path] = true
		}
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		c.path(a, path, views)
	}
}

func (c *comparison) path(a Aspect, path string, views []view) {
	found := map[string]any{}
	kinds := map[string][]string{}
	seen, masked := 0, 0
	for i, f := range c.all {
		if !views[i].sees(path) {
			continue
		}
		seen++
		key := absent
		if value, ok := views[i].get(path); ok {
			found[f.Cluster] = value
			key = fingerprint(value)
			if value == facts.Redacted {
				masked++
			}
		}
		kinds[key] = append(kinds[key], f.Cluster)
	}
	if seen < 2 {
		return
	}
	if masked > 1 {
		c.result.Masked = append(c.result.Masked, string(a)+" "+path)
	}
	c.result.Compared++
	if len(kinds) < 2 {
		return
	}
	d := Difference{What: a, Path: path, Values: found, Odd: c.odd(kinds)}
	c.explain(&d, seen)
	c.result.Differences = append(c.result.Differences, d)
}

// absent is the fingerprint of what a cluster does not have.
const absent = "absent"

// fingerprint is a value as text: two that are the same to Helm have the same.
func fingerprint(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		return "?"
	}
	return "=" + string(text)
}

// odd are the clusters that are not as the reference, or as most: of two halves, those that come later by text.
func (c *comparison) odd(kinds map[string][]string) []string {
	keys := slices.SortedFunc(maps.Keys(kinds), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(kinds[b]), len(kinds[a])), cmp.Compare(a, b))
	})
	usual := keys[0]
	for key, clusters := range kinds {
		if slices.Contains(clusters, c.reference) {
			usual = key
		}
	}
	others := map[string]bool{}
	for key, clusters := range kinds {
		for _, cluster := range clusters {
			others[cluster] = key != usual
		}
	}
	odd := []string{}
	for _, f := range c.all {
		if others[f.Cluster] {
			odd = append(odd, f.Cluster)
		}
	}
	return odd
}

// scattered tells whether most clusters have a value there that no other has.
func scattered(d Difference) bool {
	kinds := map[string]bool{}
	for _, value := range d.Values {
		kinds[fingerprint(value)] = true
	}
	return len(kinds) > 2 && len(kinds) > len(d.Values)/2
}

// unseen are the parts of clusters that were asked for and could not be seen.
func (c *comparison) unseen(aspects []Aspect) {
	for _, f := range c.all {
		for _, part := range Needs(aspects) {
			if _, declined := f.Declined[part]; declined {
				continue
			}
			if why, blind := f.Blind[part]; blind {
				c.result.Unseen = append(c.result.Unseen, Unseen{f.Cluster, part, why})
			} else if !slices.Contains(f.Seen, part) {
				c.result.Unseen = append(c.result.Unseen, Unseen{f.Cluster, part, "not in this recording: record again"})
			}
		}
	}
}

// groups puts together the clusters that are odd in the same unexpected ways: those in the most ways first.
func (c *comparison) groups() []Group {
	ways := map[string][]string{}
	for _, d := range c.result.Differences {
		if !d.Unexpected() {
			continue
		}
		for _, cluster := range d.Odd {
			key := absent
			if value, ok := d.Values[cluster]; ok {
				key = fingerprint(value)
			}
			if scattered(d) {
				key = " each its own" // no two would be in one group
			}
			ways[cluster] = append(ways[cluster], string(d.What)+" "+d.Path+key)
		}
	}
	at := map[string]int{}
	var groups []Group
	for _, f := range c.all {
		text, _ := json.Marshal(ways[f.Cluster])
		i, ok := at[string(text)]
		if !ok {
			i = len(groups)
			at[string(text)] = i
			groups = append(groups, Group{Differs: len(ways[f.Cluster])})
		}
		groups[i].Clusters = append(groups[i].Clusters, f.Cluster)
	}
	slices.SortStableFunc(groups, func(a, b Group) int { return cmp.Compare(b.Differs, a.Differs) })
	return groups
}
