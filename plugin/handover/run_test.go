package handover_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

func TestRun(t *testing.T) {
	for _, wired := range []bool{false, true} {
		t.Run(fmt.Sprintf("wired %t", wired), func(t *testing.T) {
			m := newModel(t)
			m.wired = wired
			if err := m.run(t); err != nil {
				t.Fatal(err)
			}
			hr := m.objects[releaseRef]
			if hr == nil || hr.Suspend || m.upgrades != 1 || m.installs != 0 || m.shared || len(m.naked) > 0 {
				t.Errorf("%s\n%v", m.end(), m.naked)
			}
			if _, there := hr.Owners[handover.FluxCLI]; there {
				t.Errorf("something of ours stays in the HelmRelease: %v", hr.Owners)
			}
			if (m.objects[wiringRef] != nil) != wired {
				t.Errorf("the Kustomization: %v", m.objects[wiringRef])
			}
			j, err := m.Load(t.Context())
			if err != nil || j.Phase != handover.Finished || j.Base == nil || j.Proof == nil {
				t.Errorf("journal: %v %+v", err, j)
			}
			writes := len(m.writes)
			if err := m.run(t); err != nil || len(m.writes) != writes {
				t.Errorf("a second run: %v, wrote %v", err, m.writes[writes:])
			}
		})
	}
}

// TestRunIsNeverReleasedBeforeItsMoment: until the step that adopts, the HelmRelease is never there without its
// suspension, and nothing is upgraded.
func TestRunIsNeverReleasedBeforeItsMoment(t *testing.T) {
	for _, wired := range []bool{false, true} {
		m := newModel(t)
		m.wired = wired
		m.fault = func(_ int, what string) fault {
			if hr := m.objects[releaseRef]; hr != nil && !hr.Suspend {
				j, err := m.Load(t.Context())
				if err != nil || !j.Adopting() {
					t.Errorf("wired %t: before %s the HelmRelease is free, and nobody wrote down why", wired, what)
				}
			}
			return none
		}
		if err := m.run(t); err != nil {
			t.Fatal(err)
		}
	}
}

// crash runs, and goes on as often as it takes: turns is how often.
func crash(t *testing.T, m, quiet *model, what string) (turns int) {
	t.Helper()
	var last error
	for range 40 {
		turns++
		m.killed = false
		if last = m.run(t); last == nil {
			break
		}
	}
	if last != nil {
		t.Errorf("%s: never ends: %v", what, last)
		return turns
	}
	if diff := cmp.Diff(quiet.end(), m.end()); diff != "" || len(m.naked) > 0 {
		t.Errorf("%s: ends elsewhere (-quiet +crashed):\n%s%v", what, diff, m.naked)
	}
	return turns
}

// TestAPIServerAwayForAWhile: no answer for a stretch of requests, at every place of a run.
func TestAPIServerAwayForAWhile(t *testing.T) {
	quiet := newModel(t)
	if err := quiet.run(t); err != nil {
		t.Fatal(err)
	}
	for n := range quiet.requests {
		m := newModel(t)
		m.fault = func(i int, _ string) fault {
			if i >= n && i < n+4 {
				return lost
			}
			return none
		}
		crash(t, m, quiet, fmt.Sprintf("away at request %d", n))
	}
}

// TestSomebodyElseMovesTheRelease: a helmfile runs between plan and adoption.
func TestSomebodyElseMovesTheRelease(t *testing.T) {
	m := newModel(t)
	m.fault = func(_ int, what string) fault {
		if what == "apply HelmRelease" {
			m.live.Records = slices.Clone(m.live.Records)
			m.live.Records[0].Revision = 7
		}
		return none
	}
	var stop *handover.Stop
	if err := m.run(t); !errors.As(err, &stop) || stop.Kind != handover.StopWorld || stop.Step != handover.StepAdopt {
		t.Fatalf("%v", err)
	}
	if hr := m.objects[releaseRef]; !hr.Suspend || m.upgrades != 0 {
		t.Errorf("adopted all the same: %s", m.end())
	}
}

// TestInterrupted: a cancelled run leaves everything as it is, and goes on later.
func TestInterrupted(t *testing.T) {
	quiet := newModel(t)
	if err := quiet.run(t); err != nil {
		t.Fatal(err)
	}
	interrupted := 0
	for n := range quiet.requests {
		m := newModel(t)
		ctx, cancel := context.WithCancel(t.Context())
		m.fault = func(i int, _ string) fault {
			if i == n {
				cancel()
			}
			return none
		}
		p := handover.Make(m.input())
		r := &handover.Runner{World: m, Journal: m, Clock: m}
		err := r.Run(ctx, p, r.Begin(p, "run"))
		cancel()
		if err != nil {
			interrupted++
		}
		var stop *handover.Stop
		if err != nil && (!errors.As(err, &stop) || stop.Kind != handover.StopInterrupted || slices.ContainsFunc(m.writes, func(w string) bool { return strings.HasPrefix(w, "suspend Kust") })) {
			t.Fatalf("at request %d: %v, wrote %v", n, err, m.writes)
		}
		m.fault = nil
		crash(t, m, quiet, fmt.Sprintf("interrupted at request %d", n))
	}
	if interrupted < quiet.requests-5 {
		t.Errorf("%d of %d interruptions stopped the run", interrupted, quiet.requests)
	}
}

// TestSomebodyElseHasTheLock: nothing more is written.
func TestSomebodyElseHasTheLock(t *testing.T) {
	m := newModel(t)
	k := &thief{model: m, after: 9}
	p := handover.Make(m.input())
	r := &handover.Runner{World: m, Journal: k, Clock: m}
	var stop *handover.Stop
	if err := r.Run(t.Context(), p, r.Begin(p, "run")); !errors.As(err, &stop) || stop.Kind != handover.StopLost {
		t.Fatalf("%v", err)
	}
	if k.writes != len(m.writes) {
		t.Errorf("wrote after the lock was lost: %v", m.writes[k.writes:])
	}
}

// thief takes the journal after so many saves.
type thief struct {
	*model

	after, writes int
}

func (k *thief) Save(ctx context.Context, j *handover.Journal) error {
	if k.after--; k.after < 0 {
		if k.after == -1 {
			k.writes = len(k.model.writes)
		}
		return fmt.Errorf("save: %w", handover.ErrLost)
	}
	return k.model.Save(ctx, j)
}

// TestAgainWantsTheSameTree: a run goes on only with what it began with.
func TestAgainWantsTheSameTree(t *testing.T) {
	m := newModel(t)
	in := m.input()
	p := handover.Make(in)
	j := (&handover.Runner{Clock: m}).Begin(p, "run")
	if _, err := handover.Again(in, j); err != nil {
		t.Fatal(err)
	}
	in.HelmRelease.Body["spec"] = map[string]any{"interval": "1h"}
	if _, err := handover.Again(in, j); err == nil || !strings.Contains(err.Error(), "check out commit 4f1c2d") {
		t.Errorf("another tree: %v", err)
	}
	in = m.input()
	in.Facts.Live.UID = "other"
	if _, err := handover.Again(in, j); err == nil || !strings.Contains(err.Error(), "another cluster") {
		t.Errorf("another cluster: %v", err)
	}
}

// TestNothingSecretIsKept: what is applied is in neither plan nor journal.
func TestNothingSecretIsKept(t *testing.T) {
	m := newModel(t)
	in := m.input()
	in.HelmRelease.Body["spec"] = map[string]any{"values": map[string]any{"password": "canary-7"}}
	p := handover.Make(in)
	j := (&handover.Runner{Clock: m}).Begin(p, "run")
	for what, doc := range map[string]any{"plan": p, "journal": j} {
		if raw, err := json.Marshal(doc); err != nil || strings.Contains(string(raw), "canary") {
			t.Errorf("%s: %v %s", what, err, raw)
		}
	}
	if !strings.Contains(string(p.Step(handover.StepHold).Do[0].Body), "canary-7") {
		t.Error("what is applied lacks its values")
	}
}
