package handover_test

import (
	"fmt"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestPreflightOfNoCheckSaysSo: what a preflight says is how many checks it judged; one that judged none never reads as
// one that did, and skipping is no judging.
func TestPreflightOfNoCheckSaysSo(t *testing.T) {
	const none = "the cluster is as it was when the run began; no check was judged again"
	in := newModel(t).input()
	p := handover.Make(in)
	says := func(verdicts []check.Verdict) string {
		t.Helper()
		q := *p
		q.Verdicts = verdicts
		ok, text := handover.SameWorld.Holds(&q, nil, in.Facts)
		if !ok {
			t.Fatalf("it is the same world: %s", text)
		}
		return text
	}
	judged := 0
	for _, v := range p.Verdicts {
		if v.Outcome == check.Fail || v.Outcome == check.Unknown {
			t.Errorf("%s: %s", v.Check, v.Reason)
		}
		if v.Outcome != check.Skip {
			judged++
		}
	}
	if judged < 20 || judged == len(p.Verdicts) {
		t.Fatalf("the model has %d of %d checks judged, which shows nothing", judged, len(p.Verdicts))
	}
	if got, want := says(p.Verdicts), fmt.Sprintf("%d checks", judged); got != want {
		t.Errorf("says %q, want %q", got, want)
	}
	for name, verdicts := range map[string][]check.Verdict{"none": nil, "all skipped": {{Check: "CG101", Outcome: check.Skip}}} {
		if got := says(verdicts); got != none {
			t.Errorf("%s: says %q", name, got)
		}
	}
	if got := says([]check.Verdict{{Check: "CG101"}}); got != "1 check" {
		t.Errorf("says %q", got)
	}
}
