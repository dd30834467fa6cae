package report

import (
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

func TestRanges(t *testing.T) {
	for ids, want := range map[string]string{
		"":                              "",
		"CG101":                         "CG101",
		"CG101 CG102":                   "CG101 CG102",
		"CG101 CG102 CG103 CG107":       "CG101-CG103 CG107",
		"CG199 CG200 CG201":             "CG199-CG201",
		"CG999 CG1000 CG1001":           "CG999 CG1000 CG1001",
		"CG103 CG102 CG101":             "CG103 CG102 CG101",
		"AB101 CG102 CG103 CG104 X Y Z": "AB101 CG102-CG104 X Y Z",
	} {
		var results []Result
		for id := range strings.FieldsSeq(ids) {
			results = append(results, Result{ID: check.ID(id)})
		}
		if got := strings.Join(ranges(results), " "); got != want {
			t.Errorf("%q: %q, want %q", ids, got, want)
		}
	}
}
