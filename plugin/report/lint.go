package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
)

// Lint is what the rules say of a tree's manifests.
type Lint struct {
	Head     `json:",inline"`
	Clusters []string      `json:"clusters"` // that the tree was read for
	Summary  LintSummary   `json:"summary"`
	Findings []LintFinding `json:"findings"` // by file and line
	Mended   []Mended      `json:"mended,omitempty"`

	fixed bool   // --fix was asked for
	again string // the command that mends what can be mended
}

// LintSummary counts findings by severity.
type LintSummary struct {
	Error      int `json:"error"`
	Warning    int `json:"warning"`
	Info       int `json:"info"`
	Fixable    int `json:"fixable"`    // that --fix mends
	Elsewhere  int `json:"elsewhere"`  // that --fix --all mends
	Suppressed int `json:"suppressed"` // that comments accept
}

// LintFinding is one place that goes against a rule.
type LintFinding struct {
	Rule     string        `json:"rule"`
	Severity lint.Severity `json:"severity"`
	File     string        `json:"file"`
	Line     int           `json:"line,omitempty"`   // from 1
	Column   int           `json:"column,omitempty"` // from 1
	Clusters []string      `json:"clusters,omitempty"`
	Object   string        `json:"object,omitempty"`
	Title    string        `json:"title"`
	Message  string        `json:"message"`
	Reason   string        `json:"reason"`
	Fix      string        `json:"fix"`
	Fixable  bool          `json:"fixable"`
	Withheld string        `json:"withheld,omitempty"` // why --fix does not mend it, and what to do instead
	See      string        `json:"see,omitempty"`
}

// Mended is one change that --fix made.
type Mended struct {
	File   string `json:"file"`
	Change string `json:"change"`
}

// NewLint joins findings with the rules that they are of. again is how to call for --fix.
func NewLint(clusters []string, result lint.Result, rules []lint.Rule, mended []Mended, again string) Lint {
	l := Lint{Head: head("Lint"), Clusters: clusters, Findings: []LintFinding{}, Mended: mended, fixed: mended != nil, again: again}
	if l.Clusters == nil {
		l.Clusters = []string{}
	}
	rows := map[string]lint.Rule{}
	for _, r := range rules {
		rows[r.ID] = r
	}
	for _, f := range result.Findings {
		r := rows[f.Rule]
		l.Findings = append(l.Findings, LintFinding{
			Rule: f.Rule, Severity: f.Severity, File: facts.Text(f.File), Line: f.Line, Column: f.Column, Clusters: f.Clusters,
			Object: facts.Text(f.Object), Title: r.Title, Message: facts.Text(f.Message), Reason: r.Reason, Fix: f.Fix, Fixable: len(f.Edits) > 0, Withheld: f.Withheld, See: r.See,
		})
		l.Summary.count(f)
	}
	l.Summary.Suppressed = len(result.Suppressed)
	return l
}

func (s *LintSummary) count(f lint.Finding) {
	switch f.Severity {
	case lint.Error:
		s.Error++
	case lint.Warning:
		s.Warning++
	case lint.Info:
		s.Info++
	}
	if len(f.Edits) > 0 {
		s.Fixable++
	}
	if f.Elsewhere {
		s.Elsewhere++
	}
}

// Names are the places, "FILE:LINE CGL204".
func (l Lint) Names() []string {
	var names []string
	for _, f := range l.Findings {
		names = append(names, f.place()+" "+f.Rule)
	}
	return names
}

// place is "FILE:LINE", or the file alone.
func (f LintFinding) place() string {
	if f.Line == 0 {
		return f.File
	}
	return fmt.Sprintf("%s:%d", f.File, f.Line)
}

// position is "LINE:COLUMN", as far as they are known.
func (f LintFinding) position() string {
	switch {
	case f.Line == 0:
		return "-"
	case f.Column == 0:
		return fmt.Sprint(f.Line)
	}
	return fmt.Sprintf("%d:%d", f.Line, f.Column)
}

// outcome is the severity as an outcome, for its colour.
func outcome(s lint.Severity) check.Outcome {
	switch s {
	case lint.Error:
		return check.Fail
	case lint.Warning:
		return check.Warn
	case lint.Info:
	}
	return check.Skip
}

// Table writes findings file by file; wide also those that are only worth knowing, and how to mend each.
func (l Lint) Table(p *Page, wide bool) {
	for _, m := range l.Mended {
		p.Line("mended  %s  %s", m.File, p.cut(fold(m.Change)))
	}
	left := l.left(wide)
	for _, f := range left {
		if f.Withheld != "" {
			p.Line("withheld  %s  %s  %s", f.place(), f.Rule, p.cut(fold(f.Withheld)))
		} else {
			p.Line("by hand  %s  %s  %s", f.place(), f.Rule, p.cut(fold(f.Fix)))
		}
	}
	if len(l.Mended)+len(left) > 0 {
		p.Line("")
	}
	shown := l.shown(wide)
	for len(shown) > 0 {
		file := shown[0].File
		n := slices.IndexFunc(shown, func(f LintFinding) bool { return f.File != file })
		if n < 0 {
			n = len(shown)
		}
		p.Line("%s", fold(file))
		l.rows(p, shown[:n], wide)
		p.Line("")
		shown = shown[n:]
	}
	p.Line("%s", l.sentence())
	if rest := len(l.Findings) - len(l.shown(wide)); rest > 0 {
		p.Line("-o wide shows %s more, and how to mend each.", plural(rest, "note"))
	}
	if l.Summary.Fixable > 0 && l.again != "" {
		p.Line("Mend %d of them: %s", l.Summary.Fixable, l.again)
	}
	if l.Summary.Elsewhere > 0 && l.again != "" {
		p.Line("Mend %d more, in files that Cilium is not delivered by: %s --all", l.Summary.Elsewhere, l.again)
	}
}

// left are the findings that --fix has left, of those that a table tells; wide tells of each how to mend it anyway.
func (l Lint) left(wide bool) []LintFinding {
	if !l.fixed || wide {
		return nil
	}
	return l.shown(false)
}

// shown are the findings that a table tells.
func (l Lint) shown(wide bool) []LintFinding {
	if wide {
		return l.Findings
	}
	return slices.DeleteFunc(slices.Clone(l.Findings), func(f LintFinding) bool { return f.Severity == lint.Info })
}

func (l Lint) rows(p *Page, findings []LintFinding, wide bool) {
	if !wide {
		var rows [][]string
		for _, f := range findings {
			rows = append(rows, []string{"  " + f.position(), p.Paint(outcome(f.Severity), f.Severity.String()), f.Rule, l.message(f)})
		}
		p.Rows(nil, rows)
		return
	}
	for _, f := range findings {
		p.Line("  %-7s %s  %s  %s", f.position(), p.Paint(outcome(f.Severity), pad(f.Severity.String(), len("warning"))), f.Rule, p.cut(fold(l.message(f))))
		p.Prose(wideIndent, fold(f.Reason))
		p.Prose(wideIndent, "Mend: "+fold(f.Fix))
		if f.Withheld != "" {
			p.Prose(wideIndent, "Not by --fix: "+fold(f.Withheld))
		}
	}
}

// message is a finding's, with the clusters where it is not all that concerns.
func (l Lint) message(f LintFinding) string {
	if len(f.Clusters) == 0 || len(f.Clusters) == len(l.Clusters) {
		return f.Message
	}
	return f.Message + " (" + strings.Join(f.Clusters, ", ") + ")"
}

func (l Lint) sentence() string {
	s := l.Summary
	var parts []string
	for _, part := range []struct {
		n    int
		noun string
	}{{s.Error, "error"}, {s.Warning, "warning"}, {s.Info, "note"}} {
		if part.n > 0 {
			parts = append(parts, plural(part.n, part.noun))
		}
	}
	text := "No finding"
	if len(parts) > 0 {
		text = strings.Join(parts, ", ")
	}
	if len(l.Clusters) > 0 {
		text += " for " + strings.Join(l.Clusters, ", ")
	} else {
		text += "; no cluster's entry point was found, so only files were judged: name the clusters in fleet.yaml"
	}
	if s.Suppressed > 0 {
		text += fmt.Sprintf("; %d accepted by comments", s.Suppressed)
	}
	return text
}
