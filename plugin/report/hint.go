package report

import (
	"regexp"
	"strings"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// hint writes what to do. Where it does not fit on a line, its command has one of its own, whole, so that it can be
// copied.
func (p *Page) hint(indent int, text string) {
	text = fold(text)
	before, command, after := splitHint(text)
	if command == "" || p.Width == 0 || indent+twwidth.Width(text) <= p.Width {
		p.Prose(indent, text)
		return
	}
	p.Prose(indent, before)
	p.Line("%*s%s", indent+2, "", command)
	if after != "" {
		p.Prose(indent, after)
	}
}

var (
	// commandStart matches where a hint comes to what is to be typed.
	commandStart = regexp.MustCompile(`: (kubectl|flux|helm|cilium|talosctl) `)
	// commandEnd matches where the next sentence begins.
	commandEnd = regexp.MustCompile(`\. [A-Z]`)
)

// splitHint takes a hint apart: "Look: kubectl get x. Then go on." is "Look:", "kubectl get x" and "Then go on.".
func splitHint(text string) (before, command, after string) {
	start := commandStart.FindStringIndex(text)
	if start == nil {
		return text, "", ""
	}
	before, command = text[:start[0]+1], text[start[0]+2:]
	if end := commandEnd.FindStringIndex(command); end != nil {
		command, after = command[:end[0]], command[end[0]+2:]
	}
	return before, strings.TrimSuffix(command, "."), after
}
