package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/scaffold"
)

// Scaffold is what became, or would become, of the GitOps files of a fleet.
type Scaffold struct {
	Head      `json:",inline"`
	Output    string              `json:"output"` // the directory
	Clusters  []string            `json:"clusters"`
	Written   bool                `json:"written"`
	Problems  []scaffold.Problem  `json:"problems"` // why nothing was written
	Files     []ScaffoldFile      `json:"files"`
	Variables []scaffold.Variable `json:"variables"`
	Patches   []scaffold.Patch    `json:"patches"`
	Secrets   []scaffold.Secret   `json:"secrets"`
	Notes     []string            `json:"notes"`
	Next      []string            `json:"next"` // commands that only the user may run
}

// ScaffoldFile is one file.
type ScaffoldFile struct {
	Path   string          `json:"path"`
	Action scaffold.Action `json:"action"`
	Why    string          `json:"why,omitempty"`
	Diff   string          `json:"diff,omitempty"` // where nothing was written: what would be
}

// NewScaffold joins a tree with what became of its files. With diffs, what differs is shown line by line.
func NewScaffold(output string, clusters []string, tree scaffold.Tree, laid []scaffold.Laid, written, diffs bool) Scaffold {
	s := Scaffold{
		Head: head("Scaffold"), Output: output, Clusters: clusters, Written: written,
		Problems: filled(tree.Problems), Files: []ScaffoldFile{}, Variables: filled(tree.Variables),
		Patches: filled(tree.Patches), Secrets: filled(tree.Secrets), Notes: filled(tree.Notes), Next: filled(tree.Next),
	}
	for _, l := range laid {
		f := ScaffoldFile{Path: l.Path, Action: l.Action, Why: l.Why}
		if diffs && l.Action != scaffold.Unchanged && l.New != "" {
			f.Diff = string(diff.Diff("a/"+l.Path, []byte(l.Old), "b/"+l.Path, []byte(l.New)))
		}
		s.Files = append(s.Files, f)
	}
	return s
}

// filled is all, which is no null where it is empty.
func filled[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

// Names are the files that are written, or would be.
func (s Scaffold) Names() []string {
	var names []string
	for _, f := range s.Files {
		if f.Action != scaffold.Unchanged {
			names = append(names, f.Path)
		}
	}
	return names
}

// Table writes why nothing was done, or what was, then what decides the values, then what is left to do.
func (s Scaffold) Table(p *Page, wide bool) {
	for _, problem := range s.Problems {
		p.Line("%s  %s", p.Paint(check.Fail, "REFUSED"), fold(problem.Where))
		p.Prose(wideIndent, problem.Message)
		p.Prose(wideIndent, problem.Next)
	}
	if len(s.Problems) > 0 {
		p.Line("")
	}
	s.diffs(p)
	s.files(p)
	s.variables(p, wide)
	for _, patch := range s.Patches {
		p.Prose(0, fmt.Sprintf("patch     %s %s: %s", patch.Cluster, patch.Path, patch.Why))
	}
	for _, secret := range s.Secrets {
		p.Prose(0, fmt.Sprintf("secret    %s: not in Git", secret.Path))
	}
	for _, note := range s.Notes {
		p.Prose(0, "note      "+note)
	}
	p.Line("%s", s.sentence())
	for i, command := range s.Next {
		if slices.ContainsFunc(s.Files, func(f ScaffoldFile) bool { return f.Action == scaffold.Conflict }) {
			break // first things first
		}
		if i == 0 {
			p.Line("Before Flux sees it, make the Secrets (nothing is shown):")
		}
		p.Line("  %s", command)
	}
}

func (s Scaffold) diffs(p *Page) {
	for _, f := range s.Files {
		for line := range strings.Lines(f.Diff) {
			p.Line("%s", p.Paint(diffOutcome(line), strings.TrimRight(line, "\n")))
		}
		if f.Diff != "" {
			p.Line("")
		}
	}
}

// diffOutcome gives a line of a diff its colour.
func diffOutcome(line string) check.Outcome {
	switch {
	case strings.HasPrefix(line, "+"):
		return check.Pass
	case strings.HasPrefix(line, "-"):
		return check.Fail
	}
	return check.Skip
}

func (s Scaffold) files(p *Page) {
	var rows [][]string
	for _, f := range s.Files {
		action := string(f.Action)
		if f.Action == scaffold.Conflict {
			action = p.Paint(check.Fail, strings.ToUpper(action))
		}
		rows = append(rows, []string{action, f.Path, f.Why})
	}
	if len(rows) > 0 {
		p.Rows([]string{"ACTION", "FILE", ""}, rows)
		p.Line("")
	}
}

func (s Scaffold) variables(p *Page, wide bool) {
	if len(s.Variables) == 0 {
		return
	}
	columns := s.Clusters
	if len(columns) > maxColumns && !wide {
		columns = columns[:maxColumns]
	}
	rows := [][]string{}
	for _, v := range s.Variables {
		row := []string{v.Name}
		for _, c := range columns {
			row = append(row, v.Texts[c])
		}
		var paths []string
		for _, path := range v.Paths {
			paths = append(paths, string(path))
		}
		what := strings.Join(paths, ", ")
		if what == "" {
			what = "the chart's version"
		}
		rows = append(rows, append(row, what))
	}
	p.Rows(slices.Concat([]string{"VARIABLE"}, columns, []string{"DECIDES"}), rows)
	p.Line("")
}

func (s Scaffold) sentence() string {
	n := map[scaffold.Action]int{}
	for _, f := range s.Files {
		n[f.Action]++
	}
	var parts []string
	for _, action := range slices.Sorted(maps.Keys(n)) {
		parts = append(parts, fmt.Sprintf("%d %s", n[action], action))
	}
	switch {
	case len(s.Problems) > 0:
		return "Nothing was written."
	case n[scaffold.Conflict] > 0:
		return fmt.Sprintf("Nothing was written to %s: %s. Look at them (--dry-run), then overwrite ours: --force", s.Output, strings.Join(parts, ", "))
	case !s.Written:
		return fmt.Sprintf("Nothing was written to %s; it would be: %s.", s.Output, strings.Join(parts, ", "))
	}
	return fmt.Sprintf("Written to %s: %s.", s.Output, strings.Join(parts, ", "))
}
