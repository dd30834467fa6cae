// Package manifest is about files of Kubernetes objects as text: their documents, where each field stands, and edits
// that leave everything else as it is. It is pure: it must not know where files come from or what objects mean.
package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// The bounds of what is looked at. Beyond them a file is an error, at once and with little memory.
const (
	MaxBytes     = 8 << 20 // of one file
	MaxNodes     = 400_000 // of one file, aliases followed
	MaxDepth     = 200     // of one document
	MaxDocuments = 5_000   // of one file
)

// Place is where something stands. Lines and columns begin at 1; 0 is unknown.
type Place struct {
	File   string
	Line   int
	Column int
}

func (p Place) String() string {
	switch {
	case p.Line == 0:
		return p.File
	case p.Column == 0:
		return fmt.Sprintf("%s:%d", p.File, p.Line)
	}
	return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)
}

// Error is why a file cannot be read, and where.
type Error struct {
	Place
	Limit  bool // it is larger or deeper than is looked at
	Reason string
}

func (e *Error) Error() string { return e.Place.String() + ": " + e.Reason }

// File is one file and its documents.
type File struct {
	Path string
	Text []byte
	Docs []*Doc
}

// Doc is one YAML document whose root is a mapping.
type Doc struct {
	File *File
	Node *yaml.Node // the mapping
	// Value is what JSON would hold: map[string]any, []any, string, int64, float64, bool and nil.
	Value map[string]any
	Index int // among the documents of its file
}

// errorLine matches where the parser says that it stopped.
var errorLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)`)

// Parse reads a file's documents. Documents that are empty or no mappings are left out. The error is an *Error; what
// stands before the place of a syntax error is returned beside it.
func Parse(path string, text []byte) (*File, error) {
	f := &File{Path: path, Text: text}
	if len(text) > MaxBytes {
		return f, limit(path, 0, "has %d bytes; more than %d are not looked at", len(text), MaxBytes)
	}
	if line := tooDeep(text); line > 0 {
		return f, limit(path, line, "is nested deeper than %d", MaxDepth)
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	budget := MaxNodes
	for n := 0; ; n++ {
		var root yaml.Node
		err := decode(dec, &root)
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return f, syntax(path, err)
		}
		if n == MaxDocuments {
			return f, limit(path, root.Line, "holds more than %d documents", MaxDocuments)
		}
		if len(root.Content) == 0 || root.Content[0].Kind != yaml.MappingNode {
			continue
		}
		c := converter{path: path, budget: &budget}
		value, err := c.value(root.Content[0], 0)
		if err != nil {
			return f, err
		}
		f.Docs = append(f.Docs, &Doc{File: f, Node: root.Content[0], Value: value.(map[string]any), Index: len(f.Docs)})
	}
}

// decode keeps what the parser panics over, which hostile input may bring about, an error.
func decode(dec *yaml.Decoder, into *yaml.Node) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("yaml: %v", r)
		}
	}()
	return dec.Decode(into)
}

func limit(path string, line int, format string, args ...any) error {
	return &Error{Place: Place{File: path, Line: line}, Limit: true, Reason: fmt.Sprintf(format, args...)}
}

func syntax(path string, err error) error {
	e := &Error{Place: Place{File: path}, Reason: err.Error()}
	if m := errorLine.FindStringSubmatch(err.Error()); m != nil {
		e.Line, _ = strconv.Atoi(m[1])
		e.Reason = m[2]
	}
	return e
}

// tooDeep is the line where flow brackets or indentation open more levels than are looked at; 0 when none does. It
// counts roughly, before the parser would spend its time.
func tooDeep(text []byte) int {
	open, line := 0, 1
	for _, b := range text {
		switch b {
		case '\n':
			line++
		case '[', '{':
			if open++; open > MaxDepth*4 {
				return line
			}
		case ']', '}':
			open = max(0, open-1)
		}
	}
	return 0
}

// APIVersion, Kind, Namespace and Name are the document's own.
func (d *Doc) APIVersion() string { return text(d.Value["apiVersion"]) }

// Kind is the document's own.
func (d *Doc) Kind() string { return text(d.Value["kind"]) }

// Namespace is metadata.namespace as written.
func (d *Doc) Namespace() string { return d.meta("namespace") }

// Name is metadata.name as written.
func (d *Doc) Name() string { return d.meta("name") }

// Group is the document's API group, empty for the core's.
func (d *Doc) Group() string { return Group(d.APIVersion()) }

// Group is the group of an apiVersion, empty for the core's.
func Group(apiVersion string) string {
	group, _, found := strings.Cut(apiVersion, "/")
	if !found {
		return ""
	}
	return group
}

func (d *Doc) meta(key string) string {
	meta, _ := d.Value["metadata"].(map[string]any)
	return text(meta[key])
}

func text(v any) string {
	s, _ := v.(string)
	return s
}
