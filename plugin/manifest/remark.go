package manifest

import (
	"bytes"

	"go.yaml.in/yaml/v3"
)

// Remark is where a comment begins that an edit would make say something of another value or another field: one on the
// line of the field that is set or taken out, directly above it, or inside of what is taken out. What stands above the
// first field of a document is about the document, unless it names the field's value. False where there is none.
func (d *Doc) Remark(e Edit) (Place, bool) {
	path := Keys(e.path)
	key, value, ok := d.Find(path...)
	if !ok || e.what == inserting || e.what == raw {
		return Place{}, false
	}
	if e.what == deleting { // what holds the field alone goes with it
		for n := len(path) - 1; n > 0; n-- {
			up, holder, ok := d.Find(path[:n]...)
			if !ok || holder.Kind != yaml.MappingNode || len(holder.Content) > 2 {
				break
			}
			key, value = up, holder
		}
	}
	if r, ok := d.above(key, value); ok {
		return r, true
	}
	return d.inside(key)
}

// above is the comment that ends in the line above a key.
func (d *Doc) above(key, value *yaml.Node) (Place, bool) {
	from := d.commentsAbove(key)
	if from == key.Line {
		return Place{}, false
	}
	lines := bytes.Split(d.File.Text, []byte("\n"))[from-1 : key.Line-1]
	first := len(d.Node.Content) > 0 && d.Node.Content[0] == key
	named := value.Kind == yaml.ScalarNode && value.Value != "" && bytes.Contains(bytes.Join(lines, nil), []byte(value.Value))
	if first && !named {
		return Place{}, false
	}
	if !d.comment(from) {
		return Place{}, false // a line of a text that ends above
	}
	return Place{File: d.File.Path, Line: from}, true
}

// comment tells whether a line that begins with # is a comment: without it, the file says the same.
func (d *Doc) comment(line int) bool {
	start, end := lineStart(d.File.Text, line), lineStart(d.File.Text, line+1)
	if start < 0 || end < 0 {
		return true
	}
	_, err := Parse(d.File.Path, append(bytes.Clone(d.File.Text[:start]), d.File.Text[end:]...))
	if err != nil {
		return false
	}
	_, unchanged := d.checked(Edit{File: d.File.Path, Start: start, End: end}, d.Value)
	return unchanged
}

// inside is the first comment on the lines of a field.
func (d *Doc) inside(key *yaml.Node) (Place, bool) {
	lines := bytes.Split(d.File.Text, []byte("\n"))
	last := min(d.endLine(key), len(lines))
	for n := key.Line; n <= last; n++ {
		line := lines[n-1]
		start := lineStart(d.File.Text, n)
		for i, b := range line {
			if b != '#' || i > 0 && line[i-1] != ' ' && line[i-1] != '\t' {
				continue
			}
			end := start + len(bytes.TrimSuffix(line, []byte("\r")))
			if _, same := d.checked(Edit{File: d.File.Path, Start: start + i, End: end}, d.Value); same {
				return Place{File: d.File.Path, Line: n}, true
			}
		}
	}
	return Place{}, false
}
