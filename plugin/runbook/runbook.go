// Package runbook writes a fleet's own pages: how Cilium is handed over to Flux there, how it goes back, what to do when
// something is wrong, and what comes after. Every command in them names this fleet's clusters, objects and files, and
// can be run as it stands. It must not know clusters or files: what it is told of the fleet is data.
package runbook

import (
	"bytes"
	"embed"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
)

// Mark begins every page, so that a page is told from a file that somebody else wrote.
const Mark = "<!-- Written by flux handover runbook"

// Changes marks a block of commands that change a cluster or Git; those without it only look.
const Changes = "```sh changes"

// Input is what the pages are made from.
type Input struct {
	Fleet    fleet.Fleet
	Clusters []Cluster // in the order in which they are handed over
	// Helmfile is the bootstrap's, from the repository's root; empty where there is none.
	Helmfile string
	// Soak is how long a cluster is watched after its adoption; 0 is the program's own time.
	Soak time.Duration
	// Drills are the names of those that are harmless.
	Drills []string
	// Typed is the command that writes these pages.
	Typed string
}

// Cluster is one cluster, and what the working tree gives it.
type Cluster struct {
	fleet.Cluster

	Git *facts.Git
}

// Page is one page, in Markdown.
type Page struct {
	Name string `json:"name"` // "handover.md"
	Text string `json:"text"`
}

// pages are all, in the order in which they are read.
var pages = []string{"handover", "troubleshooting", "next-steps", "rollback"}

//go:embed pages/*.md
var files embed.FS

// Make writes the pages. It is an error where the tree brings no Cilium to a cluster.
func Make(in Input) ([]Page, error) {
	data, err := newData(in)
	if err != nil {
		return nil, err
	}
	t, err := template.New("").Funcs(template.FuncMap{"code": code, "feature": data.feature}).ParseFS(files, "pages/*.md")
	if err != nil {
		return nil, err
	}
	var all []Page
	for _, name := range pages {
		var out bytes.Buffer
		fmt.Fprintf(&out, "%s; write them anew with: %s -->\n\n", Mark, data.Typed)
		if err := t.ExecuteTemplate(&out, name+".md", data); err != nil {
			return nil, fmt.Errorf("write page %s: %w", name, err)
		}
		all = append(all, Page{Name: name + ".md", Text: tidy(out.String())})
	}
	return all, nil
}

// empties matches lines that a template left empty.
var empties = regexp.MustCompile(`\n{3,}`)

func tidy(text string) string {
	return strings.TrimRight(empties.ReplaceAllString(text, "\n\n"), "\n") + "\n"
}

// code is a text as Markdown shows it in a line of prose.
func code(text string) string { return "`" + strings.ReplaceAll(line(text), "`", "'") + "`" }

// line is a text on one line, which acts on nothing.
func line(text string) string { return strings.Join(strings.Fields(facts.Text(text)), " ") }

// plain matches what no shell changes.
var plain = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// word is a text as one word of a shell.
func word(text string) string {
	if text = line(text); plain.MatchString(text) {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// newData is what the pages' templates see.
func newData(in Input) (*data, error) {
	d := &data{Cilium: in.Fleet.Cilium, Flux: in.Fleet.Flux, Helmfile: in.Helmfile, Typed: line(in.Typed), features: in.Fleet.Features}
	for _, name := range in.Drills {
		d.Drills = append(d.Drills, word(name))
	}
	if in.Soak > 0 {
		d.Soak = " --soak " + in.Soak.String()
	}
	var names []string
	for _, c := range in.Clusters {
		view, err := newView(c)
		if err != nil {
			return nil, err
		}
		d.Clusters = append(d.Clusters, view)
		d.Contexts += " --context " + view.Context
		names = append(names, view.Name)
		for _, f := range view.Settings {
			if !slices.Contains(d.Settings, f) {
				d.Settings = append(d.Settings, f)
			}
		}
	}
	if len(d.Clusters) == 0 {
		return nil, fmt.Errorf("the fleet has no cluster")
	}
	d.First, d.Title = d.Clusters[0], strings.Join(names, ", ")
	return d, nil
}

// data is what the templates see. Names in it are words of a shell.
type data struct {
	Title    string
	Contexts string // " --context infra --context apps"
	Clusters []view
	First    view
	Cilium   facts.Names
	Flux     facts.FluxNames
	Helmfile string
	Soak     string
	Typed    string
	Drills   []string
	Settings []string // files

	features fleet.Wants
}

// Several tells whether there is anything to compare.
func (d *data) Several() bool { return len(d.Clusters) > 1 }

// feature tells whether the fleet wants one.
func (d *data) feature(name string) bool { return d.features[name] != fleet.Off }

// Dir is where the chart's values are, for git log.
func (v view) Dir() string { return path.Dir(v.ReleaseFile) }
