package handover_test

import (
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestRollbackEndsARunThatLeftNothing: a run that stopped, of which nothing is left to undo, is not over until a rollback
// has said so in its journal: else it stands in the way of the next run.
func TestRollbackEndsARunThatLeftNothing(t *testing.T) {
	for phase, done := range map[handover.RunPhase]bool{handover.Frozen: false, handover.Running: false, handover.Finished: true} {
		m := newModel(t)
		of := &handover.Journal{
			Name: handover.HandoverName, Run: "r1", Phase: phase, UID: m.input().Facts.Live.UID, Revision: 1,
			Steps: []handover.StepRecord{{ID: handover.StepHold, Begun: 1}},
		}
		p := handover.UndoHandover(m.undoing(of))
		if !p.Ready || p.Done != done {
			t.Errorf("%s: ready %t, done %t, want done %t: %+v", phase, p.Ready, p.Done, done, p.Refusals)
		}
	}
}
