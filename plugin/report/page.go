package report

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"
)

// maxCell is how much of one text a table shows, in runes; JSON shows all of it.
const maxCell = 200

// afterPadding matches the second reset that tablewriter puts behind the padding of a coloured cell.
var afterPadding = regexp.MustCompile(`(\x1b\[0m +)\x1b\[0m`)

// Page is what a table is written on. It keeps the first error and goes on.
type Page struct {
	Style

	out bytes.Buffer
	err error
}

// Line writes one line.
func (p *Page) Line(format string, args ...any) {
	p.out.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

// Rows writes a table as kubectl does: no lines, two spaces between columns. A nil header is left out. What is in a
// cell stays on its line and is cut where it is too long.
func (p *Page) Rows(header []string, rows [][]string) {
	var raw bytes.Buffer
	t := tablewriter.NewTable(&raw,
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders:  tw.BorderNone,
			Settings: tw.Settings{Separators: tw.SeparatorsNone, Lines: tw.LinesNone},
		})),
		tablewriter.WithHeaderAlignment(tw.AlignLeft), tablewriter.WithRowAlignment(tw.AlignLeft),
		tablewriter.WithHeaderAutoFormat(tw.Off), tablewriter.WithRowAutoFormat(tw.Off),
		tablewriter.WithHeaderAutoWrap(tw.WrapNone), tablewriter.WithRowAutoWrap(tw.WrapNone),
		tablewriter.WithPadding(tw.Padding{Right: "  ", Overwrite: true}),
	)
	if header != nil {
		t.Header(p.cells(header))
	}
	for _, row := range rows {
		p.keep(t.Append(p.cells(row)))
	}
	p.keep(t.Render())
	for line := range strings.Lines(raw.String()) {
		p.Line("%s", afterPadding.ReplaceAllString(strings.TrimRight(line, "\n"), "${1}"))
	}
}

// cells are texts, each on its line and cut.
func (p *Page) cells(texts []string) []string {
	cells := make([]string, len(texts))
	for i, text := range texts {
		cells[i] = p.cut(fold(text))
	}
	return cells
}

// Prose writes text in lines of the page's width, each indented; where there is no width, lines are as long as they
// are. Empty lines between paragraphs are kept.
func (p *Page) Prose(indent int, text string) {
	for i, paragraph := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if i > 0 {
			p.Line("")
		}
		for _, line := range wrap(fold(paragraph), p.Width-indent) {
			p.Line("%*s%s", indent, "", line)
		}
	}
}

func (p *Page) keep(err error) {
	if p.err == nil {
		p.err = err
	}
}

// cut is s, or its first part where it is longer than a table shows.
func (p *Page) cut(s string) string {
	n := 0
	for i := range s {
		if n == maxCell {
			return strings.TrimRight(s[:i], " ") + p.ellipsis()
		}
		n++
	}
	return s
}

func (p *Page) ellipsis() string {
	if p.Unicode {
		return "\u2026"
	}
	return "..."
}

// fold is s on one line.
func fold(s string) string {
	if !strings.ContainsAny(s, "\n\t\r\v\f") {
		return strings.TrimSpace(s)
	}
	return strings.Join(strings.Fields(s), " ")
}

// pad fills s with spaces to that many columns.
func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-twwidth.Width(s)))
}

// wrap breaks s between words into lines of at most that many columns; a longer word has a line of its own.
func wrap(s string, width int) []string {
	if width < minWrap || twwidth.Width(s) <= width {
		return []string{s}
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		switch {
		case line == "":
			line = word
		case twwidth.Width(line)+1+twwidth.Width(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	return append(lines, line)
}

// minWrap is the narrowest column that is worth breaking lines for.
const minWrap = 20
