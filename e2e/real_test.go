//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// realLab is a lab with Cilium's own agents; where the machine cannot have one, the test is skipped and says why.
// E2E_REAL_STATE keeps it, for the next run to find. Six agents compile for their nodes on two cores: too slow to be
// steady beside the other tests, so that it is run by itself.
func realLab(t *testing.T) *lab {
	t.Helper()
	if os.Getenv("E2E_REAL") == "" {
		t.Skip("real agents were not tried: make e2e-real tries them")
	}
	l := &lab{bin: theLab.bin, state: os.Getenv("E2E_REAL_STATE")}
	if l.state == "" {
		l.state = t.TempDir()
		t.Cleanup(func() { _ = l.program(os.Stderr, "down") })
	}
	var told bytes.Buffer
	cmd := exec.Command(l.bin, "up", "--agents", "real", "--state", l.state)
	cmd.Stdout, cmd.Stderr = os.Stderr, &told
	err := cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 2:
		t.Skipf("no real agents here: %s", &told)
	case err != nil:
		t.Fatalf("bring a lab with real agents up: %v\n%s", err, &told)
	}
	if err := l.readEnv(); err != nil {
		t.Fatal(err)
	}
	return l
}

// TestRealAgents: Cilium's own agents answer for themselves, verify tells the truth about them, and a handover of both
// clusters disturbs neither their processes nor what goes over the network meanwhile.
func TestRealAgents(t *testing.T) {
	l := realLab(t)
	tree := l.scaffolded(t)
	for _, cluster := range []string{"infra", "apps"} {
		status := l.must(t, "", "kubectl", "--context", cluster, "-n", "kube-system", "exec", "ds/cilium", "--", "cilium-dbg", "status", "--brief")
		if strings.TrimSpace(status) != "OK" {
			t.Errorf("%s: the agent says %q", cluster, status)
		}
	}
	l.encryptionIsTold(t, tree)
	l.meet(t)
	before := l.agentProcesses(t)
	if len(before) != 6 {
		t.Fatalf("agents: %v", before)
	}
	l.resetEchoes(t)
	r := l.run(t, tree, "flux", "handover", "run", "--context", "infra,apps", "--sequence", "infra,apps", "--yes", "--soak", "3s")
	t.Logf("run:\n%s%s", r.stderr, r.stdout)
	if r.code != 0 {
		t.Fatalf("run: exit code %d", r.code)
	}
	if diff := cmp.Diff(before, l.agentProcesses(t)); diff != "" {
		t.Errorf("agents' processes changed (-before +after):\n%s", diff)
	}
	l.undisturbed(t)
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

// agentProcesses are number and start of each agent's process, by pod.
func (l *lab) agentProcesses(t *testing.T) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(l.state, "*", "pods", "*", "cilium-agent.pid"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, file := range files {
		pid, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		stat, err := os.ReadFile(filepath.Join("/proc", string(pid), "stat"))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')'):]))
		all[filepath.Base(filepath.Dir(file))] = fmt.Sprintf("pid %s since %s", pid, fields[20])
	}
	return all
}

// echoed is what one node's echo has measured.
type echoed struct {
	Node  string
	Peers []struct {
		Node                 string
		Sent, Received, Lost int
		LongestGapMillis     float64
		Connected            bool
		Connections          struct {
			OK, Failed int
			LastError  string
		}
	}
}

// echoes asks every node's echo.
func (l *lab) echoes(t *testing.T, command string) map[string]echoed {
	t.Helper()
	all := map[string]echoed{}
	for _, cluster := range []string{"infra", "apps"} {
		pods := strings.Fields(l.must(t, "", "kubectl", "--context", cluster, "-n", "echo", "get", "pods", "-o", "name"))
		for _, pod := range pods {
			r := l.run(t, "", "kubectl", "--context", cluster, "-n", "echo", "exec", pod, "--", "echo", command)
			var e echoed
			if err := json.Unmarshal([]byte(r.stdout), &e); err == nil {
				all[e.Node] = e
			}
		}
	}
	return all
}

// meet waits until every echo has a stream to both others of its cluster.
func (l *lab) meet(t *testing.T) {
	t.Helper()
	eventually(t, func() (map[string]echoed, bool) {
		all := l.echoes(t, "stats")
		met := 0
		for _, e := range all {
			for _, p := range e.Peers {
				if p.Connected && p.Received > 0 {
					met++
				}
			}
		}
		return all, met == 12
	})
}

func (l *lab) resetEchoes(t *testing.T) {
	t.Helper()
	l.echoes(t, "reset")
}

// undisturbed holds that no stream ended and no connection failed since, and tells the longest gap.
func (l *lab) undisturbed(t *testing.T) {
	t.Helper()
	all := l.echoes(t, "stats")
	if len(all) != 6 {
		t.Errorf("echoes of %d nodes", len(all))
	}
	longest, connections := 0.0, 0
	for node, e := range all {
		for _, p := range e.Peers {
			if p.Lost != 0 || !p.Connected || p.Received == 0 || p.Connections.Failed != 0 || p.Connections.OK == 0 {
				t.Errorf("%s to %s: %+v", node, p.Node, p)
			}
			longest = max(longest, p.LongestGapMillis)
			connections += p.Connections.OK
		}
	}
	t.Logf("no connection lost; longest gap %.0f ms; %d new connections", longest, connections)
}
