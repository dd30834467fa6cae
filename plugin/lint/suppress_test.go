package lint

import (
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

func TestComments(t *testing.T) {
	const text = `# cilium-gitops:ignore CGL001 all of the first document
apiVersion: v1
spec:
  a: 1
---
kind: x
spec:
  # cilium-gitops:ignore CGL002, CGL003 what is inside of b
  b:
    c: 1

    d: 2
  e: 1 # cilium-gitops:ignore CGL004 this line
  f: 1
  # cilium-gitops:ignore CGL005
  g: no reason is given
  list: # cilium-gitops:ignore CGL006 with its items
  - one
  - two
  h: 1
# cilium-gitops:ignore-file CGL007 everywhere
`
	f, err := manifest.Parse("f.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	comments := suppressions([]*manifest.File{f})
	for _, c := range []struct {
		rule   string
		line   int
		accept bool
	}{
		{"CGL001", 4, true}, {"CGL001", 6, false}, {"CGL002", 9, true}, {"CGL003", 10, true}, {"CGL002", 12, true}, {"CGL002", 13, false},
		{"CGL004", 13, true}, {"CGL004", 14, false}, {"CGL005", 16, false}, {"CGL006", 19, true}, {"CGL006", 20, false},
		{"CGL007", 1, true}, {"CGL007", 0, true}, {"CGL008", 9, false},
	} {
		finding := Finding{Rule: c.rule, Place: manifest.Place{File: "f.yaml", Line: c.line}}
		if got := comments.accept(finding); got != c.accept {
			t.Errorf("%s at line %d: accepted is %v, want %v", c.rule, c.line, got, c.accept)
		}
	}
}

func TestExpressions(t *testing.T) {
	for text, want := range map[string]int{"${A}": 1, "x ${A} ${B:=c}": 2, "$${A}": 0, "$A": 0, "${1}": 0, "$${A} ${B}": 1, "": 0} {
		if got := expressions(text); len(got) != want {
			t.Errorf("%q: %v, want %d", text, got, want)
		}
	}
}
