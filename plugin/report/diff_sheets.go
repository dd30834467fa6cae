package report

import (
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// sheet lays out how values differ: a table for each cluster.
func (d ValuesDiff) sheet() sheet {
	s := sheet{Title: "Values: " + d.between(), Lead: d.sentence()}
	for _, c := range d.Clusters {
		part := sheetPart{Title: c.Name, Header: d.header(false), Notes: unknowns(c.Unseen, c.Unknown)}
		for _, delta := range d.Deltas {
			if delta.Cluster == c.Name {
				part.Rows = append(part.Rows, d.row(delta, delta.class()))
			}
		}
		if len(part.Rows) == 0 && len(part.Notes) == 0 {
			part.Notes = []string{"No difference."}
		}
		s.Parts = append(s.Parts, part)
	}
	return s
}

// sheet lays out what would become of the objects, all of them, the worst first.
func (d Impact) sheet() sheet {
	s := sheet{Title: "What adoption by Flux would do", Lead: d.sentence()}
	for _, c := range d.Clusters {
		part := sheetPart{Title: c.title(), Header: []string{"Effect", "Object", "Pods", "Why"}}
		if c.Unseen == "" {
			part.Notes = append(part.Notes, c.Sentence)
			part.Notes = append(part.Notes, d.remarksOf(c)...)
		}
		part.Notes = append(part.Notes, unknowns(c.Unseen, c.Unknown)...)
		for _, change := range d.of(c.Name) {
			effect := string(change.Effect)
			switch {
			case change.Effect == impact.None:
				continue
			case change.Expected:
				effect = "expected"
			}
			part.Rows = append(part.Rows, []string{effect, change.Ref.String(), pods(change), change.Why})
		}
		s.Parts = append(s.Parts, part)
	}
	return s
}

// sheet lays out what differs between the manifests: the objects, then the patch.
func (d ManifestDiff) sheet() sheet {
	s := sheet{Title: "Manifests: the release and what Flux would apply", Lead: d.sentence()}
	for _, c := range d.Clusters {
		part := sheetPart{Title: c.Name, Header: []string{"Change", "Object", "Fields"}, Notes: unknowns(c.Unseen, c.Unknown)}
		for _, o := range d.Objects {
			if o.Cluster != c.Name {
				continue
			}
			change := o.Change
			if o.Expected {
				change = "expected"
			}
			part.Rows = append(part.Rows, []string{change, o.Ref.String(), fmt.Sprint(len(o.Edits))})
		}
		if c.Unseen == "" && len(part.Rows) == 0 {
			part.Notes = append(part.Notes, "No difference.")
		}
		text, err := d.patchOf(c.Name)
		if err != nil {
			part.Notes = append(part.Notes, "UNKNOWN: "+err.Error())
		}
		part.Patch = text
		s.Parts = append(s.Parts, part)
	}
	return s
}

// unknowns are what could not be seen, each in a sentence.
func unknowns(unseen string, unknown []string) []string {
	var all []string
	if unseen != "" {
		all = append(all, "UNKNOWN: "+unseen)
	}
	for _, u := range unknown {
		all = append(all, "UNKNOWN: "+u)
	}
	return all
}

// class words the class of a difference, with what explains it.
func (d ValuesDelta) class() string {
	class := string(d.Class)
	if d.Var != "" {
		class += " ${" + d.Var + "}"
	}
	if d.Blocking {
		class += " !"
	}
	return class
}

// absent tells whether a place lacks the value.
func (d ValuesDelta) absent(place string) bool {
	for _, lacks := range d.Absent {
		if lacks == place {
			return true
		}
	}
	return false
}

// row is a difference as the tables have it.
func (d ValuesDiff) row(delta ValuesDelta, class string) []string {
	if d.With == "" {
		return []string{
			string(delta.Path), side(delta.From, delta.Class == values.Added), side(delta.To, delta.Class == values.Removed), class,
		}
	}
	return []string{
		string(delta.Path), side(delta.From, delta.absent(d.From)), side(delta.To, delta.absent(d.To)),
		side(delta.With, delta.absent(d.With)), delta.Odd, class,
	}
}

func (d ValuesDiff) header(clusters bool) []string {
	all := []string{"PATH", heading(d.From), heading(d.To)}
	if clusters {
		all = append([]string{"CLUSTER"}, all...)
	}
	if d.With != "" {
		all = append(all, heading(d.With), "ODD")
	}
	return append(all, "CLASS")
}

// between names the places.
func (d ValuesDiff) between() string {
	if d.With != "" {
		return d.From + ", " + d.To + " and " + d.With
	}
	return d.From + " and " + d.To
}
