//go:build e2e

package e2e

import (
	"encoding/json"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// TestRealContrast: what a handover is not. Agents that are rolled, one that is killed, and another routing mode: the
// evidence shows each for what it is.
func TestRealContrast(t *testing.T) {
	l := realLab(t)
	l.well(t, l.clone(t))
	t.Run("agents are rolled", func(t *testing.T) { l.rolled(t, "apps") })
	t.Run("an agent is killed", func(t *testing.T) { l.killed(t, "infra") })
	t.Run("another routing mode", func(t *testing.T) { l.rerouted(t, "apps") })
}

// coreOf is the file of a scaffolded tree that holds Cilium's values.
func coreOf(tree string) string {
	return filepath.Join(tree, "kubernetes/infrastructure/networking/cilium/core/helmrelease.yaml")
}

// rolled: agents are others, as was accepted; existing connections live on, for the data path stays in the kernel.
func (l *lab) rolled(t *testing.T, cluster string) {
	l.anew(t, cluster)
	tree := l.scaffolded(t)
	edit(t, coreOf(tree), "    routingMode: native\n", "    podAnnotations:\n      example.org/rolled: once\n    routingMode: native\n")
	l.must(t, tree, "git", "commit", "-q", "-a", "-m", "Roll the agents")
	got := l.changes(t, tree, 0, "run", "--context", cluster, "--soak", "3s", "--allow-restart", "DaemonSet/cilium")[0]
	longest, lost := got.Streams.longest()
	t.Logf("rolled: %d streams lost, %d of %d new connections failed, longest gap %.0f ms", lost, got.Streams.Failed, got.Streams.Tried, longest)
	if lost != 0 {
		t.Errorf("a roll of the agents lost streams: %+v", got.Streams)
	}
	if v := l.judges(t, cluster, got.Evidence); !strings.Contains(v["CG401"], "3 are others, as was accepted of DaemonSet/kube-system/cilium") || !strings.HasPrefix(v["CG406"], "pass ") {
		t.Errorf("the evidence says %v", v)
	}
}

// killed: the run sees that an agent's process ended, stops, and the evidence names it; connections live on.
func (l *lab) killed(t *testing.T, cluster string) {
	l.anew(t, cluster)
	tree := l.scaffolded(t)
	cmd, out := l.background(t, tree, "run", "--context", cluster, "--yes", "--soak", "2m", "--probe", "--probe-image", probeImage)
	eventually(t, func() (string, bool) {
		step := l.get(t, cluster, "flux-system", "configmap/cilium-gitops-handover", "{.data.step}")
		return step, step == "soak"
	})
	pid, err := strconv.Atoi(l.pid(t, cluster, cluster+"-2"))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 4 || !strings.Contains(out.String(), "CG401") {
		t.Errorf("exit code %d:\n%s", code, out)
	}
	report := l.run(t, tree, "flux-handover", "report", "--context", cluster, "-o", "json")
	var doc struct {
		Runs []struct {
			Evidence string
			Seen     []struct{ Pod, Text string }
			Streams  *streams
		}
	}
	if err := json.Unmarshal([]byte(report.stdout), &doc); err != nil || len(doc.Runs) != 1 || len(doc.Runs[0].Seen) == 0 || doc.Runs[0].Streams == nil {
		t.Fatalf("report: exit code %d, %v\n%s%s", report.code, err, report.stderr, report.stdout)
	}
	longest, lost := doc.Runs[0].Streams.longest()
	t.Logf("killed: %v; %d streams lost, longest gap %.0f ms", doc.Runs[0].Seen, lost, longest)
	if v := l.judges(t, cluster, doc.Runs[0].Evidence); !strings.HasPrefix(v["CG401"], "fail ") || lost != 0 {
		t.Errorf("%d streams lost; the evidence says %v", lost, v)
	}
}

// rerouted: packets take another way, node by node, and until the last agent is new there is none between old and new:
// an outage, and the evidence calls it one. Accepted for the agents alone it is refused: what they are configured with
// changes, too.
func (l *lab) rerouted(t *testing.T, cluster string) {
	l.anew(t, cluster)
	tree := l.scaffolded(t)
	edit(t, coreOf(tree), "    routingMode: native\n", "    podAnnotations:\n      example.org/rolled: twice\n    routingMode: tunnel\n    tunnelProtocol: vxlan\n", "    autoDirectNodeRoutes: true\n", "    autoDirectNodeRoutes: false\n")
	l.must(t, tree, "git", "commit", "-q", "-a", "-m", "Another routing mode")
	args := []string{"--context", cluster, "--soak", "3s", "--allow-restart", "DaemonSet/cilium"}
	if r := l.run(t, tree, "flux-handover", append([]string{"plan"}, args...)...); r.code != 4 || !strings.Contains(r.stdout, "HP303") {
		t.Errorf("plan: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
	got := l.changes(t, tree, 0, append([]string{"run", "--allow-restart", "ConfigMap/cilium-config"}, args...)...)[0]
	longest, lost := got.Streams.longest()
	t.Logf("rerouted: %d streams lost, %d of %d new connections failed, longest gap %.0f ms", lost, got.Streams.Failed, got.Streams.Tried, longest)
	if v := l.judges(t, cluster, got.Evidence); !strings.HasPrefix(v["CG406"], "fail ") || longest < 1000 {
		t.Errorf("longest gap %.0f ms; the evidence says %v", longest, v)
	}
}

// judges are outcome and reason of the handover's checks, judged again from evidence.
func (l *lab) judges(t *testing.T, cluster, evidence string) map[string]string {
	t.Helper()
	r := l.run(t, "", "kubectl", "cilium-gitops", "verify", "--from", evidence, "--phase", "handover", "-o", "json")
	var v verification
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatalf("verify: exit code %d, %v\n%s%s", r.code, err, r.stderr, r.stdout)
	}
	all := map[string]string{}
	for _, one := range v.Results {
		all[one.ID] = one.Outcome + " " + one.Reason
	}
	return all
}
