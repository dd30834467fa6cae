package check_test

import (
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// TestFinding_M23_OnlyItsOwn: a release of chart cilium all of whose objects are its own is no second owner of Cilium; one that
// shares an object, or of which that is not known, is.
func TestFinding_M23_OnlyItsOwn(t *testing.T) {
	for name, row := range map[string]struct {
		record facts.Record
		want   check.Outcome
	}{
		"all are its own": {facts.Record{Compared: true, OwnCount: 3}, check.Pass},
		"one is shared":   {facts.Record{Compared: true, Shared: 1, OwnCount: 3}, check.Fail},
		"not compared":    {facts.Record{}, check.Fail},
	} {
		f := healthy(t)
		r := row.record
		r.Namespace, r.Release, r.Revision, r.Status, r.Chart, r.Secret = "kube-system", "cilium-pre-flight", 1, "deployed", "cilium", "s"
		f.Live.Records = append(f.Live.Records, r)
		for _, c := range check.All() {
			if c.ID != "CG122" && c.ID != "CG1001" {
				continue
			}
			if v := c.Judge(f); v.Outcome != row.want {
				t.Errorf("%s: %s %s %s", name, c.ID, v.Outcome, v.Reason)
			}
		}
	}
}
