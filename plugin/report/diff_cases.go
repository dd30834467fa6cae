package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// diffCase is one thing that differs in one cluster, or that is not known of it.
type diffCase struct {
	cluster, class, name string
	failed, unknown      string // why; both empty: it is as it should be
}

// cased is a document that differs or not, thing by thing.
type cased interface {
	// cases are the clusters in their order, and what is to be said of each.
	cases() (clusters []string, all []diffCase)
}

func hasCases(doc Doc) bool { _, ok := doc.(cased); return ok }

// renderCases writes JUnit: a suite for each cluster and a case for each difference, which has failed. A cluster with
// neither differences nor anything unknown has one case, which has passed.
func renderCases(doc Doc, _ Style) ([]byte, error) {
	d, ok := doc.(cased)
	if !ok {
		return nil, fmt.Errorf("%T has no cases", doc)
	}
	clusters, all := d.cases()
	var suites junitSuites
	for _, cluster := range clusters {
		suite := junitSuite{Name: xmlText(fold(cluster))}
		for _, c := range all {
			if c.cluster == cluster {
				suite.add(c)
			}
		}
		if len(suite.Cases) == 0 {
			suite.add(diffCase{class: "diff", name: "no difference"})
		}
		suites.Tests += suite.Tests
		suites.Failures += suite.Failures
		suites.Errors += suite.Errors
		suites.Suites = append(suites.Suites, suite)
	}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	enc := xml.NewEncoder(&out)
	enc.Indent("", "  ")
	if err := enc.Encode(suites); err != nil {
		return nil, err
	}
	out.WriteString("\n")
	return out.Bytes(), nil
}

func (s *junitSuite) add(c diffCase) {
	one := junitCase{Class: xmlText(c.class), Name: xmlText(fold(c.name))}
	switch {
	case c.failed != "":
		one.Failure = &junitMessage{Message: xmlText(fold(c.failed))}
		s.Failures++
	case c.unknown != "":
		one.Error = &junitMessage{Message: xmlText(fold(c.unknown))}
		s.Errors++
	}
	s.Tests++
	s.Cases = append(s.Cases, one)
}

func (d ValuesDiff) cases() (clusters []string, all []diffCase) {
	for _, c := range d.Clusters {
		clusters = append(clusters, c.Name)
		for _, u := range unknowns(c.Unseen, c.Unknown) {
			all = append(all, diffCase{cluster: c.Name, class: "values", name: "everything is known", unknown: u})
		}
	}
	for _, delta := range d.Deltas {
		if delta.Class == values.Default {
			continue
		}
		row := d.row(delta, delta.class())
		all = append(all, diffCase{cluster: delta.Cluster, class: "values", name: row[0], failed: strings.Join(row[1:], " | ")})
	}
	return clusters, all
}

func (d Impact) cases() (clusters []string, all []diffCase) {
	for _, c := range d.Clusters {
		clusters = append(clusters, c.Name)
		for _, u := range unknowns(c.Unseen, c.Unknown) {
			all = append(all, diffCase{cluster: c.Name, class: "impact", name: "everything is known", unknown: u})
		}
	}
	for _, c := range d.Changes {
		if c.Expected || (c.Effect == impact.None || c.Effect == impact.Metadata) && len(c.Left) == 0 {
			continue
		}
		all = append(all, diffCase{cluster: c.Cluster, class: "impact", name: c.Ref.String(), failed: string(c.Effect) + ": " + c.Why})
	}
	return clusters, all
}

func (d ManifestDiff) cases() (clusters []string, all []diffCase) {
	for _, c := range d.Clusters {
		clusters = append(clusters, c.Name)
		for _, u := range unknowns(c.Unseen, c.Unknown) {
			all = append(all, diffCase{cluster: c.Name, class: "manifests", name: "everything is known", unknown: u})
		}
	}
	for _, o := range d.Objects {
		if !o.Expected {
			all = append(all, diffCase{
				cluster: o.Cluster, class: "manifests", name: o.Ref.String(),
				failed: fmt.Sprintf("%s: %s", o.Change, plural(len(o.Edits), "field")),
			})
		}
	}
	return clusters, all
}
