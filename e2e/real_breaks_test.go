//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// reallyBroken is what verify must come to say while a break is in force on real agents: exactly these checks of infra.
// Names and targets take a moment to be lost, and a prober up to two minutes.
var reallyBroken = map[string]struct {
	probe bool // seen by a probe
	want  map[string]string
	where string
}{
	"relay-node-unavailable": {want: fails("CG713"), where: "infra-2"},
	"target-down":            {want: fails("CG714"), where: ":9962"},
	"bgp-peer-idle":          {want: fails("CG710"), where: "172.20.1.12"},
	"issuer-unregistered":    {want: fails("CG902"), where: "letsencrypt-production"},
	"git-unreachable":        {want: fails("CG903"), where: "GitRepository/flux-system/flux-system"},
	"spegel-port-clash":      {want: fails("CG127", "CG128")},
	// A relay that waits for a node which is gone may not answer in time itself.
	"node-cut-off": {want: with(fails("CG710", "CG712", "CG714"), map[string]string{"CG713": "fail or unknown"}), where: ""},
	// Spegel's stand-ins find one another by name.
	"dns-failing":   {probe: true, want: fails("CG905", "CG910"), where: "infra-"},
	"mirror-unused": {probe: true, want: fails("CG910"), where: "infra-"},
}

// TestRealBreaks: what is broken really flips exactly the checks that look at it; mended, all is well again.
func TestRealBreaks(t *testing.T) {
	l := realLab(t)
	tree := l.clone(t)
	l.well(t, tree)
	for name, row := range reallyBroken {
		t.Run(name, func(t *testing.T) {
			lab := func(args ...string) { l.must(t, "", l.bin, append(args, "--state", l.state)...) }
			t.Cleanup(func() { lab("mend", "--all") })
			args := []string{"break", name, "--cluster", "infra"}
			if name == "dns-failing" {
				args = append(args, "--node", l.without(t, "k8s-app=kube-dns"))
			}
			lab(args...)
			v := l.comesTo(t, tree, row.probe, row.want)
			for id := range row.want {
				checkWhere(t, v.result(t, "infra", id), row.where)
			}
			lab("mend", name)
			l.comesTo(t, tree, row.probe, nil)
		})
	}
}

// without is a node of infra that has no such pod.
func (l *lab) without(t *testing.T, selector string) string {
	t.Helper()
	on := strings.Fields(l.must(t, "", "kubectl", "--context", "infra", "-n", "kube-system", "get", "pods", "-l", selector, "-o", "jsonpath={.items[*].spec.nodeName}"))
	for _, node := range []string{"infra-1", "infra-2", "infra-3"} {
		if !slices.Contains(on, node) {
			return node
		}
	}
	t.Fatalf("each node has a pod with %s", selector)
	return ""
}

// comesTo waits until verify of infra says that exactly these checks fail.
func (l *lab) comesTo(t *testing.T, tree string, probe bool, want map[string]string) (v verification) {
	t.Helper()
	expected := map[string]string{}
	for id, outcome := range want {
		expected["infra/"+id] = outcome
	}
	asWanted := func() bool {
		return maps.EqualFunc(expected, v.outcomes(), func(want, got string) bool { return slices.Contains(strings.Split(want, " or "), got) })
	}
	args := []string{"cilium-gitops", "verify", "--context", "infra", "-o", "json"}
	if probe {
		args = append(args, "--probe", "--probe-image", probeImage)
	}
	t.Cleanup(func() {
		if t.Failed() && !asWanted() {
			t.Logf("at last (-want +got):\n%s", cmp.Diff(expected, v.outcomes()))
			for _, r := range v.Results {
				if r.Outcome == "fail" || r.Outcome == "unknown" {
					t.Logf("%s %s: %s %+v", r.ID, r.Outcome, r.Reason, r.Evidence)
				}
			}
		}
	})
	return every(t, 5*time.Second, func() (verification, bool) { // a look costs an exec for each answer of each agent
		r := l.run(t, tree, "kubectl", args...)
		v = verification{}
		if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
			t.Fatalf("verify: exit code %d, %v\n%s%s", r.code, err, r.stderr, r.stdout)
		}
		return v, asWanted()
	})
}
