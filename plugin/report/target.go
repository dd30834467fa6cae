package report

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Target is a file that a report of some kind goes to. A *Targets is a repeatable flag's value.
type Target struct{ Kind, File string }

// kindRow is one kind of report: a new one is a row here and a file beside this one.
// It says how a verification and a lint are written, and how any other document that it knows; nil where that kind does
// not know them.
type kindRow struct {
	name         string
	verification func(Verification) ([]byte, error)
	lint         func(Lint) ([]byte, error)
	others       render
	known        func(Doc) bool // which others
}

func kindRows() []kindRow {
	return []kindRow{
		{"junit", junit, lintJUnit, renderCases, hasCases},
		{"markdown", nil, nil, renderMarkdown, isSheeted},
		{"html", nil, nil, renderHTML, isSheeted},
		{"github", githubVerification, github, githubCases, hasCases},
		{"sarif", nil, sarif, sarifCases, hasCases},
		{"prometheus", prometheus, nil, nil, nil},
		{"openreports", openReports, nil, nil, nil},
	}
}

// render writes doc, where this kind knows such a document.
func (k kindRow) render(doc Doc) ([]byte, error) {
	switch d := doc.(type) {
	case Verification:
		if k.verification != nil {
			return k.verification(d)
		}
	case Lint:
		if k.lint != nil {
			return k.lint(d)
		}
	}
	if k.known != nil && k.known(doc) {
		return k.others(doc, Style{})
	}
	return nil, errors.New("there is no such report of this")
}

// Kinds are the kinds of reports, for messages.
func Kinds() []string {
	var names []string
	for _, row := range kindRows() {
		names = append(names, row.name)
	}
	return names
}

// KindsOf are the kinds that know a document like one of these, for help and completion.
func KindsOf(like ...Doc) []string {
	var names []string
	for _, row := range kindRows() {
		if slices.ContainsFunc(like, row.knows) {
			names = append(names, row.name)
		}
	}
	return names
}

func (k kindRow) knows(doc Doc) bool {
	switch doc.(type) {
	case Verification:
		if k.verification != nil {
			return true
		}
	case Lint:
		if k.lint != nil {
			return true
		}
	}
	return k.known != nil && k.known(doc)
}

// Knows says what is wrong where the target's kind knows no document like doc, so that this is known before anything
// is looked at.
func (t Target) Knows(doc Doc) error {
	if slices.Contains(KindsOf(doc), t.Kind) {
		return nil
	}
	return fmt.Errorf("report %s: there is no such report of this; there are: %s", t, strings.Join(KindsOf(doc), ", "))
}

// ParseTarget reads KIND=FILE. Its errors name the kinds there are.
func ParseTarget(s string) (Target, error) {
	kind, file, _ := strings.Cut(s, "=")
	if _, err := kindNamed(kind); err != nil {
		return Target{}, err
	}
	if file == "" {
		return Target{}, fmt.Errorf("report %q names no file; write %s=FILE", s, kind)
	}
	if info, err := os.Stat(filepath.Dir(file)); err != nil || !info.IsDir() {
		return Target{}, fmt.Errorf("report %q: there is no directory %s", s, filepath.Dir(file))
	}
	return Target{Kind: kind, File: file}, nil
}

// String is the target as it was given.
func (t Target) String() string { return t.Kind + "=" + t.File }

// Write writes doc to the target's file, which holds either what it held before or all of doc.
func (t Target) Write(doc Doc) error {
	kind, err := kindNamed(t.Kind)
	if err != nil {
		return err
	}
	text, err := kind.render(doc)
	if err == nil {
		err = Replace(t.File, text, 0o644)
	}
	if err != nil {
		return fmt.Errorf("write report %s: %w", t, err)
	}
	return nil
}

func kindNamed(kind string) (kindRow, error) {
	for _, row := range kindRows() {
		if row.name == kind {
			return row, nil
		}
	}
	return kindRow{}, fmt.Errorf("no report kind %q; there are: %s", kind, strings.Join(Kinds(), ", "))
}

// Replace writes the file beside itself and moves it into place, with that mode. Links are followed, and what is no ordinary file,
// such as /dev/stdout, is written to as it is: whether it is one is asked of what is behind the name, since a pipe's
// link in /proc leads to no path.
func Replace(file string, text []byte, mode os.FileMode) error {
	if info, err := os.Stat(file); err == nil && !info.Mode().IsRegular() {
		return pour(file, text)
	}
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	temp, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = temp.Write(text)
	if err = errors.Join(err, temp.Chmod(mode), temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return nil
}

// pour writes to what is there: a pipe, a terminal, a device.
func pour(file string, text []byte) error {
	out, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = out.Write(text)
	return errors.Join(err, out.Close())
}

// Targets are those of a repeatable flag.
type Targets []Target

// Set adds one.
func (t *Targets) Set(s string) error {
	target, err := ParseTarget(s)
	if err == nil {
		*t = append(*t, target)
	}
	return err
}

// String is all of them, by comma.
func (t *Targets) String() string {
	var all []string
	for _, target := range *t {
		all = append(all, target.String())
	}
	return strings.Join(all, ",")
}

// Type is how help words the flag's value.
func (t *Targets) Type() string { return "kind=file" }
