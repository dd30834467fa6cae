//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestRealProbe: a probe of Cilium's own agents tells the truth, and leaves the cluster as it was, also when it is
// killed and another comes by.
func TestRealProbe(t *testing.T) {
	l := realLab(t)
	l.probeProgram(t)
	before := l.namespaces(t)
	v := l.probed(t, 0)
	for _, id := range []string{"CG715", "CG716", "CG717", "CG718", "CG905"} {
		if got := v.result(t, "infra", id); got.Outcome != "pass" {
			t.Errorf("%s is %s: %s %+v", id, got.Outcome, got.Reason, got.Evidence)
		}
	}
	if diff := cmp.Diff(before, l.namespaces(t)); diff != "" {
		t.Errorf("namespaces (-before +after):\n%s", diff)
	}
	l.probeKilled(t)
	if left := l.left(t); len(left) != 1 {
		t.Fatalf("a probe that was killed leaves %q", left)
	}
	// Its deadline has passed.
	l.must(t, "", "kubectl", "--context", "infra", "annotate", "--overwrite", l.left(t)[0], "cilium-gitops.dev/probe-deadline=2020-01-01T00:00:00Z")
	l.probed(t, 0)
	eventually(t, func() ([]string, bool) { left := l.left(t); return left, len(left) == 0 })
	if diff := cmp.Diff(before, l.namespaces(t)); diff != "" {
		t.Errorf("namespaces (-before +after):\n%s", diff)
	}
}

// probeProgram puts the plugin where the lab's pods find their programs: it is what the project's image holds.
func (l *lab) probeProgram(t *testing.T) {
	t.Helper()
	plugin, err := filepath.Abs("../bin/kubectl-cilium_gitops")
	if err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(l.state, "pod-bin", "kubectl-cilium_gitops")
	_ = os.Remove(to)
	if err := os.Symlink(plugin, to); err != nil {
		t.Fatal(err)
	}
}

// probing are the arguments of a probe of infra.
func probing() []string {
	return []string{
		"cilium-gitops", "verify", "--context", "infra", "--check", "CG715,CG716,CG717,CG718,CG905", "--probe",
		"--probe-image", "ghcr.io/cilium-gitops/cilium-gitops:e2e", "-o", "json",
	}
}

func (l *lab) probed(t *testing.T, code int) (v verification) {
	t.Helper()
	r := l.run(t, "", "kubectl", probing()...)
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil || r.code != code {
		t.Fatalf("verify --probe: exit code %d, %v\n%s%s", r.code, err, r.stdout, r.stderr)
	}
	return v
}

// probeKilled kills a probe as soon as it has a namespace.
func (l *lab) probeKilled(t *testing.T) {
	t.Helper()
	cmd := exec.Command(l.look("kubectl-cilium_gitops"), probing()[1:]...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+l.variable("KUBECONFIG"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); len(l.left(t)) == 0 && time.Now().Before(end); {
		continue // each look takes its time
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// left are the namespaces of probes: "namespace/cilium-gitops-probe-x7k2p".
func (l *lab) left(t *testing.T) []string {
	t.Helper()
	return strings.Fields(l.must(t, "", "kubectl", "--context", "infra", "get", "namespaces", "-l", "app.kubernetes.io/managed-by=cilium-gitops", "-o", "name"))
}

// namespaces are all there are, with what pods, Services and ConfigMaps they hold.
func (l *lab) namespaces(t *testing.T) []string {
	t.Helper()
	return strings.Split(l.must(t, "", "kubectl", "--context", "infra", "get", "namespaces,pods,services,configmaps", "-A", "-o",
		`custom-columns=KIND:.kind,NAMESPACE:.metadata.namespace,NAME:.metadata.name,UID:.metadata.uid`), "\n")
}
