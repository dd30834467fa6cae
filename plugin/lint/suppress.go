package lint

import (
	"bytes"
	"regexp"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// ignore matches a comment that accepts findings:
//
//	# cilium-gitops:ignore CGL407 the bootstrap installs them
//
// On a line with a field, or in the comments above one, it is about that field and what is inside of it; above a
// document's first field, or with ignore-file, it is about the whole document or file. Several rules are separated by
// commas. A reason is expected: without one the comment accepts nothing.
var ignore = regexp.MustCompile(`#\s*cilium-gitops:(ignore|ignore-file)\s+([A-Z0-9]+(?:\s*,\s*[A-Z0-9]+)*)\s+(\S.*)$`)

// acceptance is one such comment: rules, and the lines that it is about.
type acceptance struct {
	rules    []string
	from, to int
}

type acceptances map[string][]acceptance

// suppressions reads the comments of all files.
func suppressions(files []*manifest.File) acceptances {
	out := acceptances{}
	for _, f := range files {
		if !bytes.Contains(f.Text, []byte("cilium-gitops:ignore")) {
			continue
		}
		lines := strings.Split(string(f.Text), "\n")
		for i, line := range lines {
			m := ignore.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			a := acceptance{rules: strings.FieldsFunc(m[2], func(r rune) bool { return r == ',' || r == ' ' }), from: i + 1, to: len(lines)}
			if m[1] == "ignore" {
				a.from, a.to = reach(lines, i)
			} else {
				a.from = 0
			}
			out[f.Path] = append(out[f.Path], a)
		}
	}
	return out
}

// reach is the lines that a comment at index i is about: the field that it stands at or above, with all inside of it.
func reach(lines []string, i int) (from, to int) {
	field := i
	for field < len(lines) && isComment(lines[field]) {
		field++
	}
	if field == len(lines) {
		return i + 1, i + 1
	}
	indent := indentOf(lines[field])
	first := indent == 0 && opensDocument(lines, field)
	end := field
	for n := field + 1; n < len(lines) && !strings.HasPrefix(lines[n], "---"); n++ {
		if strings.TrimSpace(lines[n]) == "" {
			continue
		}
		item := strings.HasPrefix(strings.TrimSpace(lines[n]), "- ") && indentOf(lines[n]) == indent
		if !first && !item && indentOf(lines[n]) <= indent {
			break
		}
		end = n
	}
	return i + 1, end + 1
}

// opensDocument tells whether no field stands above the line in its document.
func opensDocument(lines []string, at int) bool {
	for n := at - 1; n >= 0; n-- {
		switch text := strings.TrimSpace(lines[n]); {
		case strings.HasPrefix(text, "---"):
			return true
		case text != "" && !strings.HasPrefix(text, "#"):
			return false
		}
	}
	return true
}

func isComment(line string) bool {
	text := strings.TrimSpace(line)
	return text == "" || strings.HasPrefix(text, "#")
}

func indentOf(line string) int { return len(line) - len(strings.TrimLeft(line, " ")) }

// accept tells whether a comment accepts f.
func (a acceptances) accept(f Finding) bool {
	return slices.ContainsFunc(a[f.File], func(c acceptance) bool {
		return slices.Contains(c.rules, f.Rule) && f.Line >= c.from && f.Line <= c.to
	})
}
