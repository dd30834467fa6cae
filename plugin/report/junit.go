package report

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

type junitSuites struct {
	XMLName xml.Name `xml:"testsuites"`
	junitCounts
	Suites []junitSuite `xml:"testsuite"`
}

type junitSuite struct {
	Name      string `xml:"name,attr"`
	Timestamp string `xml:"timestamp,attr,omitempty"`
	junitCounts
	Cases []junitCase `xml:"testcase"`
}

type junitCounts struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Failure *junitMessage `xml:"failure"`
	Error   *junitMessage `xml:"error"`
	Skipped *junitMessage `xml:"skipped"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitMessage struct {
	Message string `xml:"message,attr,omitempty"`
	Type    string `xml:"type,attr,omitempty"`
	Text    string `xml:",chardata"`
}

// junit is a suite for each cluster and a case for each check. JUnit knows no warning: that is a pass with something
// to say. What could not be seen is an error.
func junit(v Verification) ([]byte, error) {
	all := junitSuites{junitCounts: countCases(v.Results)}
	for _, c := range v.Clusters {
		var results []Result
		for _, r := range v.Results {
			if r.Cluster == c.Name {
				results = append(results, r)
			}
		}
		suite := junitSuite{Name: c.Name, junitCounts: countCases(results)}
		if !c.Taken.IsZero() {
			suite.Timestamp = c.Taken.UTC().Format(time.RFC3339)
		}
		for _, r := range results {
			suite.Cases = append(suite.Cases, newJunitCase(r))
		}
		all.Suites = append(all.Suites, suite)
	}
	var out bytes.Buffer
	out.WriteString(xml.Header)
	enc := xml.NewEncoder(&out)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return nil, err
	}
	out.WriteString("\n")
	return out.Bytes(), nil
}

func countCases(results []Result) junitCounts {
	s := summarise(results)
	return junitCounts{Tests: len(results), Failures: s.Fail, Errors: s.Unknown, Skipped: s.Skip}
}

func newJunitCase(r Result) junitCase {
	c := junitCase{Class: xmlText(string(r.Phase)), Name: xmlText(string(r.ID) + " " + r.Title)}
	message := &junitMessage{Message: xmlText(fold(r.Reason)), Type: r.AC, Text: xmlText(details(r))}
	switch r.Outcome {
	case check.Fail:
		c.Failure = message
	case check.Unknown:
		c.Error = message
	case check.Skip:
		c.Skipped = &junitMessage{Message: message.Message}
	case check.Warn:
		c.Out = xmlText("warn: " + fold(r.Reason) + "\n" + details(r))
	case check.Pass:
	}
	return c
}

// details are a result's evidence and hint, a line each, whole.
func details(r Result) string {
	var lines []string
	for _, e := range r.Evidence {
		line := fold(e.Where) + ": " + fold(e.Got)
		if e.Want != "" {
			line = fmt.Sprintf("%s: got %q, want %q", fold(e.Where), fold(e.Got), fold(e.Want))
		}
		lines = append(lines, line)
	}
	if r.Hint != "" && r.Outcome != check.Unknown {
		lines = append(lines, fold(r.Hint))
	}
	return strings.Join(lines, "\n")
}

// xmlText drops what no XML document may hold; encoding/xml escapes the rest.
func xmlText(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t', r >= 0x20 && r <= 0xD7FF, r >= 0xE000 && r <= 0xFFFD, r >= 0x10000:
			return r
		}
		return -1
	}, strings.ToValidUTF8(s, ""))
}
