package handover_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// replaced gives the model's first pod another UID.
func (m *model) replaced(uid string) {
	m.live.Pods = slices.Clone(m.live.Pods)
	m.live.Pods[0].UID = uid
}

// at is a fault that does something once, before the first such request, and then becomes of the request what it says.
func (m *model) at(what string, do func() fault) {
	done := false
	m.fault = func(_ int, is string) fault {
		if done || is != what {
			return none
		}
		done = true
		return do()
	}
}

// wrote counts what was written that begins so.
func (m *model) wrote(prefix string) (n int) {
	for _, w := range m.writes {
		if strings.HasPrefix(w, prefix) {
			n++
		}
	}
	return n
}

func notGoingOn(err error) (ids []string) {
	var not *notReady
	if errors.As(err, &not) {
		for _, r := range not.plan.Refusals {
			ids = append(ids, r.ID)
		}
	}
	return ids
}

// halfway is a model whose run was killed when it had placed the HelmRelease, or also the Kustomization.
func halfway(t *testing.T, wired bool) *model {
	t.Helper()
	m := newModel(t)
	m.wired = wired
	last := "suspend HelmRelease"
	if wired {
		last = "reconcile Kustomization"
	}
	m.at(last, func() fault { return killAfter })
	if err := m.run(t); err == nil || m.upgrades != 0 {
		t.Fatalf("it was to be killed: %v, %d upgrades", err, m.upgrades)
	}
	m.killed, m.fault = false, nil
	return m
}

// TestFinding_C4_JudgedAnew: what would refuse a new plan refuses to go on where the adoption has not begun, and says what
// to do; nothing is written. Once it is mended, the same command goes on.
func TestFinding_C4_JudgedAnew(t *testing.T) {
	for _, wired := range []bool{false, true} {
		for what, spoil := range map[string]func(*handover.Input){
			"HP301": refusals["pods replaced"].spoil,
			"HP403": func(in *handover.Input) { in.Facts.Rendered, in.Unrendered = nil, "the chart was not rendered" },
			"CG104": func(in *handover.Input) {
				in.Facts.Live.DaemonSets = slices.Clone(in.Facts.Live.DaemonSets)
				in.Facts.Live.DaemonSets[0].Ready = 1
			},
			"HP203": func(in *handover.Input) {
				in.Facts.Live.HelmReleases = slices.Clone(in.Facts.Live.HelmReleases)
				in.Facts.Live.HelmReleases[0].Deleting = true
			},
			"HP405": func(in *handover.Input) {
				in.Facts.Live.HelmReleases = slices.Clone(in.Facts.Live.HelmReleases)
				in.Facts.Live.HelmReleases[0].Suspend = false
			},
		} {
			m := halfway(t, wired)
			writes := len(m.writes)
			m.spoil = spoil
			err := m.run(t)
			if ids := notGoingOn(err); !slices.Contains(ids, what) || !slices.Contains(ids, "HP405") {
				t.Errorf("wired %t, %s: refused by %v (%v)", wired, what, ids, err)
			}
			if len(m.writes) != writes || m.upgrades != 0 {
				t.Errorf("wired %t, %s: wrote %v", wired, what, m.writes[writes:])
			}
			m.spoil = nil
			if err := m.run(t); err != nil || m.upgrades != 1 {
				t.Errorf("wired %t, %s, mended: %v, %d upgrades", wired, what, err, m.upgrades)
			}
		}
	}
}

// TestFinding_C4_OwnObjectsRefuseNothing: what the run placed and suspended itself is no reason against going on.
func TestFinding_C4_OwnObjectsRefuseNothing(t *testing.T) {
	m := newModel(t)
	m.wired = true
	m.at("reconcile Kustomization", func() fault { m.replaced("another"); return none })
	var stop *handover.Stop
	if err := m.run(t); !errors.As(err, &stop) || stop.Kind != handover.StopGuard || !m.objects[wiringRef].Suspend {
		t.Fatalf("%v", err)
	}
	if err := m.run(t); err != nil || m.upgrades != 1 || m.objects[wiringRef].Suspend {
		t.Errorf("%v: %s", err, m.end())
	}
}

// TestFinding_C4_GuardsBeforeAdoption: a pod that is replaced between baseline and adoption stops the run before anything is
// let go. The next command takes the baseline anew, says so, and ends.
func TestFinding_C4_GuardsBeforeAdoption(t *testing.T) {
	m := newModel(t)
	m.events = nil
	hold := 0
	m.fault = func(_ int, what string) fault {
		j := journal(t, m)
		if rec := stepOf(j, handover.StepHold); hold == 0 && rec != nil && !rec.Ended.IsZero() {
			hold++
			m.replaced("rebooted")
		}
		return none
	}
	var stop *handover.Stop
	if err := m.run(t); !errors.As(err, &stop) || stop.Step != handover.StepAdopt || stop.Kind != handover.StopGuard {
		t.Fatalf("%v", err)
	}
	if m.wrote("resume HelmRelease") != 0 || m.upgrades != 0 || !m.objects[releaseRef].Suspend || !stop.Frozen {
		t.Errorf("let go before the guards had spoken: %v\n%s", m.writes, m.end())
	}
	if err := m.run(t); err != nil || m.upgrades != 1 {
		t.Fatalf("%v, %d upgrades", err, m.upgrades)
	}
	j := journal(t, m)
	if len(j.Renewed) != 1 || !strings.Contains(j.Renewed[0].Text, "pods of Cilium were replaced or restarted") || j.Base.Pods[0].UID != "rebooted" || m.backups != 2 {
		t.Errorf("%+v, %d backups", j.Renewed, m.backups)
	}
}

func stepOf(j *handover.Journal, id string) *handover.StepRecord {
	if j == nil {
		return nil
	}
	return j.Step(id)
}

// TestFinding_C4_HelmMovedBefore: another revision of Helm's, made before the adoption began, is judged anew and gone on
// with.
func TestFinding_C4_HelmMovedBefore(t *testing.T) {
	m := halfway(t, false)
	m.live.Records = slices.Clone(m.live.Records)
	m.live.Records[0].Revision = 7
	if err := m.run(t); err != nil {
		t.Fatal(err)
	}
	if j := journal(t, m); j.Revision != 7 || !strings.Contains(j.Renewed[0].Text, "newest revision was 1 and is 7") {
		t.Errorf("revision %d, %+v", j.Revision, j.Renewed)
	}
}

// TestFinding_C4_GuardsBeforeGoingOn: once the adoption has begun, the guards speak before the HelmRelease is let go again;
// what they find can be accepted by name.
func TestFinding_C4_GuardsBeforeGoingOn(t *testing.T) {
	m := newModel(t)
	m.at("hand-fields ", func() fault { m.replaced("another"); return none })
	var stop *handover.Stop
	if err := m.run(t); !errors.As(err, &stop) || stop.Kind != handover.StopGuard || !m.objects[releaseRef].Suspend {
		t.Fatalf("%v\n%v", err, m.writes)
	}
	resumed := m.wrote("resume HelmRelease")
	for range 2 {
		if err := m.run(t); !errors.As(err, &stop) || stop.Kind != handover.StopGuard || !strings.Contains(stop.Reason, "CG401") {
			t.Errorf("%v", err)
		}
		if n := m.wrote("resume HelmRelease"); n != resumed || !m.objects[releaseRef].Suspend {
			t.Errorf("let go %d times before the guards had spoken", n-resumed)
		}
	}
	owner := strings.Replace(m.live.Pods[0].Workload(), "kube-system/", "", 1)
	m.allow = []string{owner}
	if err := m.run(t); err != nil {
		t.Fatalf("%s accepted: %v", owner, err)
	}
	if j := journal(t, m); len(j.Accepted) != 1 || m.upgrades != 1 {
		t.Errorf("accepted %v, %d upgrades", j.Accepted, m.upgrades)
	}
}

// TestFinding_C4_GuardsHaveToPass: a guard that cannot see keeps the adoption, the handing over of fields and Helm's way
// back from being begun.
func TestFinding_C4_GuardsHaveToPass(t *testing.T) {
	for _, part := range []facts.Part{facts.Pods, facts.Config, facts.Nodes} {
		m := newModel(t)
		m.at("apply HelmRelease", func() fault { m.blind = map[facts.Part]string{part: "forbidden"}; return none })
		var stop *handover.Stop
		if err := m.run(t); !errors.As(err, &stop) || m.wrote("resume HelmRelease") > 0 || !strings.Contains(stop.Reason, "forbidden") {
			t.Errorf("%s: %v, wrote %v", part, err, m.writes)
		}
		m.blind = nil
		if err := m.run(t); err != nil {
			t.Errorf("%s, seen again: %v", part, err)
		}
	}
}

// TestFinding_H6_NothingEndsUnseen: no step of a run or a rollback ends while a guard of it cannot see; the run stops when
// its time is up, says what could not be seen, and goes on once it can be.
func TestFinding_H6_NothingEndsUnseen(t *testing.T) {
	steps := []string{
		handover.StepSource, handover.StepHold, handover.StepAdopt, handover.StepFields, handover.StepProof, handover.StepSoak,
	}
	for _, at := range steps {
		for _, part := range []facts.Part{facts.Pods, facts.Config} {
			m := newModel(t)
			m.fault = func(int, string) fault {
				if rec := stepOf(journal(t, m), at); rec != nil && !rec.Began.IsZero() && m.blind == nil {
					m.blind = map[facts.Part]string{part: "timed out"}
				}
				return none
			}
			var stop *handover.Stop
			err := m.run(t)
			if !errors.As(err, &stop) || stop.Step != at || stop.Kind != handover.StopTime || !strings.Contains(stop.Reason, "timed out") {
				t.Errorf("%s, %s: %v", at, part, err)
			}
			m.fault, m.blind = nil, nil
			if err := m.run(t); err != nil || m.upgrades != 1 {
				t.Errorf("%s, %s, seen again: %v", at, part, err)
			}
		}
	}
}

// TestFinding_H6_BackUnseen: the same of a rollback.
func TestFinding_H6_BackUnseen(t *testing.T) {
	for _, at := range []string{handover.StepHelm, handover.StepOwner, handover.StepProof} {
		m := newModel(t)
		if err := m.run(t); err != nil {
			t.Fatal(err)
		}
		of := journal(t, m)
		m.fault = func(int, string) fault {
			j := journal(t, m)
			if rec := stepOf(j, at); j.Name == handover.RollbackName && rec != nil && !rec.Began.IsZero() && m.blind == nil {
				m.blind = map[facts.Part]string{facts.Pods: "timed out"}
			}
			return none
		}
		var stop *handover.Stop
		if err := m.back(t, of); !errors.As(err, &stop) || stop.Step != at || stop.Kind != handover.StopTime || !strings.Contains(stop.Reason, "timed out") {
			t.Errorf("%s: %v", at, err)
		}
		if at == handover.StepHelm && m.wrote("helm-rollback") > 0 {
			t.Errorf("Helm went back unguarded")
		}
		m.fault, m.blind = nil, nil
		if err := m.back(t, of); err != nil {
			t.Errorf("%s, seen again: %v", at, err)
		}
	}
}

// TestFinding_H6_NoPodAtAll: that there is no pod to compare is never well.
func TestFinding_H6_NoPodAtAll(t *testing.T) {
	m := newModel(t)
	m.at("hand-fields ", func() fault { m.live.Pods = nil; return none })
	if err := m.run(t); err == nil {
		t.Errorf("it ended well: %s", journal(t, m).Step(handover.StepProof).Text)
	}
}

// TestFinding_H8_AStopKeepsTrying: whatever becomes of single requests, a stop ends with Flux suspended, or says that it was
// not seen.
func TestFinding_H8_AStopKeepsTrying(t *testing.T) {
	for name, c := range map[string]struct {
		what string // the requests that suffer
		fate fault
		many int  // how many of them
		kept bool // the HelmRelease is suspended, and so is the Kustomization unless it is the one that suffers for ever
	}{
		"one lost":                       {"suspend HelmRelease", lost, 1, true},
		"many lost":                      {"suspend HelmRelease", lost, 10, true},
		"an answer lost":                 {"suspend HelmRelease", answerLost, 1, true},
		"conflicts":                      {"suspend HelmRelease", conflict, 30, true},
		"looks lost":                     {"image", lost, 5, true},
		"a Kustomization that is lost":   {"suspend Kustomization", lost, 1000, true},
		"a Kustomization, lost at first": {"suspend Kustomization", lost, 3, true},
		"a journal that cannot be kept":  {"save", lost, 1000, true},
		"nothing for ever":               {"suspend HelmRelease", lost, 1000, false},
	} {
		m := newModel(t)
		m.wired = true
		stopping, left := false, c.many
		m.fault = func(_ int, what string) fault {
			if m.upgrades > 0 && !stopping {
				stopping = true
				m.replaced("another")
			}
			if stopping && what == c.what && left > 0 {
				left--
				return c.fate
			}
			return none
		}
		var stop *handover.Stop
		begun := m.now
		if err := m.run(t); !errors.As(err, &stop) {
			t.Fatalf("%s: %v", name, err)
		}
		whole := c.kept && !(c.what == "suspend Kustomization" && c.many == 1000)
		if m.objects[releaseRef].Suspend != c.kept || stop.Frozen != whole {
			t.Errorf("%s: suspended %t, seen %t: %v", name, m.objects[releaseRef].Suspend, stop.Frozen, stop)
		}
		if took := m.now.Sub(begun).Seconds(); took > 600 {
			t.Errorf("%s: it took %.0f s", name, took)
		}
	}
}

// TestFinding_H8_NotWithoutTheLock: a journal that somebody else writes is a lock that is somebody else's: nothing is
// suspended then.
func TestFinding_H8_NotWithoutTheLock(t *testing.T) {
	m := newModel(t)
	k := &thief{model: m, after: 1 << 30}
	m.fault = func(int, string) fault {
		if m.upgrades > 0 && k.after > 1<<20 {
			m.replaced("another")
			k.after = 0
		}
		return none
	}
	p := handover.Make(m.input())
	r := &handover.Runner{World: m, Journal: k, Clock: m}
	var stop *handover.Stop
	if err := r.Run(t.Context(), p, r.Begin(p, "run")); !errors.As(err, &stop) || stop.Kind != handover.StopLost {
		t.Fatalf("%v", err)
	}
	if n := m.wrote("suspend HelmRelease"); m.objects[releaseRef].Suspend || n != 1 {
		t.Errorf("suspended %d times: once is the hold", n)
	}
}

// joins adds a node and a pod of each DaemonSet on it; leaves takes a node away, and moves the pods that can move.
func (m *model) joins(node string) {
	m.live.Nodes = append(slices.Clone(m.live.Nodes), facts.Node{Name: node, Ready: true})
	m.live.Pods = slices.Clone(m.live.Pods)
	for _, p := range slices.Clone(m.live.Pods) {
		if p.Node == "infra-3" && p.Bound() {
			p.Name, p.UID, p.Node = p.Name+"-"+node, p.UID+"-"+node, node
			m.live.Pods = append(m.live.Pods, p)
		}
	}
}

func (m *model) leaves(node string) {
	m.live.Nodes = slices.DeleteFunc(slices.Clone(m.live.Nodes), func(n facts.Node) bool { return n.Name == node })
	m.live.Pods = slices.DeleteFunc(slices.Clone(m.live.Pods), func(p facts.Pod) bool { return p.Bound() && p.Node == node })
	for i := range m.live.Pods {
		if p := &m.live.Pods[i]; p.Node == node {
			p.Name, p.UID, p.Node = p.Name+"m", p.UID+"-moved", "infra-3"
		}
	}
	m.live.DaemonSets = slices.Clone(m.live.DaemonSets)
	for i := range m.live.DaemonSets {
		m.live.DaemonSets[i].Desired--
		m.live.DaemonSets[i].Ready--
	}
}

// TestFinding_M19_NodesComeAndGo: nodes that join or leave at any moment neither stop a run nor are passed over in silence;
// a pod that is replaced on a node that stays stops it all the same.
func TestFinding_M19_NodesComeAndGo(t *testing.T) {
	quiet := newModel(t)
	if err := quiet.run(t); err != nil {
		t.Fatal(err)
	}
	told := 0
	for n := range quiet.requests {
		m := newModel(t)
		m.fault = func(i int, _ string) fault {
			if i == n {
				m.joins("spot-1")
				m.leaves("infra-1")
			}
			return none
		}
		if err := m.run(t); err != nil {
			t.Fatalf("at request %d: %v", n, err)
		}
		if text := journal(t, m).Step(handover.StepSoak).Text; strings.HasPrefix(text, "6 of 6 pods on 2 nodes untouched; 1 node joined, 1 left") {
			told++
		}
		m = newModel(t)
		m.fault = func(i int, _ string) fault {
			if i == n {
				m.leaves("infra-1")
				j := slices.IndexFunc(m.live.Pods, func(p facts.Pod) bool { return p.Node == "infra-2" })
				m.live.Pods[j].UID = "another"
			}
			return none
		}
		if err := m.run(t); err == nil && n < quiet.requests-5 {
			t.Errorf("at request %d a pod was replaced on a node that stays, and the run ended well", n)
		}
	}
	if told < quiet.requests/2 {
		t.Errorf("told of %d times", told)
	}
}

// TestFinding_M19_PlannedBefore: a plan that was saved holds where nodes have come and gone since, and not where a pod was
// replaced on a node that stays.
func TestFinding_M19_PlannedBefore(t *testing.T) {
	m := newModel(t)
	was := handover.Make(m.input()).World
	m.joins("spot-1")
	m.leaves("infra-1")
	if changes := handover.Make(m.input()).World.Since(was); len(changes) > 0 {
		t.Errorf("nodes came and went: %v", changes)
	}
	m.live.Pods[len(m.live.Pods)-3].UID = "another"
	m.live.Pods[0].UID = "another"
	if changes := handover.Make(m.input()).World.Since(was); len(changes) != 1 || !strings.Contains(changes[0], "pods of Cilium were replaced or restarted: ") {
		t.Errorf("pods were replaced: %v", changes)
	}
}

// tight is a keeper that cannot keep the journal to the end of the run.
type tight struct{ *model }

func (tight) Room(j *handover.Journal) error {
	if j.Base == nil || len(j.Base.Pods) == 0 {
		return errors.New("asked without a baseline")
	}
	return errors.New("it does not fit")
}

// TestFinding_M14_KnownBeforeAnything: a journal that could not be kept to the end stops the run before anything is placed.
func TestFinding_M14_KnownBeforeAnything(t *testing.T) {
	m := newModel(t)
	p := handover.Make(m.input())
	r := &handover.Runner{World: m, Journal: tight{m}, Clock: m}
	var stop *handover.Stop
	err := r.Run(t.Context(), p, r.Begin(p, "run"))
	if !errors.As(err, &stop) || stop.Step != handover.StepBackup || !strings.Contains(stop.Reason, "it does not fit") || len(m.writes) > 0 {
		t.Errorf("%v, wrote %v", err, m.writes)
	}
}
