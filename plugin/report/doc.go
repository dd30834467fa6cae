// Package report is everything printable, in every format: the one package that knows tables, colour and width. A
// document is a value; its JSON and YAML fall out of its struct tags, and only its table is written by hand. It must
// not know where a document's contents come from, and it judges nothing.
package report

import "github.com/cilium-gitops/cilium-gitops/plugin/facts"

// Doc is anything printable.
type Doc interface {
	// Table writes the document for a person. wide asks for everything, not only for what needs a person.
	Table(p *Page, wide bool)
	// Names are the lines of -o name.
	Names() []string
}

// Head says what a document is. Every document begins with it.
type Head struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
}

func head(kind string) Head { return Head{APIVersion: facts.APIVersion, Kind: kind} }

// Style is what the place that is printed to can show.
type Style struct {
	Color   bool
	Width   int  // columns of the terminal; 0: not a terminal, lines are as long as they are
	Unicode bool // whether more than ASCII may be used for signs of our own
}
