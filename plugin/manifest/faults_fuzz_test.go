package manifest

import (
	"strings"
	"testing"
)

// FuzzParse: whatever a file holds, it is split into documents or refused; each document's place is in the file.
func FuzzParse(f *testing.F) {
	f.Add("a: b\n---\nc: d\n")
	f.Add("--- \n...\n---\n# nothing\n---\na: |\n  ---\n  b\n")
	f.Add("a: &a [1]\nb: *a\nc: {<<: {d: e}}\n")
	f.Add("\ufeffa: b\r\n---\r\n? x\r\n: y\r\n")
	f.Add("%YAML 1.1\n---\n!!binary aGVsbG8=\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("x.yaml", []byte(text))
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a word")
			}
			return
		}
		lines := 1
		for _, end := range []string{"\r", "\n", "\u0085", "\u2028", "\u2029"} { // YAML's
			lines += strings.Count(text, end)
		}
		for _, d := range file.Docs {
			if d.Node.Line < 0 || d.Node.Line > lines {
				t.Errorf("a document in line %d of %d", d.Node.Line, lines)
			}
		}
	})
}
