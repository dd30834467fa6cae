package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSplitHint(t *testing.T) {
	for text, want := range map[string][3]string{
		"Remove it.":                             {"Remove it.", "", ""},
		"Look: kubectl get x":                    {"Look:", "kubectl get x", ""},
		"Look: kubectl get x.":                   {"Look:", "kubectl get x", ""},
		"Look: helm -n a history b. Then go on.": {"Look:", "helm -n a history b", "Then go on."},
		"A: b. Then: flux get x -l a.b/c=d; flux y. And: kubectl z.": {
			"A: b. Then:", "flux get x -l a.b/c=d; flux y", "And: kubectl z.",
		},
	} {
		var got [3]string
		got[0], got[1], got[2] = splitHint(text)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
}
