package manifest

import (
	"bytes"
	"strings"
	"testing"
)

const document = `# above
apiVersion: v2 # at the end
kind: HelmRelease
metadata:
    name: "cilium"
    annotations:
        a: b
spec:
    interval: 1m   # soon
    suspend: false
    empty:
    install:
        remediation:
            retries: 3
    list:
    - a: 1
      b: 2
    - c
    # about values
    values:
        text: |
            two
            lines
        'quoted': 'it''s'
`

func TestEdits(t *testing.T) {
	set := func(text, path string) func(*Doc) (Edit, bool) {
		return func(d *Doc) (Edit, bool) { return d.Set(text, Keys(path)...) }
	}
	del := func(path string) func(*Doc) (Edit, bool) {
		return func(d *Doc) (Edit, bool) { return d.Delete(Keys(path)...) }
	}
	add := func(block, path string) func(*Doc) (Edit, bool) {
		return func(d *Doc) (Edit, bool) { return d.Insert(block, Keys(path)...) }
	}
	for _, c := range []struct {
		name       string
		edit       func(*Doc) (Edit, bool)
		minus, add string // lines that go and come
	}{
		{"plain", set("v2beta1", "apiVersion"), "apiVersion: v2 # at the end", "apiVersion: v2beta1 # at the end"},
		{"quoted", set("other", "metadata.name"), `    name: "cilium"`, "    name: other"},
		{"before a comment", set("10m", "spec.interval"), "    interval: 1m   # soon", "    interval: 10m   # soon"},
		{"two quotes in one", set("x", "spec.values.quoted"), "        'quoted': 'it''s'", "        'quoted': x"},
		{"block text is left alone", set("x", "spec.values.text"), "", ""},
		{"a mapping is left alone", set("x", "spec.values"), "", ""},
		{"a field", del("spec.suspend"), "    suspend: false", ""},
		{"the only one goes with what holds it", del("spec.install.remediation.retries"), "    install:\n        remediation:\n            retries: 3", ""},
		{"a list", del("spec.list"), "    list:\n    - a: 1\n      b: 2\n    - c", ""},
		{"behind a dash is left alone", del("spec.list.0.a"), "", ""},
		{"inside of an item", del("spec.list.0.b"), "      b: 2", ""},
		{"the last one", del("spec.values"), "    values:\n        text: |\n            two\n            lines\n        'quoted': 'it''s'", ""},
		{"before values", add("5m", "spec.timeout"), "", "    timeout: 5m"},
		{"into what is there", add("x", "metadata.labels"), "", "    labels: x"},
		{"with what is missing above", add("keep", `spec.commonMetadata.annotations.helm\.sh/resource-policy`), "", "    commonMetadata:\n      annotations:\n        helm.sh/resource-policy: keep"},
		{"lines", add("\n- name: x\n  kind: y\n", "spec.dependsOn"), "", "    dependsOn:\n      - name: x\n        kind: y"},
		{"under nothing", add("x", "spec.empty.name"), "", "      name: x"},
		{"what is there is left alone", add("x", "spec.interval"), "", ""},
		{"a key", func(d *Doc) (Edit, bool) { return d.Rename("type", "kind") }, "kind: HelmRelease", "type: HelmRelease"},
	} {
		f, err := Parse("f.yaml", []byte(document))
		if err != nil {
			t.Fatal(err)
		}
		e, ok := c.edit(f.Docs[0])
		if ok != (c.minus+c.add != "") {
			t.Errorf("%s: made is %v: %+v", c.name, ok, e)
			continue
		}
		if !ok {
			continue
		}
		out, _ := Apply(f.Text, []Edit{e})
		if minus, plus := differ(document, string(out)); minus != c.minus || plus != c.add {
			t.Errorf("%s: took\n%s\nand added\n%s\nin\n%s", c.name, minus, plus, out)
		}
	}
}

// differ are the lines that only one of two texts has: between what both begin and end with.
func differ(a, b string) (minus, plus string) {
	left, right := strings.Split(a, "\n"), strings.Split(b, "\n")
	for len(left) > 0 && len(right) > 0 && left[0] == right[0] {
		left, right = left[1:], right[1:]
	}
	for len(left) > 0 && len(right) > 0 && left[len(left)-1] == right[len(right)-1] {
		left, right = left[:len(left)-1], right[:len(right)-1]
	}
	return strings.Join(left, "\n"), strings.Join(right, "\n")
}

func TestEditsKeepOtherWaysOfWriting(t *testing.T) {
	for _, text := range []string{"a: {b: 1}\n", "a:\r\n  b: 1\r\n", "---\na:\n  b: 1\n...\n", "\ufeffa:\n  b: 1\n", "a:\n  b: 1", "a: &x\n  b: 1\nc: *x\n", "a:\n\n  b: 1\n\n\n# end\n"} {
		f, err := Parse("f.yaml", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for _, edit := range []func(*Doc) (Edit, bool){
			func(d *Doc) (Edit, bool) { return d.Set("2", "a", "b") },
			func(d *Doc) (Edit, bool) { return d.Insert("2", "a", "z") },
			func(d *Doc) (Edit, bool) { return d.Delete("a", "b") },
		} {
			if e, ok := edit(f.Docs[0]); ok {
				out, _ := Apply(f.Text, []Edit{e})
				if _, err := Parse("f.yaml", out); err != nil {
					t.Errorf("%q became %q: %v", text, out, err)
				}
			}
		}
	}
}

func TestApplyLeavesOutWhatOverlaps(t *testing.T) {
	out, made := Apply([]byte("abcdef"), []Edit{{Start: 2, End: 4, Text: "X"}, {Start: 3, End: 5, Text: "Y"}, {Start: 0, End: 0, Text: "_"}, {Start: 99, End: 100}})
	if string(out) != "_abXef" || len(made) != 2 {
		t.Errorf("%q, %d made", out, len(made))
	}
}

// FuzzEdits makes every edit of every field of whatever can be read: each must leave a file that can be read.
func FuzzEdits(f *testing.F) {
	f.Add([]byte(document))
	f.Add([]byte("a: {b: [1, 2]}\n---\n- x\n---\nc:\n- d: 1\n  e: !!str 2\n"))
	f.Add([]byte("a: \"x\\ty\"\nb: >-\n  folded\n  text\n? complex\n: key\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := Parse("f.yaml", text)
		if err != nil {
			return
		}
		for _, d := range file.Docs {
			for i, leaf := range d.Leaves() {
				if i > 20 || len(leaf.Path) == 0 {
					break
				}
				for _, edit := range []func() (Edit, bool){
					func() (Edit, bool) { return d.Set("new", leaf.Path...) },
					func() (Edit, bool) { return d.Delete(leaf.Path...) },
					func() (Edit, bool) {
						return d.Insert("\nx: y\n", append(leaf.Path[:len(leaf.Path)-1:len(leaf.Path)-1], "added")...)
					},
				} {
					e, ok := edit()
					if !ok {
						continue
					}
					out, _ := Apply(text, []Edit{e})
					if _, err := Parse("f.yaml", out); err != nil {
						t.Fatalf("%q became %q: %v", text, out, err)
					}
					if !bytes.HasPrefix(out, text[:e.Start]) || !bytes.HasSuffix(out, text[e.End:]) {
						t.Fatalf("%q became %q: more than %d to %d changed", text, out, e.Start, e.End)
					}
				}
			}
		}
	})
}
