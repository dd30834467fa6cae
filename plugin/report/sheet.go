package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// sheet is a document laid out for a reader of pull requests, wikis and browsers: what Markdown and HTML are made of.
// Its texts are as they are in the document; whoever writes them takes their meaning away.
type sheet struct {
	Title string
	Lead  string // the answer in words
	Parts []sheetPart
}

// sheetPart is one section: notes, each a sentence, then a table, then what differs as a unified diff.
type sheetPart struct {
	Title  string
	Notes  []string
	Header []string
	Rows   [][]string
	Patch  string
}

// sheeted is a document that can be laid out as a sheet.
type sheeted interface{ sheet() sheet }

func isSheeted(doc Doc) bool { _, ok := doc.(sheeted); return ok }

// renderMarkdown writes a sheet for a pull request or a wiki.
func renderMarkdown(doc Doc, _ Style) ([]byte, error) {
	if own, ok := doc.(interface{ markdown() ([]byte, error) }); ok {
		return own.markdown()
	}
	laid, ok := doc.(sheeted)
	if !ok {
		return nil, fmt.Errorf("%T has no Markdown", doc)
	}
	s := laid.sheet()
	var out bytes.Buffer
	fmt.Fprintf(&out, "# %s\n\n%s\n", markdownText(facts.Text(s.Title)), markdownText(facts.Text(s.Lead)))
	for _, part := range s.Parts {
		if part.Title != "" {
			fmt.Fprintf(&out, "\n## %s\n", markdownText(facts.Text(part.Title)))
		}
		for _, note := range part.Notes {
			fmt.Fprintf(&out, "\n%s\n", markdownText(facts.Text(note)))
		}
		if len(part.Rows) > 0 {
			out.WriteString("\n")
			markdownRow(&out, markdownCells(part.Header))
			markdownRow(&out, strings.Split(strings.Repeat("--- ", len(part.Header)-1)+"---", " "))
		}
		for _, row := range part.Rows {
			markdownRow(&out, markdownCells(row))
		}
		if part.Patch != "" {
			fence := fenceFor(part.Patch)
			fmt.Fprintf(&out, "\n%sdiff\n%s\n%s\n", fence, strings.TrimRight(cleanLines(part.Patch), "\n"), fence)
		}
	}
	return out.Bytes(), nil
}

func markdownCells(texts []string) []string {
	cells := make([]string, len(texts))
	for i, text := range texts {
		cells[i] = markdownText(facts.Text(text))
	}
	return cells
}

// fenceFor is a code fence that no line of text closes.
func fenceFor(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}

//go:embed sheet.html
var sheetPage string

// renderHTML writes a sheet, or the page that a document has of its own, as one page that asks for nothing beyond
// itself.
func renderHTML(doc Doc, _ Style) ([]byte, error) {
	if own, ok := doc.(paged); ok {
		return own.page()
	}
	laid, ok := doc.(sheeted)
	if !ok {
		return nil, fmt.Errorf("%T has no HTML", doc)
	}
	page, err := template.New("sheet").Funcs(template.FuncMap{"clean": facts.Text, "lines": patchLines}).Parse(sheetPage)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = page.Execute(&out, laid.sheet())
	return out.Bytes(), err
}

// patchLine is one line of a unified diff and what it is.
type patchLine struct{ Class, Text string }

func patchLines(patch string) []patchLine {
	var all []patchLine
	for line := range strings.Lines(patch) {
		class := ""
		switch {
		case strings.HasPrefix(line, "+++"), strings.HasPrefix(line, "---"), strings.HasPrefix(line, "@@"):
			class = "head"
		case strings.HasPrefix(line, "+"):
			class = "add"
		case strings.HasPrefix(line, "-"):
			class = "del"
		}
		all = append(all, patchLine{class, facts.Text(line)})
	}
	return all
}
