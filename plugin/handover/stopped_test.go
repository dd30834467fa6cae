package handover_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestInterruptedWhileItStops: a pod is replaced after the adoption, and the user interrupts at each request from then on.
// Flux's objects are suspended all the same when the process ends.
func TestInterruptedWhileItStops(t *testing.T) {
	tried := 0
	for after := range 8 {
		m := newModel(t)
		ctx, cancel := context.WithCancel(t.Context())
		replaced := -1
		m.fault = func(i int, _ string) fault {
			switch {
			case m.upgrades > 0 && replaced < 0:
				replaced = i
				m.live.Pods = slices.Clone(m.live.Pods)
				m.live.Pods[0].UID = "another"
			case replaced >= 0 && i == replaced+after:
				cancel()
			}
			return none
		}
		p := handover.Make(m.input())
		r := &handover.Runner{World: m, Journal: m, Clock: m}
		err := r.Run(ctx, p, r.Begin(p, "run"))
		cancel()
		var stop *handover.Stop
		if !errors.As(err, &stop) {
			t.Fatalf("interrupted %d requests after: %v", after, err)
		}
		if stop.Kind == handover.StopInterrupted {
			continue // it was not seen before
		}
		tried++
		hr := m.objects[releaseRef]
		if stop.Kind != handover.StopGuard || !stop.Frozen || hr == nil || !hr.Suspend {
			t.Errorf("interrupted %d requests after a pod was replaced: %v, frozen %t, HelmRelease %+v", after, stop, stop.Frozen, hr)
		}
	}
	if tried < 3 {
		t.Errorf("only %d runs stopped for the pod", tried)
	}
}

// TestPatientGuards: a node that is not ready for a moment stops nothing; one that stays so does, once a patient guard's
// time is over, and not before.
func TestPatientGuards(t *testing.T) {
	const patience = 30 * time.Second
	for lasts, stops := range map[time.Duration]bool{10 * time.Second: false, time.Hour: true} {
		m := newModel(t)
		var began, now time.Time
		m.fault = func(int, string) fault {
			if m.upgrades > 0 && began.IsZero() {
				began = m.now
			}
			now = m.now
			if !began.IsZero() {
				m.live.Nodes = slices.Clone(m.live.Nodes)
				m.live.Nodes[0].Ready = now.Sub(began) >= lasts
			}
			return none
		}
		err := m.run(t)
		var stop *handover.Stop
		switch {
		case !stops && err != nil:
			t.Errorf("a node not ready for %s: %v", lasts, err)
		case stops && (!errors.As(err, &stop) || stop.Kind != handover.StopGuard || !strings.Contains(stop.Reason, "CG404")):
			t.Errorf("a node not ready for %s: %v", lasts, err)
		case stops && now.Sub(began) < patience:
			t.Errorf("stopped %s after the node was not ready any more", now.Sub(began))
		}
		if began.IsZero() {
			t.Error("nothing was adopted")
		}
	}
}

// TestHeldIsNotBeingDeleted: what is suspended and being deleted is not held: let go, it would uninstall Cilium.
func TestHeldIsNotBeingDeleted(t *testing.T) {
	m := newModel(t)
	p := handover.Make(m.input())
	f := m.facts()
	f.Live.HelmReleases = []facts.HelmRelease{{Namespace: releaseRef.Namespace, Name: releaseRef.Name, Suspend: true}}
	if ok, why := handover.Held.Holds(p, nil, f); !ok {
		t.Fatalf("suspended: %s", why)
	}
	f.Live.HelmReleases[0].Deleting = true
	if ok, why := handover.Held.Holds(p, nil, f); ok || !strings.Contains(why, "being deleted") {
		t.Errorf("suspended and being deleted: %t, %s", ok, why)
	}
}
