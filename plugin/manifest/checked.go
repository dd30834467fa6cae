package manifest

import (
	"reflect"
	"slices"
	"strconv"
)

// checked lets an edit pass if it does what it says and nothing else: the file is read again with the edit made, and
// the document must have become want while all others stay. Text that is written in an unforeseen way is then left
// alone rather than broken.
func (d *Doc) checked(e Edit, want any) (Edit, bool) {
	text, made := Apply(d.File.Text, []Edit{e})
	if len(made) != 1 {
		return Edit{}, false
	}
	after, err := Parse(d.File.Path, text)
	if err != nil || len(after.Docs) != len(d.File.Docs) {
		return Edit{}, false
	}
	for i, doc := range d.File.Docs {
		expect := any(doc.Value)
		if doc == d {
			expect = want
		}
		if !reflect.DeepEqual(any(after.Docs[i].Value), expect) {
			return Edit{}, false
		}
	}
	return e, true
}

// with is a value with what stands at a path replaced, or added; a nil map stands for what is not there yet.
func with(value any, to any, path ...string) any {
	if len(path) == 0 {
		return to
	}
	switch v := value.(type) {
	case []any:
		out := slices.Clone(v)
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(out) {
			out[i] = with(out[i], to, path[1:]...)
		}
		return out
	default:
		m, _ := value.(map[string]any)
		out := make(map[string]any, len(m)+1)
		for key, item := range m {
			out[key] = item
		}
		out[path[0]] = with(out[path[0]], to, path[1:]...)
		return out
	}
}

// without is a value with what stands at a path taken out.
func without(value any, path ...string) any {
	switch v := value.(type) {
	case []any:
		out := slices.Clone(v)
		if i, err := strconv.Atoi(path[0]); err == nil && i >= 0 && i < len(out) && len(path) > 1 {
			out[i] = without(out[i], path[1:]...)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, item := range v {
			out[key] = item
		}
		if len(path) == 1 {
			delete(out, path[0])
		} else if below, ok := out[path[0]]; ok {
			out[path[0]] = without(below, path[1:]...)
		}
		return out
	}
	return value
}

// parsed is what a piece of YAML says.
func parsed(block string) (any, bool) {
	f, err := Parse("", []byte("v: "+block+"\n"))
	if block != "" && block[0] == '\n' {
		f, err = Parse("", []byte("v:"+indented(block, "  ")))
	}
	if err != nil || len(f.Docs) != 1 {
		return nil, false
	}
	return f.Docs[0].Value["v"], true
}
