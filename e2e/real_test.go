//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRealAgents: Cilium's own agents answer for themselves, verify tells the truth about them, and neither a handover of
// both clusters nor its rollback disturbs their processes or what goes over the network meanwhile.
func TestRealAgents(t *testing.T) {
	l := realLab(t)
	l.anew(t, "infra", "apps")
	tree := l.scaffolded(t)
	for _, cluster := range []string{"infra", "apps"} {
		status := l.must(t, "", "kubectl", "--context", cluster, "-n", "kube-system", "exec", "ds/cilium", "--", "cilium-dbg", "status", "--brief")
		if strings.TrimSpace(status) != "OK" {
			t.Errorf("%s: the agent says %q", cluster, status)
		}
	}
	l.meet(t)
	l.well(t, tree)
	l.encryptionIsTold(t, tree)
	before := l.agentProcesses(t)
	if len(before) != 6 {
		t.Fatalf("agents: %v", before)
	}
	l.resetEchoes(t)
	both := []string{"--context", "infra,apps"}
	undisturbed(t, "run", l.changes(t, tree, 0, append(both, "run", "--sequence", "infra,apps", "--soak", "3s")...))
	if report := l.must(t, tree, "flux-handover", "report", "--context", "infra"); !strings.Contains(report, "the longest gap") {
		t.Errorf("the report does not tell the longest gap:\n%s", report)
	}
	undisturbed(t, "rollback", l.changes(t, tree, 0, append(both, "rollback")...))
	if diff := cmp.Diff(before, l.agentProcesses(t)); diff != "" {
		t.Errorf("agents' processes changed (-before +after):\n%s", diff)
	}
	l.heardAll(t)
}

// TestRealDrills: nor does any drill, the dangerous one included.
func TestRealDrills(t *testing.T) {
	l := realLab(t)
	l.anew(t, "infra", "apps")
	tree := l.scaffolded(t)
	l.well(t, tree)
	l.quick(t, tree)
	before := l.agentProcesses(t)
	l.resetEchoes(t)
	for _, drill := range []string{"stable", "drift-object", "drift-child", "health-agent", "health-rollout", "git-change"} {
		undisturbed(t, drill, l.changes(t, tree, 0, "drill", drill, "--context", "infra"))
	}
	// Without its operator nothing of the data path is missing; that Flux does not report it is what the drill finds.
	undisturbed(t, "health-operator", l.changes(t, tree, 1, "drill", "health-operator", "--context", "infra", "--allow-danger"))
	if diff := cmp.Diff(before, l.agentProcesses(t)); diff != "" {
		t.Errorf("agents' processes changed (-before +after):\n%s", diff)
	}
	l.heardAll(t)
}

// encryptionIsTold: agents that do not encrypt fail where WireGuard is required, and are skipped where it is not.
func (l *lab) encryptionIsTold(t *testing.T, tree string) {
	t.Helper()
	if l.get(t, "infra", "kube-system", "configmap/cilium-config", "{.data.enable-wireguard}") == "true" {
		return // this machine's kernel has it
	}
	for dir, want := range map[string]string{tree: "skip", t.TempDir(): "fail"} {
		r := l.run(t, dir, "kubectl", "cilium-gitops", "verify", "--context", "infra,apps", "--check", "CG108", "-o", "json")
		var v verification
		if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
			t.Fatalf("verify: exit code %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
		}
		for _, cluster := range []string{"infra", "apps"} {
			if got := v.result(t, cluster, "CG108"); got.Outcome != want {
				t.Errorf("%s: encryption is off, and CG108 is %s (%s), want %s", cluster, got.Outcome, got.Reason, want)
			}
		}
	}
}
