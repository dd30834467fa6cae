package report

import (
	"bytes"
	"encoding/xml"
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
)

// lintJUnit is a case for each rule that found something, and one that passes where none did. Errors and warnings are
// failures; what is only worth knowing is said by a case that passes.
func lintJUnit(l Lint) ([]byte, error) {
	suite := junitSuite{Name: "lint"}
	for _, f := range l.Findings {
		c := junitCase{Class: xmlText(f.Rule), Name: xmlText(f.place() + " " + f.Title)}
		message := &junitMessage{Message: xmlText(fold(l.message(f))), Type: f.Severity.String(), Text: xmlText(fold(f.Fix))}
		if f.Severity == lint.Info {
			c.Out = xmlText("info: " + fold(l.message(f)))
		} else {
			c.Failure = message
			suite.Failures++
		}
		suite.Cases = append(suite.Cases, c)
	}
	if len(suite.Cases) == 0 {
		suite.Cases = []junitCase{{Class: "lint", Name: "no finding"}}
	}
	suite.Tests = len(suite.Cases)
	var out bytes.Buffer
	out.WriteString(xml.Header)
	enc := xml.NewEncoder(&out)
	enc.Indent("", "  ")
	if err := enc.Encode(junitSuites{junitCounts: suite.junitCounts, Suites: []junitSuite{suite}}); err != nil {
		return nil, err
	}
	out.WriteString("\n")
	return out.Bytes(), nil
}

// markdown is the sheet with links to what documents the rules.
func (l Lint) markdown() ([]byte, error) {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Lint\n\n%s\n", markdownText(l.sentence()))
	if len(l.Findings) > 0 {
		out.WriteString("\n")
		markdownRow(&out, []string{"Severity", "Rule", "Where", "What", "Mend"})
		markdownRow(&out, []string{"---", "---", "---", "---", "---"})
	}
	for _, f := range l.Findings {
		markdownRow(&out, []string{
			f.Severity.String(), "[" + f.Rule + "](" + f.See + ")", markdownText(f.place()), markdownText(l.message(f)), markdownText(f.Fix),
		})
	}
	return out.Bytes(), nil
}
