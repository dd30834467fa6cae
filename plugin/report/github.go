package report

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
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

// githubVerification is an annotation for each result that needs a person. They have no place in a file: they stand at
// the workflow's run.
func githubVerification(v Verification) ([]byte, error) {
	var out bytes.Buffer
	for _, r := range v.Results {
		if needsPerson(r.Outcome) {
			command := map[check.Outcome]string{check.Fail: "error"}[r.Outcome]
			githubLine(&out, command, word(r.Outcome)+" "+r.Cluster+" "+string(r.ID)+" "+r.Title, fold(r.Reason)+"\n"+details(r))
		}
	}
	return out.Bytes(), nil
}

// githubCases is an annotation for each difference, and for what is not known.
func githubCases(doc Doc, _ Style) ([]byte, error) {
	d, ok := doc.(cased)
	if !ok {
		return nil, fmt.Errorf("%T has no cases", doc)
	}
	var out bytes.Buffer
	_, all := d.cases()
	for _, c := range all {
		githubLine(&out, "", c.cluster+" "+c.class+" "+c.name, c.failed+c.unknown)
	}
	return out.Bytes(), nil
}

// githubLine is one annotation: a warning, where command is empty.
func githubLine(out *bytes.Buffer, command, title, text string) {
	if command == "" {
		command = "warning"
	}
	fmt.Fprintf(out, "::%s title=%s::%s\n", command, githubProperty(fold(title)), githubText(cleanLines(text)))
}

// githubText escapes what would end a workflow command.
func githubText(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// githubProperty also escapes what separates properties.
func githubProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(githubText(s))
}
