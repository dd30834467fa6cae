package handover_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/e2e/faultproxy"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// faultNames is what the results call the faults of the model.
var faultNames = map[fault]string{
	lost: "a request that has no effect", answerLost: "an answer lost after the effect",
	killBefore: "kill -9 before a request", killAfter: "kill -9 after a request",
}

// everyRequest has each request of a run suffer each fault; whoever goes on then ends where an undisturbed run does.
func everyRequest(t *testing.T, result *faultproxy.Result, faults ...fault) {
	t.Helper()
	for _, wired := range []bool{false, true} {
		quiet := newModel(t)
		quiet.wired = wired
		if err := quiet.run(t); err != nil {
			t.Fatal(err)
		}
		if quiet.requests < 50 {
			t.Fatalf("only %d requests", quiet.requests)
		}
		for n := range quiet.requests {
			for _, f := range faults {
				m := newModel(t)
				m.wired = wired
				m.fault = func(i int, _ string) fault {
					if i == n {
						return f
					}
					return none
				}
				turns := crash(t, m, quiet, fmt.Sprintf("wired %t, %s %d", wired, faultNames[f], n))
				result.Add(faultNames[f], outcomes[turns > 1])
			}
		}
	}
}

// outcomes are how a run ends that is gone on with as often as it takes, by whether that was needed.
var outcomes = map[bool]string{
	false: "the run ends as an undisturbed one",
	true:  "gone on with, it ends as an undisturbed one",
}

// TestFault_R01_EveryRequestOfARun: for every request of a run, the API server is away or its answer is lost.
func TestFault_R01_EveryRequestOfARun(t *testing.T) {
	var result faultproxy.Result
	everyRequest(t, &result, lost, answerLost)
	result.Keep(t, "plugin/handover", "R1")
}

// TestFault_R02_KilledAtEveryRequest: the process is killed before or after every request of a run, and again and again,
// every so many requests, until it gets through.
func TestFault_R02_KilledAtEveryRequest(t *testing.T) {
	var result faultproxy.Result
	everyRequest(t, &result, killBefore, killAfter)
	quiet := newModel(t)
	if err := quiet.run(t); err != nil {
		t.Fatal(err)
	}
	for every := 16; every < 36; every += 2 {
		m := newModel(t)
		m.fault = func(i int, _ string) fault {
			if i%every == every-1 {
				return killAfter
			}
			return none
		}
		turns := crash(t, m, quiet, fmt.Sprintf("killed every %d requests", every))
		if turns < 2 {
			t.Errorf("killed every %d requests: it got through at once", every)
		}
		result.Add("kill -9 again and again", outcomes[turns > 1])
	}
	result.Keep(t, "plugin/handover", "R2")
}

// TestFault_R20_PodReplacedMeanwhile: at each moment of a run a pod is replaced; the run stops, Flux's objects are
// suspended, and the journal says which pod.
func TestFault_R20_PodReplacedMeanwhile(t *testing.T) {
	quiet := newModel(t)
	if err := quiet.run(t); err != nil {
		t.Fatal(err)
	}
	var result faultproxy.Result
	const fault20 = "an agent's pod replaced"
	stopped := 0
	for n := range quiet.requests {
		m := newModel(t)
		m.fault = func(i int, _ string) fault {
			if i == n {
				m.live.Pods = slices.Clone(m.live.Pods)
				m.live.Pods[0].UID = "another"
			}
			return none
		}
		err := m.run(t)
		var stop *handover.Stop
		switch {
		case err == nil:
			result.Add(fault20, "after the last look: the run ends")
			continue
		case !errors.As(err, &stop):
			t.Fatalf("at request %d: %v", n, err)
		case stop.Kind == handover.StopWorld:
			result.Add(fault20, "before there was a baseline: the plan is older than the world")
			continue
		}
		stopped++
		hr := m.objects[releaseRef]
		if stop.Kind != handover.StopGuard || hr != nil && !hr.Suspend || !stop.Frozen {
			t.Errorf("at request %d: %v, frozen %t, release %+v", n, stop, stop.Frozen, hr)
		}
		j, err := m.Load(t.Context())
		if err != nil || j.Phase != handover.Frozen || len(j.Seen) == 0 || !strings.Contains(j.Stop, "CG401") {
			t.Errorf("at request %d: journal %v %+v", n, err, j)
		}
		result.Add(fault20, "seen: the run stops, Flux is suspended")
	}
	if stopped < quiet.requests*3/4 {
		t.Errorf("stopped %d times of %d", stopped, quiet.requests)
	}
	result.Keep(t, "plugin/handover", "R20")
}
