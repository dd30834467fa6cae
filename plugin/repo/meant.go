package repo

import (
	"reflect"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
)

// meant is what to add to an error of an unknown field: the field of the type that is spelled much the same.
func meant(target any, message string) string {
	field, ok := strings.CutPrefix(message, `unknown field "`)
	if !ok {
		return ""
	}
	path := strings.Split(strings.TrimSuffix(field, `"`), ".")
	at := reflect.TypeOf(target)
	for _, step := range path[:len(path)-1] {
		step, _, _ = strings.Cut(step, "[")
		if at, ok = fieldTypes(at)[step]; !ok {
			return ""
		}
	}
	name := path[len(path)-1]
	best, least := "", 3 // letters that differ, of which there may be two
	for _, known := range sortedKeys(fieldTypes(at)) {
		if d := distance(strings.ToLower(name), strings.ToLower(known)); d < least && d*3 < len(name) {
			best, least = known, d
		}
	}
	if best == "" {
		return ""
	}
	return lint.DidYouMean + strings.Join(append(path[:len(path)-1:len(path)-1], best), ".") + "?"
}

// fieldTypes are the fields of a struct as JSON names them, those of embedded structs among them. Pointers and lists
// are looked through.
func fieldTypes(t reflect.Type) map[string]reflect.Type {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
		t = t.Elem()
	}
	out := map[string]reflect.Type{}
	if t.Kind() != reflect.Struct {
		return out
	}
	for i := range t.NumField() {
		f := t.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "" && (f.Anonymous || strings.Contains(options, "inline")):
			for below, kind := range fieldTypes(f.Type) {
				out[below] = kind
			}
		case name != "" && name != "-":
			out[name] = f.Type
		}
	}
	return out
}

// distance is how many letters are to be changed, added or taken out to make one word of the other.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			above := row[j+1]
			row[j+1] = min(above+1, row[j]+1, last+boolInt(a[i] != b[j]))
			last = above
		}
	}
	return row[len(b)]
}
