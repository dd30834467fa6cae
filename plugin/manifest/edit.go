package manifest

import (
	"bytes"
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"
)

// Edit replaces bytes of a file. Everything outside of them stays as it is: comments, order, quotes.
type Edit struct {
	File       string
	Start, End int // in bytes; the end is not part of it
	Text       string
	// Says is what the edit does: "spec.wait: true -> false".
	Says string

	what what   // how it is made again where the text has changed meanwhile
	doc  int    // of the file's documents
	path string // of keys, dots in keys escaped
	with string // the scalar, the block or the new key
}

// Apply makes the edits that do not overlap, the first of them where they do, and returns those that were made.
func Apply(text []byte, edits []Edit) ([]byte, []Edit) {
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b Edit) int { return cmp.Compare(a.Start, b.Start) })
	var out bytes.Buffer
	var made []Edit
	at := 0
	for _, e := range sorted {
		again := len(made) > 0 && made[len(made)-1].Start == e.Start
		if e.Start < at || e.End > len(text) || again {
			continue
		}
		out.Write(text[at:e.Start])
		out.WriteString(e.Text)
		at = e.End
		made = append(made, e)
	}
	out.Write(text[at:])
	return out.Bytes(), made
}

// Set replaces the scalar at a path by text, which must be YAML for a scalar on one line.
func (d *Doc) Set(text string, path ...string) (Edit, bool) {
	_, n, ok := d.Find(path...)
	if !ok || n.Kind != yaml.ScalarNode || n.Line == 0 {
		return Edit{}, false
	}
	start, end, ok := d.token(n)
	if !ok {
		return Edit{}, false
	}
	was := string(d.File.Text[start:end])
	if was == "" {
		text = " " + text
	}
	value, ok := parsed(text)
	if !ok {
		return Edit{}, false
	}
	e := d.edit(setting, text, path)
	e.Start, e.End, e.Text, e.Says = start, end, text, strings.Join(path, ".")+": "+was+" -> "+strings.TrimSpace(text)
	return d.checked(e, with(d.Value, value, path...))
}

// token is where the text of a scalar on one line is.
func (d *Doc) token(n *yaml.Node) (start, end int, ok bool) {
	start = offset(d.File.Text, n.Line, n.Column)
	if start < 0 || n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 || n.Anchor != "" || n.Style&yaml.TaggedStyle != 0 {
		return 0, 0, false
	}
	rest := d.File.Text[start:]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		rest = rest[:i]
	}
	rest = bytes.TrimSuffix(rest, []byte("\r"))
	switch {
	case n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0:
		end = quoted(rest)
	case bytes.HasPrefix(rest, []byte(n.Value)):
		end = len(n.Value)
	default:
		return 0, 0, false // over several lines, or null
	}
	return start, start + end, end >= 0
}

// quoted is how long the quoted scalar is that text begins with; -1 where it does not end in it.
func quoted(text []byte) int {
	for i := 1; i < len(text); i++ {
		switch {
		case text[0] == '"' && text[i] == '\\':
			i++
		case text[0] == '\'' && text[i] == '\'' && i+1 < len(text) && text[i+1] == '\'':
			i++
		case text[i] == text[0]:
			return i + 1
		}
	}
	return -1
}

var byteOrderMark = []byte("\ufeff")

// offset is where a line and a column begin; -1 where there is no such place.
func offset(text []byte, line, column int) int {
	at := lineStart(text, line)
	if at < 0 {
		return -1
	}
	if line == 1 && bytes.HasPrefix(text, byteOrderMark) {
		at = len(byteOrderMark) // YAML counts columns behind it
	}
	for range column - 1 {
		if at >= len(text) || text[at] == '\n' {
			return -1
		}
		_, size := utf8.DecodeRune(text[at:])
		at += size
	}
	return at
}

// lineStart is where a line begins; the end of the text where it has exactly one line less; -1 beyond.
func lineStart(text []byte, line int) int {
	at := 0
	for n := 1; n < line; n++ {
		i := bytes.IndexByte(text[at:], '\n')
		if i < 0 {
			if n == line-1 {
				return len(text)
			}
			return -1
		}
		at += i + 1
	}
	return at
}

// Delete takes the field at a path out, with its value and the comments inside of it. Where it is the only one of its
// mapping, the mapping's own field goes, too. It works on block style alone.
func (d *Doc) Delete(path ...string) (Edit, bool) {
	asked := path
	if _, _, there := d.Find(path...); !there || len(path) == 0 {
		return Edit{}, false
	}
	for {
		parent, ok := d.mapping(path[:len(path)-1])
		if !ok {
			return Edit{}, false
		}
		if len(parent.Content) > 2 || len(path) == 1 {
			break
		}
		path = path[:len(path)-1]
	}
	parent, _ := d.mapping(path[:len(path)-1])
	key, _ := entry(parent, path[len(path)-1])
	if key == nil {
		return Edit{}, false
	}
	start, at := lineStart(d.File.Text, key.Line), offset(d.File.Text, key.Line, key.Column)
	if start < 0 || at < start || strings.TrimSpace(string(d.File.Text[start:at])) != "" {
		return Edit{}, false // it begins behind a dash, or lines end in some way of YAML's own
	}
	end := lineStart(d.File.Text, d.endLine(key)+1)
	if end < 0 {
		end = len(d.File.Text)
	}
	e := d.edit(deleting, "", asked)
	e.Start, e.End, e.Says = start, end, strings.Join(path, ".")+" removed"
	return d.checked(e, without(d.Value, path...))
}

// mapping is the mapping at a path, in block style.
func (d *Doc) mapping(path []string) (*yaml.Node, bool) {
	n := d.Node
	if len(path) > 0 {
		var ok bool
		if _, n, ok = d.Find(path...); !ok {
			return nil, false
		}
	}
	return n, n.Kind == yaml.MappingNode && n.Style&yaml.FlowStyle == 0 && len(n.Content) > 0
}

// endLine is the last line of the field that begins with key, by indentation.
func (d *Doc) endLine(key *yaml.Node) int {
	lines := bytes.Split(d.File.Text, []byte("\n"))
	last := key.Line
	for n := key.Line; n < len(lines); n++ { // n is the index of the next line
		text := strings.TrimRight(string(lines[n]), "\r")
		trimmed := strings.TrimLeft(text, " ")
		if trimmed == "" {
			continue
		}
		indent := len(text) - len(trimmed)
		item := strings.HasPrefix(trimmed, "- ") || trimmed == "-"
		if indent < key.Column-1 || indent == key.Column-1 && !item || strings.HasPrefix(text, "---") {
			break
		}
		last = n + 1
	}
	return last
}

// Rename gives the field at a path another key.
func (d *Doc) Rename(to string, path ...string) (Edit, bool) {
	key, _, ok := d.Find(path...)
	if !ok {
		return Edit{}, false
	}
	start, end, ok := d.token(key)
	if !ok {
		return Edit{}, false
	}
	above := path[:len(path)-1]
	want := with(without(d.Value, path...), Get(d.Value, path...), append(slices.Clone(above), to)...)
	e := d.edit(renaming, to, path)
	e.Start, e.End, e.Text, e.Says = start, end, to, strings.Join(path, ".")+" renamed to "+to
	return d.checked(e, want)
}
