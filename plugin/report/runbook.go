package report

import (
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/runbook"
)

// Runbook is a fleet's own pages.
type Runbook struct {
	Head  `json:",inline"`
	Pages []runbook.Page `json:"pages"`
	// Wrote is the folder that the pages were written to; empty where they were not.
	Wrote string `json:"wrote,omitempty"`
}

// NewRunbook is the document of those pages.
func NewRunbook(pages []runbook.Page, wrote string) Runbook {
	return Runbook{Head: head("Runbook"), Pages: pages, Wrote: wrote}
}

// Names implements Doc: the pages' files.
func (d Runbook) Names() []string {
	var all []string
	for _, p := range d.Pages {
		all = append(all, p.Name)
	}
	return all
}

// Table implements Doc: the pages as they are, one after the other, or where they are.
func (d Runbook) Table(p *Page, _ bool) {
	if d.Wrote != "" {
		p.Line("%s written to %s: %s", plural(len(d.Pages), "page"), fold(d.Wrote), strings.Join(d.Names(), ", "))
		return
	}
	for i, page := range d.Pages {
		if i > 0 {
			p.Line("")
		}
		for line := range strings.Lines(page.Text) {
			p.Line("%s", strings.TrimRight(line, "\n"))
		}
	}
}
