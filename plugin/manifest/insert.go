package manifest

import (
	"bytes"
	"strings"

	"go.yaml.in/yaml/v3"
)

// late are fields that others are put before: they are long.
func late(key string) bool {
	return key == "values" || key == "valuesFrom" || key == "healthChecks" || key == "postBuild" || key == "postRenderers" || key == "data"
}

// Insert adds the field at a path, which must not be there, with block as its value: a scalar, or lines of YAML that
// begin with a newline and are not indented. What is missing above it is made. It works on block style alone.
func (d *Doc) Insert(block string, path ...string) (Edit, bool) {
	have := len(path) - 1
	for ; have > 0; have-- {
		if _, _, ok := d.Find(path[:have]...); ok {
			break
		}
	}
	if _, _, there := d.Find(path...); there {
		return Edit{}, false
	}
	value, ok := parsed(block)
	if !ok {
		return Edit{}, false
	}
	asked := block
	want := with(d.Value, value, path...)
	says := strings.Join(path, ".") + ": " + strings.Join(strings.Fields(block), " ") + " added"
	for i := len(path) - 1; i > have; i-- {
		block = "\n" + field(path[i], block)
	}
	text := field(path[have], block)
	var e Edit
	if parent, block := d.mapping(path[:have]); block {
		e, ok = d.into(parent, text, says)
	} else {
		e, ok = d.under(path[:have], text, says)
	}
	if !ok {
		return Edit{}, false
	}
	made := d.edit(inserting, asked, path)
	made.Start, made.End, made.Text, made.Says = e.Start, e.End, d.lineEnds(e.Text), e.Says
	return d.checked(made, want)
}

// lineEnds is text with the line ends of the file: a file whose first line ends in \r\n has them throughout.
func (d *Doc) lineEnds(text string) string {
	first, _, _ := bytes.Cut(d.File.Text, []byte("\n"))
	if !bytes.HasSuffix(first, []byte("\r")) {
		return text
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}

// field writes a key with its value; lines of the value are indented below it.
func field(key, block string) string {
	if !strings.HasPrefix(block, "\n") {
		return key + ": " + block + "\n"
	}
	return key + ":\n" + indented(strings.TrimPrefix(block, "\n"), "  ")
}

func indented(text, by string) string {
	var out strings.Builder
	for line := range strings.Lines(text) {
		if strings.TrimSpace(line) == "" {
			out.WriteString("\n")
			continue
		}
		out.WriteString(by + strings.TrimRight(line, "\n") + "\n")
	}
	return out.String()
}

// into adds text to a mapping: before the first late field, else behind the last one.
func (d *Doc) into(parent *yaml.Node, text, says string) (Edit, bool) {
	first := parent.Content[0]
	by := strings.Repeat(" ", first.Column-1)
	for i := 2; i+1 < len(parent.Content); i += 2 {
		if key := parent.Content[i]; late(key.Value) {
			at := lineStart(d.File.Text, d.commentsAbove(key))
			return Edit{File: d.File.Path, Start: at, End: at, Text: indented(text, by), Says: says}, at >= 0
		}
	}
	last := parent.Content[len(parent.Content)-2]
	return d.behind(d.endLine(last), indented(text, by), says)
}

// under adds text as the value of a field that has none yet.
func (d *Doc) under(path []string, text, says string) (Edit, bool) {
	if len(path) == 0 {
		return Edit{}, false
	}
	key, value, ok := d.Find(path...)
	if !ok || value.Kind != yaml.ScalarNode || value.ShortTag() != "!!null" || value.Value != "" {
		return Edit{}, false
	}
	return d.behind(key.Line, indented(text, strings.Repeat(" ", key.Column+1)), says)
}

// behind adds text after a line.
func (d *Doc) behind(line int, text, says string) (Edit, bool) {
	at := lineStart(d.File.Text, line+1)
	if at < 0 {
		at = len(d.File.Text)
	}
	if at > 0 && d.File.Text[at-1] != '\n' {
		text = "\n" + strings.TrimSuffix(text, "\n")
	}
	return Edit{File: d.File.Path, Start: at, End: at, Text: text, Says: says}, true
}

// commentsAbove is the line where the comments above a key begin, or the key's.
func (d *Doc) commentsAbove(key *yaml.Node) int {
	lines := bytes.Split(bytes.TrimPrefix(d.File.Text, byteOrderMark), []byte("\n"))
	line := key.Line
	for line > 1 && strings.HasPrefix(strings.TrimSpace(string(lines[line-2])), "#") {
		line--
	}
	return line
}
