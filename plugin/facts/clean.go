package facts

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxText bounds every string of a cluster, in bytes; what is longer is cut and says so.
const MaxText = 64 << 10

// Clean neutralises every string in f: control characters, terminal escapes and bidirectional overrides become
// visible escapes, and what is longer than MaxText is cut. A cluster's text is whoever's text; this is the one place
// where it enters. Cleaning twice changes nothing more.
func Clean(f *Facts) { clean(reflect.ValueOf(f).Elem()) }

// Text is s cleaned.
func Text(s string) string { return cut(neutral(s), len(s)) }

// cut keeps a text within MaxText; all is how long it was in the cluster.
func cut(s string, all int) string {
	if len(s) <= MaxText {
		return s
	}
	end := MaxText - len("... (9223372036854775807 bytes in all)")
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + fmt.Sprintf("... (%d bytes in all)", all)
}

func neutral(s string) string {
	if strings.IndexFunc(s, hostile) < 0 && utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case !hostile(r):
			out.WriteRune(r)
		case r < 0x100:
			fmt.Fprintf(&out, `\x%02x`, r)
		default:
			fmt.Fprintf(&out, `\u%04x`, r)
		}
	}
	return out.String()
}

// hostile holds of what a terminal may act on or what changes the order of what is read.
func hostile(r rune) bool {
	if r == '\n' || r == '\t' {
		return false
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control) || r == '\u2028' || r == '\u2029' || r == '\uFEFF' || r&0xFFFE == 0xFFFE
}

func clean(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(Text(v.String()))
	case reflect.Pointer:
		if !v.IsNil() {
			clean(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				clean(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			clean(v.Index(i))
		}
	case reflect.Interface:
		if !v.IsNil() {
			inner := reflect.New(v.Elem().Type()).Elem()
			inner.Set(v.Elem())
			clean(inner)
			v.Set(inner)
		}
	case reflect.Map:
		cleanMap(v)
	}
}

func cleanMap(m reflect.Value) {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	for _, key := range keys {
		value := reflect.New(m.Type().Elem()).Elem()
		value.Set(m.MapIndex(key))
		clean(value)
		fresh := reflect.New(m.Type().Key()).Elem()
		fresh.Set(key)
		clean(fresh)
		if fresh.Interface() != key.Interface() {
			m.SetMapIndex(key, reflect.Value{})
		}
		m.SetMapIndex(fresh, value)
	}
}
