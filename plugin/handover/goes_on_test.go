package handover_test

import (
	"fmt"
	"testing"
)

// TestGoesOnAtOnce: a run that stopped because its journal could not be kept goes on and ends with the next command, although
// helm-controller takes a while to see that it was let go again.
func TestGoesOnAtOnce(t *testing.T) {
	quiet := newModel(t)
	if err := quiet.run(t); err != nil {
		t.Fatal(err)
	}
	stopped := 0
	for n := range quiet.requests {
		m := newModel(t)
		m.slow = true
		m.fault = func(i int, what string) fault {
			if i == n && what == "save" {
				return lost
			}
			return none
		}
		if m.run(t) == nil {
			continue
		}
		stopped++
		m.fault = nil
		if turns := crash(t, m, quiet, fmt.Sprintf("stopped at request %d", n)); turns != 1 {
			t.Errorf("stopped at request %d: %d commands to get through", n, turns)
		}
	}
	if stopped < 28 {
		t.Errorf("stopped %d times", stopped)
	}
}
