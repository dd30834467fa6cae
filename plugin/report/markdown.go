package report

import (
	"bytes"
	"fmt"
	"strings"
)

func markdownRow(out *bytes.Buffer, cells []string) {
	fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
}

// markdownText is s without meaning of its own: one line, no markup, no table cells, no HTML.
func markdownText(s string) string {
	var out strings.Builder
	for _, r := range fold(s) {
		switch r {
		case '<':
			out.WriteString("&lt;")
		case '>':
			out.WriteString("&gt;")
		case '&':
			out.WriteString("&amp;")
		case '\\', '`', '*', '_', '[', ']', '|', '#', '~', '!', '@':
			out.WriteString(`\` + string(r))
		default:
			out.WriteRune(r)
		}
	}
	return out.String()
}
