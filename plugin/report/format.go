package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

// Format is how a document is written to stdout. The zero Format is the table. A *Format is a flag's value.
type Format struct {
	text   string
	render render
	knows  func(Doc) bool
}

type render func(doc Doc, style Style) ([]byte, error)

// formatRow is one format. A format with a template takes it after "="; make turns it into what renders. Not every
// document has every format: knows tells which has, nil stands for all.
type formatRow struct {
	name     string
	template bool
	make     func(template string) (render, error)
	knows    func(Doc) bool
}

// formatRows are all formats: a new one is a row here and a file beside this one.
func formatRows() []formatRow {
	return []formatRow{
		{"table", false, plain(table(false)), nil},
		{"wide", false, plain(table(true)), nil},
		{"json", false, plain(renderJSON), nil},
		{"yaml", false, plain(renderYAML), nil},
		{"name", false, plain(renderNames), nil},
		{"unified", false, plain(renderUnified), isPatch},
		{"markdown", false, plain(renderMarkdown), isSheeted},
		{"html", false, plain(renderHTML), isSheeted},
		{"jsonpath", true, jsonPath(false), nil},
		{"jsonpath-as-json", true, jsonPath(true), nil},
		{"jsonpath-file", true, fromFile(jsonPath(false)), nil},
		{"go-template", true, goTemplate, nil},
		{"go-template-file", true, fromFile(goTemplate), nil},
	}
}

// FormatNames are the names of the formats that every document has, and of those that one like these has, for help and
// completion; those that take a template end in "=".
func FormatNames(like ...Doc) []string {
	var names []string
	for _, row := range formatRows() {
		if row.knows != nil && !slices.ContainsFunc(like, row.knows) {
			continue
		}
		name := row.name
		if row.template {
			name += "="
		}
		names = append(names, name)
	}
	return names
}

// ParseFormat reads what follows -o. Its errors name the formats there are; templates are parsed here, too, so that
// a wrong one is known before anything is looked at.
func ParseFormat(s string) (Format, error) {
	name, template, given := strings.Cut(s, "=")
	for _, row := range formatRows() {
		if row.name != name || (given && !row.template) {
			continue
		}
		if row.template && template == "" {
			return Format{}, fmt.Errorf("output format %q: no template given; write %s=TEMPLATE", s, name)
		}
		r, err := row.make(template)
		if err != nil {
			return Format{}, fmt.Errorf("output format %q: %w", name, err)
		}
		return Format{text: s, render: r, knows: row.knows}, nil
	}
	return Format{}, fmt.Errorf("no output format %q; there are: %s", s, strings.Join(FormatNames(), ", "))
}

// Knows says what is wrong where a document like doc has no such format.
func (f Format) Knows(doc Doc) error {
	if f.knows == nil || f.knows(doc) {
		return nil
	}
	return fmt.Errorf("output format %q: there is no such form of this; there are: %s", f.text, strings.Join(FormatNames(doc), ", "))
}

// String is what was parsed.
func (f Format) String() string {
	if f.text == "" {
		return "table"
	}
	return f.text
}

// Set makes a *Format a flag's value.
func (f *Format) Set(s string) error {
	parsed, err := ParseFormat(s)
	if err == nil {
		*f = parsed
	}
	return err
}

// Type is how help words the flag's value.
func (f *Format) Type() string { return "format" }

// Print writes doc. It writes once and whole, so that a failing template leaves nothing behind; what w says of the
// writing is returned as it is.
func Print(w io.Writer, format Format, doc Doc, style Style) error {
	if format.render == nil {
		format.render = table(false)
	}
	if err := format.Knows(doc); err != nil {
		return err
	}
	out, err := format.render(doc, style)
	if err != nil {
		return fmt.Errorf("print as %s: %w", format, err)
	}
	_, err = w.Write(out)
	return err
}

func plain(r render) func(string) (render, error) {
	return func(string) (render, error) { return r, nil }
}

func table(wide bool) render {
	return func(doc Doc, style Style) ([]byte, error) {
		p := &Page{Style: style}
		doc.Table(p, wide)
		return p.out.Bytes(), p.err
	}
}

func renderJSON(doc Doc, _ Style) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetIndent("", "    ")
	enc.SetEscapeHTML(false)
	err := enc.Encode(doc)
	return out.Bytes(), err
}

func renderYAML(doc Doc, style Style) ([]byte, error) {
	text, err := renderJSON(doc, style)
	if err != nil {
		return nil, err
	}
	return yaml.JSONToYAML(escapeForYAML(text))
}

// escapeForYAML writes the characters that YAML forbids as the escapes that JSON has for them: one of them in a
// cluster's text must not keep the whole document from being printed.
func escapeForYAML(text []byte) []byte {
	var out bytes.Buffer
	for _, r := range string(text) {
		if r == 0x7f || (r >= 0x80 && r < 0xa0) || r == 0xfeff || r == 0xfffe || r == 0xffff {
			fmt.Fprintf(&out, `\u%04x`, r)
			continue
		}
		out.WriteRune(r)
	}
	return out.Bytes()
}

func renderNames(doc Doc, _ Style) ([]byte, error) {
	var out bytes.Buffer
	for _, name := range doc.Names() {
		out.WriteString(fold(name) + "\n")
	}
	return out.Bytes(), nil
}
