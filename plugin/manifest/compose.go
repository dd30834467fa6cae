package manifest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// what is the kind of an edit.
type what int

// The kinds of edits, in the order in which several are made: what is taken out last leaves no mapping empty that
// another edit was to fill.
const (
	raw what = iota // bytes alone
	setting
	renaming
	inserting
	deleting
)

// edit begins one of a kind at a path of keys.
func (d *Doc) edit(kind what, with string, path []string) Edit {
	return Edit{File: d.File.Path, what: kind, doc: d.Index, path: JoinKeys(path), with: with}
}

// Field is the path of keys that the edit is about, empty for one of bytes alone, and Doc the number of its document
// in the file.
func (e Edit) Field() string { return e.path }

// Doc is the number of the edit's document among those of its file.
func (e Edit) Doc() int { return e.doc }

// Again is the edit made for a file of other text: what it does is the same, its bytes are not. False where it can no
// longer be made.
func (e Edit) Again(f *File) (Edit, bool) {
	if e.what == raw || e.doc >= len(f.Docs) {
		return Edit{}, false
	}
	d, path := f.Docs[e.doc], Keys(e.path)
	switch e.what {
	case setting:
		return d.Set(e.with, path...)
	case renaming:
		return d.Rename(e.with, path...)
	case inserting:
		return d.Insert(e.with, path...)
	case deleting:
		return d.Delete(path...)
	case raw:
	}
	return Edit{}, false
}

// Compose makes edits of one file one after another, each for the text that the one before has left: together they do
// what each does alone. False where one of them cannot be made.
func Compose(text []byte, edits []Edit) (out []byte, made []Edit, ok bool) {
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b Edit) int { return cmp.Compare(a.what, b.what) })
	for _, e := range sorted {
		f, err := Parse(e.File, text)
		if err != nil {
			return nil, nil, false
		}
		now, ok := e.Again(f)
		if !ok {
			return nil, nil, false
		}
		text, _ = Apply(text, []Edit{now})
		made = append(made, now)
	}
	return text, made, true
}

// Last tells whether an edit is one that others are made before: it takes a field out.
func (e Edit) Last() bool { return e.what == deleting }

// JoinKeys writes a path of keys as one text, dots in keys escaped: what Keys reads.
func JoinKeys(path []string) string {
	escaped := make([]string, len(path))
	for i, key := range path {
		escaped[i] = strings.NewReplacer(`\`, `\\`, `.`, `\.`).Replace(key)
	}
	return strings.Join(escaped, ".")
}

// Keeps tells whether an edit leaves the values that are there: it adds a field, or gives one another key.
func (e Edit) Keeps() bool { return e.what == inserting || e.what == renaming }

// Fields are the paths of keys at which a document differs once the edit is made.
func (e Edit) Fields() []string {
	if e.what != renaming {
		return []string{e.path}
	}
	keys := Keys(e.path)
	return []string{e.path, JoinKeys(append(keys[:len(keys)-1:len(keys)-1], e.with))}
}

// Key tells the edit from others, whatever the text around it.
func (e Edit) Key() string {
	if e.what == raw {
		return fmt.Sprint(e.File, "\x00", e.Start, "\x00", e.End, "\x00", e.Text)
	}
	return fmt.Sprint(e.File, "\x00", e.doc, "\x00", int(e.what), "\x00", e.path, "\x00", e.with)
}
