package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
)

// github is workflow commands: printed in a workflow, they become annotations beside the lines.
func github(l Lint) ([]byte, error) {
	var out bytes.Buffer
	for _, f := range l.Findings {
		command := map[lint.Severity]string{lint.Error: "error", lint.Warning: "warning", lint.Info: "notice"}[f.Severity]
		fmt.Fprintf(&out, "::%s file=%s", command, githubProperty(f.File))
		if f.Line > 0 {
			fmt.Fprintf(&out, ",line=%d", f.Line)
		}
		if f.Column > 0 {
			fmt.Fprintf(&out, ",col=%d", f.Column)
		}
		fmt.Fprintf(&out, ",title=%s::%s\n", githubProperty(f.Rule+" "+f.Title), githubText(l.message(f)+"\n"+f.Fix))
	}
	return out.Bytes(), nil
}

// githubText escapes what would end a workflow command.
func githubText(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// githubProperty also escapes what separates properties.
func githubProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(githubText(s))
}
