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
	"slices"
	"strings"
	"sync"
	"testing"
)

// theReal is the lab with Cilium's own agents, brought up by the first test that needs it; why says why there is none.
var theReal struct {
	once sync.Once
	lab  lab
	why  string
	err  error
}

// realLab is that lab, with an environment of the test's own; where the machine cannot have one, the test is skipped and
// says why. Six agents compile for their nodes on two cores: too slow to be steady beside other tests, so that these are
// run by themselves. E2E_REAL_STATE keeps the lab, for the next run to find.
func realLab(t *testing.T) *lab {
	t.Helper()
	if os.Getenv("E2E_REAL") == "" {
		t.Skip("tests of real agents have the machine to themselves: make e2e runs them after all others, make e2e-real runs them alone")
	}
	theReal.once.Do(func() { theReal.why, theReal.err = raiseReal(&theReal.lab) })
	switch {
	case theReal.err != nil:
		t.Fatal(theReal.err)
	case theReal.why != "":
		t.Skipf("no real agents here: %s", theReal.why)
	}
	own := theReal.lab
	own.env = append(slices.Clone(own.env), "XDG_STATE_HOME="+filepath.Join(t.TempDir(), "state"))
	return &own
}

// raiseReal brings the lab up, or says why this machine cannot have one.
func raiseReal(l *lab) (why string, err error) {
	l.bin, l.state = theLab.bin, os.Getenv("E2E_REAL_STATE")
	if l.state == "" {
		if l.state, err = os.MkdirTemp("", "cilium-gitops-real-"); err != nil {
			return "", err
		}
	}
	var told bytes.Buffer
	cmd := exec.Command(l.bin, "up", "--agents", "real", "--state", l.state)
	cmd.Stdout, cmd.Stderr = os.Stderr, &told
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == 2:
		return strings.TrimSpace(told.String()), nil
	case err != nil:
		return "", fmt.Errorf("bring a lab with real agents up: %w\n%s", err, &told)
	}
	return "", l.readEnv()
}

// fellReal takes the lab down again.
func fellReal() {
	if l := &theReal.lab; l.state != "" && os.Getenv("E2E_REAL_STATE") == "" {
		_ = l.program(os.Stderr, "down")
		_ = os.RemoveAll(l.state)
	}
}

// anew has a cluster be what it was after `lab up`, once the test has ended.
func (l *lab) anew(t *testing.T, clusters ...string) {
	t.Helper()
	t.Cleanup(func() {
		for _, cluster := range clusters {
			if err := l.program(os.Stderr, "reset", cluster); err != nil {
				t.Errorf("reset %s: %v", cluster, err)
			}
		}
	})
}

// pid is the number of the process of the agent on a node.
func (l *lab) pid(t *testing.T, cluster, node string) string {
	t.Helper()
	uid := strings.TrimSpace(l.must(t, "", "kubectl", "--context", cluster, "-n", "kube-system", "get", "pods", "-l", "k8s-app=cilium",
		"--field-selector", "spec.nodeName="+node, "-o", "jsonpath={.items[0].metadata.uid}"))
	return read(t, filepath.Join(l.state, cluster, "pods", uid, "cilium-agent.pid"))
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
		pid := read(t, file)
		stat, err := os.ReadFile(filepath.Join("/proc", pid, "stat"))
		if err != nil {
			t.Fatal(err)
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')'):]))
		all[filepath.Base(filepath.Dir(file))] = fmt.Sprintf("pid %s since %s", pid, fields[20])
	}
	return all
}

// probeImage is an image whose program the lab's pods have.
const probeImage = "ghcr.io/cilium-gitops/cilium-gitops:e2e"

// streams is what a command measured while it changed a cluster.
type streams struct {
	Tried, Failed int
	Left          string
	Streams       []struct {
		From, To string
		Answers  int
		Lost     int
		Gap      int64 // nanoseconds
	}
}

// longest is the longest gap in milliseconds, and how many streams were lost.
func (s *streams) longest() (millis float64, lost int) {
	for _, one := range s.Streams {
		millis, lost = max(millis, float64(one.Gap)/1e6), lost+one.Lost
	}
	return millis, lost
}

// changed is what a command that changes clusters answers with -o json, of its one cluster or drill.
type changed struct {
	Cluster, Outcome, Stop, Evidence string
	Seen                             []struct{ Pod, Text string }
	Streams                          *streams
}

// changes runs such a command under streams and returns what it says of each cluster or drill.
func (l *lab) changes(t *testing.T, tree string, code int, args ...string) []changed {
	t.Helper()
	args = append(args, "--yes", "--probe", "--probe-image", probeImage, "-o", "json")
	r := eventually(t, func() (result, bool) {
		r := l.run(t, tree, "flux-handover", args...)
		return r, r.code != 5
	})
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	var doc struct{ Clusters, Drills []changed }
	err := json.Unmarshal([]byte(lines[len(lines)-1]), &doc)
	if r.code != code || err != nil {
		t.Fatalf("%v: exit code %d, want %d, %v\n%s%s", args, r.code, code, err, r.stderr, r.stdout)
	}
	return append(doc.Clusters, doc.Drills...)
}

// undisturbed holds that everything was measured and nothing lost, and tells the longest gap.
func undisturbed(t *testing.T, what string, all []changed) {
	t.Helper()
	for _, c := range all {
		s := c.Streams
		if s == nil || len(s.Streams) != 9 || s.Tried == 0 {
			t.Fatalf("%s: %s: not measured: %+v", what, c.Cluster, s)
		}
		longest, lost := s.longest()
		if lost != 0 || s.Failed != 0 || s.Left != "" {
			t.Errorf("%s: %s: %+v", what, c.Cluster, s)
		}
		t.Logf("%s, %s: none of %d streams lost, none of %d new connections; longest gap %.0f ms", what, c.Cluster, len(s.Streams), s.Tried, longest)
	}
}

// well holds that verify finds nothing wrong, as soon as agents have probed one another: under load that takes minutes.
func (l *lab) well(t *testing.T, dir string) {
	t.Helper()
	verify := func() result {
		return l.run(t, dir, "kubectl", "cilium-gitops", "verify", "--context", "infra,apps", "--skip", "CG121", "--wait", "4m")
	}
	r := verify()
	if r.code == 3 { // CG712, not probed again yet
		r = verify()
	}
	if r.code != 0 {
		t.Fatalf("verify: exit code %d\n%s%s", r.code, r.stderr, r.stdout)
	}
}
