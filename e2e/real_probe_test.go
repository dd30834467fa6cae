//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"maps"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRealProbe: a probe of Cilium's own agents tells the truth, and leaves the cluster as it was: also when it is killed
// and another comes by, and when the API server goes away in the middle and cleanup comes by.
func TestRealProbe(t *testing.T) {
	l := realLab(t)
	l.well(t, l.clone(t))
	before := l.bare(t)
	v := l.probed(t, 0)
	for _, id := range []string{"CG715", "CG716", "CG717", "CG718", "CG905"} {
		if got := v.result(t, "infra", id); got.Outcome != "pass" {
			t.Errorf("%s is %s: %s %+v", id, got.Outcome, got.Reason, got.Evidence)
		}
	}
	l.isBare(t, "probed", before)

	cmd, out := l.probing(t)
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	if left := l.left(t); len(left) != 1 {
		t.Fatalf("a probe that was killed leaves %q\n%s", left, out)
	}
	l.expire(t)
	l.probed(t, 0)
	l.isBare(t, "killed, and probed again", before)

	cmd, out = l.probing(t)
	l.must(t, "", l.bin, "break", "api-stopped", "--cluster", "infra", "--state", l.state)
	_ = cmd.Wait()
	l.must(t, "", l.bin, "mend", "api-stopped", "--state", l.state)
	left := l.left(t)
	if code := cmd.ProcessState.ExitCode(); code != 1 || len(left) != 1 || !strings.Contains(out.String(), strings.TrimPrefix(left[0], "namespace/")) {
		t.Errorf("the API server went away: exit code %d, left %q\n%s", code, left, out)
	}
	l.expire(t)
	l.must(t, "", "flux-handover", "cleanup", "--context", "infra", "--yes")
	l.isBare(t, "cleaned up", before)
}

// expire has the deadline of what a probe left have passed.
func (l *lab) expire(t *testing.T) {
	t.Helper()
	for _, namespace := range l.left(t) {
		l.must(t, "", "kubectl", "--context", "infra", "annotate", "--overwrite", namespace, "cilium-gitops.dev/probe-deadline=2020-01-01T00:00:00Z")
	}
}

// bare is every object of infra, without what Cilium itself keeps for a quarter of an hour of a pod that is gone.
func (l *lab) bare(t *testing.T) map[string]string {
	t.Helper()
	all := l.whole(t, "infra")
	maps.DeleteFunc(all, func(key, _ string) bool { return strings.HasPrefix(key, "CiliumIdentity/") })
	return all
}

// isBare holds that infra comes to be what it was.
func (l *lab) isBare(t *testing.T, what string, before map[string]string) {
	t.Helper()
	diff := ""
	t.Cleanup(func() {
		if diff != "" {
			t.Logf("%s (-before +after):\n%s", what, diff)
		}
	})
	every(t, time.Second, func() (struct{}, bool) {
		diff = cmp.Diff(before, l.bare(t))
		return struct{}{}, diff == ""
	})
}

// probeArgs are the arguments of a probe of infra.
func probeArgs() []string {
	return []string{
		"cilium-gitops", "verify", "--context", "infra", "--check", "CG715,CG716,CG717,CG718,CG905", "--probe",
		"--probe-image", probeImage, "-o", "json",
	}
}

func (l *lab) probed(t *testing.T, code int) (v verification) {
	t.Helper()
	r := l.run(t, "", "kubectl", probeArgs()...)
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil || r.code != code {
		t.Fatalf("verify --probe: exit code %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	return v
}

// probing starts a probe and returns as soon as it has a namespace.
func (l *lab) probing(t *testing.T) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command(l.look("kubectl-cilium_gitops"), probeArgs()[1:]...)
	var out bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = l.env, &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	eventually(t, func() ([]string, bool) { left := l.left(t); return left, len(left) == 1 })
	return cmd, &out
}

// left are the namespaces of probes: "namespace/cilium-gitops-probe-x7k2p".
func (l *lab) left(t *testing.T) []string {
	t.Helper()
	return strings.Fields(l.must(t, "", "kubectl", "--context", "infra", "get", "namespaces", "-l", "app.kubernetes.io/managed-by=cilium-gitops", "-o", "name"))
}
