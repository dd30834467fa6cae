package handover_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// rollingModel is a model whose adoption replaces the agents, one at each look, and whose user has accepted that.
func rollingModel(t *testing.T) *model {
	t.Helper()
	m := newModel(t)
	m.allow = []string{"DaemonSet/cilium"}
	m.spoil = refusals["pods replaced"].spoil
	m.rolls = "DaemonSet/cilium"
	return m
}

// TestAcceptedPodsAreReplaced: the pods of the workload that was named are others, the run comes to its end and waits
// for them, and its journal and its proof say whose they were.
func TestAcceptedPodsAreReplaced(t *testing.T) {
	m := rollingModel(t)
	if err := m.run(t); err != nil {
		t.Fatal(err)
	}
	j := journal(t, m)
	if want := []string{"DaemonSet/kube-system/cilium"}; !slices.Equal(j.Accepted, want) || j.Phase != handover.Finished {
		t.Errorf("accepted %v, %s", j.Accepted, j.Phase)
	}
	if text := j.Step(handover.StepProof).Text; !strings.HasPrefix(text, "6 of 9 pods untouched, 3 replaced as accepted") {
		t.Errorf("proof: %s", text)
	}
	f, _ := j.Facts(m.base.Expect)
	for _, v := range check.Run(f, check.All()) {
		if (v.Check == "CG401" || v.Check == "CG402") && v.Outcome != check.Pass {
			t.Errorf("%s: %v %s %v", v.Check, v.Outcome, v.Reason, v.Evidence)
		}
	}
	f.Accepted = nil
	if changed := check.PodChanges(f); len(changed) != 6 {
		t.Errorf("accepted by nobody: %v", changed)
	}
}

// TestAcceptedCrash: killed at every request while agents are replaced, a run that goes on ends where an undisturbed
// one does, and with the same accepted.
func TestAcceptedCrash(t *testing.T) {
	quiet := rollingModel(t)
	if err := quiet.run(t); err != nil {
		t.Fatal(err)
	}
	for n := range quiet.requests {
		for _, f := range []fault{answerLost, killBefore, killAfter} {
			m := rollingModel(t)
			m.fault = func(i int, _ string) fault {
				if i == n {
					return f
				}
				return none
			}
			crash(t, m, quiet, "fault at a request")
			if diff := cmp.Diff(journal(t, quiet).Accepted, journal(t, m).Accepted); diff != "" {
				t.Fatalf("at request %d: %s", n, diff)
			}
		}
	}
}

// TestOnlyTheAcceptedMayBeReplaced: another workload's pod stops the run at any moment, and so does one of the accepted
// workload's before the adoption, which alone is to replace it.
func TestOnlyTheAcceptedMayBeReplaced(t *testing.T) {
	quiet := rollingModel(t)
	if err := quiet.run(t); err != nil {
		t.Fatal(err)
	}
	for _, owner := range []string{"DaemonSet/cilium-envoy", "DaemonSet/cilium"} {
		stopped := 0
		for n := range quiet.requests {
			m := rollingModel(t)
			late := false
			m.fault = func(i int, _ string) fault {
				if i == n {
					late = m.upgrades > 0
					m.replace(owner)
				}
				return none
			}
			err := m.run(t)
			var stop *handover.Stop
			switch errors.As(err, &stop); {
			case stop != nil && stop.Kind == handover.StopGuard && (owner != m.rolls || !late):
				stopped++
			case owner == m.rolls && late && err != nil:
				t.Errorf("accepted, and stopped at request %d: %v", n, err)
			}
		}
		if stopped < 24 {
			t.Errorf("%s: stopped %d times of %d", owner, stopped, quiet.requests)
		}
	}
}

// TestAcceptedHaveToComeBack: a run is not over while the agents that it replaced are not ready.
func TestAcceptedHaveToComeBack(t *testing.T) {
	m := rollingModel(t)
	m.stuck = true
	var stop *handover.Stop
	if err := m.run(t); !errors.As(err, &stop) || stop.Step != handover.StepProof || stop.Kind != handover.StopTime || !strings.Contains(stop.Reason, "DaemonSet cilium: of 3 pods 3 are new and 2 ready") {
		t.Fatalf("%v", stop)
	}
}

// TestAcceptedMayNotGo: that the agents are replaced was accepted, and they go instead: the run does not end well.
func TestAcceptedMayNotGo(t *testing.T) {
	for name, lose := range map[string]func(*model){
		"gone":    func(m *model) { m.live.DaemonSets = m.without("cilium") },
		"nowhere": func(m *model) { m.nowhere("cilium") },
	} {
		m := rollingModel(t)
		m.lose = lose
		var stop *handover.Stop
		if err := m.run(t); !errors.As(err, &stop) || !strings.Contains(stop.Reason, "cilium") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func (m *model) without(name string) []facts.Workload {
	return slices.DeleteFunc(slices.Clone(m.live.DaemonSets), func(w facts.Workload) bool { return w.Name == name })
}

func (m *model) nowhere(name string) {
	m.live.DaemonSets = slices.Clone(m.live.DaemonSets)
	for i := range m.live.DaemonSets {
		if w := &m.live.DaemonSets[i]; w.Name == name {
			w.Desired, w.Updated, w.Ready, w.Available = 0, 0, 0, 0
		}
	}
}

// replace gives the first pod of a workload, "Kind/name", that is still the baseline's another UID; false: all are new.
func (m *model) replace(owner string) bool {
	i := slices.IndexFunc(m.live.Pods, func(p facts.Pod) bool { return p.Owner == owner && !strings.HasPrefix(p.UID, "new-") })
	if i < 0 {
		return false
	}
	m.live.Pods = slices.Clone(m.live.Pods)
	m.live.Pods[i].UID = "new-" + m.live.Pods[i].UID
	return true
}

// roll replaces one pod of the workload that rolls, and says how many of its pods are ready meanwhile.
func (m *model) roll() {
	if m.rolls == "" || m.upgrades == 0 {
		return
	}
	busy := m.replace(m.rolls)
	_, name, _ := strings.Cut(m.rolls, "/")
	m.live.DaemonSets = slices.Clone(m.live.DaemonSets)
	for i := range m.live.DaemonSets {
		if w := &m.live.DaemonSets[i]; w.Name == name {
			w.Ready, w.Available = w.Desired, w.Desired
			if busy || m.stuck {
				w.Ready, w.Available = w.Desired-1, w.Desired-1
			}
		}
	}
	if !busy && m.lose != nil {
		m.lose(m)
	}
}
