package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// markdown is for a pull request or a wiki: what stands where, then what needs a person.
func markdown(v Verification) ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Verification: %s\n\n%s\n\n", v.Summary.Outcome, v.sentence())
	phases, grid, plain := v.phases(), v.cells(), &Page{}
	row := []string{"Cluster", "Kubernetes"}
	rule := []string{"---", "---"}
	for _, phase := range phases {
		row, rule = append(row, markdownText(string(phase))), append(rule, "---")
	}
	markdownRow(&out, row)
	markdownRow(&out, rule)
	for _, c := range v.Clusters {
		row := []string{markdownText(c.Name), markdownText(c.Version)}
		for _, phase := range phases {
			row = append(row, plain.cell(grid[c.Name], phase))
		}
		markdownRow(&out, row)
	}
	for _, r := range v.Results {
		if needsPerson(r.Outcome) {
			markdownResult(&out, r)
		}
	}
	return out.Bytes(), nil
}

func markdownRow(out *bytes.Buffer, cells []string) {
	fmt.Fprintf(out, "| %s |\n", strings.Join(cells, " | "))
}

func markdownResult(out *bytes.Buffer, r Result) {
	fmt.Fprintf(out, "\n## %s %s %s: %s (%s)\n\n%s\n", word(r.Outcome), markdownText(r.Cluster), r.ID,
		markdownText(r.Title), r.AC, markdownText(r.Reason))
	if len(r.Evidence) > 0 {
		out.WriteString("\n| Where | Got | Want |\n| --- | --- | --- |\n")
	}
	for _, e := range r.Evidence {
		markdownRow(out, []string{markdownText(e.Where), markdownText(e.Got), markdownText(e.Want)})
	}
	if r.Hint != "" && r.Outcome != check.Unknown {
		fmt.Fprintf(out, "\n%s\n", markdownText(r.Hint))
	}
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
