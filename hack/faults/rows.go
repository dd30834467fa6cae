// Package faults is the map of what cilium-gitops promises and survives: each promise and each fault with the tests that
// prove it, and what those injected when the suite last ran (make e2e-faults). docs/faults.md is written from it, and a
// test fails when a test that is named here no longer exists.
package faults

// Row is a promise or a fault with what proves it.
type Row struct {
	ID, Fault, Expected string

	Proofs []Proof
}

// Proof is one test: its package and name, and what it injects and holds.
type Proof struct{ Package, Test, What string }

// Promises are what the programs promise whatever happens.
func Promises() []Row {
	return []Row{
		{"I1", "never uninstall", "nothing is deleted that its controller has not seen suspended", []Proof{
			{"plugin/act", "TestDo", "what is not suspended is not released, and nothing but Flux's objects is"},
			{"plugin/handover", "TestRollbackFromEveryStep", "a rollback from each step: suspended first, and observed"},
			{"plugin/act", "TestDeletes", "where the source deletes at all is listed"},
		}},
		{"I2", "never restart", "a run refuses while pods would be replaced, unless each workload is named", []Proof{
			{"plugin/handover", "TestRefusals", "HP301, on the model"},
			{"plugin/handover", "TestOnlyTheAcceptedMayBeReplaced", "naming one workload allows no other"},
			{"e2e", "TestNamed", "the same on real clusters"},
		}},
		{"I3", "always resumable", "killed anywhere and run again, it ends where an undisturbed run does", []Proof{
			{"plugin/handover", "TestFault_R02_KilledAtEveryRequest", "killed before or after every request of a run, and again and again"},
			{"plugin/handover", "TestFault_R01_EveryRequestOfARun", "answer lost, nobody there: at every request of a run"},
			{"plugin/handover", "TestDrillKilledAtEveryRequest", "the same for every drill"},
			{"e2e", "TestHandoverKilled", "kill -9 and Ctrl-C in one step after another of a real run"},
		}},
		{"I4", "one operator", "a Lease", []Proof{
			{"plugin/act", "TestFault_R07_Lock", "a living holder, a dead one, two that wait for a dead one: one gets it"},
			{"plugin/handover", "TestSomebodyElseHasTheLock", "nothing is written once the lock is lost"},
		}},
		{"I5", "the kubectl plugin never writes", "the shipped read-only role suffices", []Proof{
			{"plugin/live", "TestRequests", "GET alone, no discovery"},
			{"e2e", "TestReadOnlyRoleSuffices", "with the shipped role and nothing else everything is seen"},
			{"e2e", "TestRequestsAreFewAndOnlyRead", "by the API servers' audit logs"},
		}},
		{"I6", "unknown is never pass", "what could not be seen is unknown, and says why", []Proof{
			{"plugin/check", "TestNothingPassesUnseen", "each need of each check is made unseen in turn"},
			{"plugin/check", "TestNothingPassesOnNothing", "no check passes on empty facts"},
			{"plugin/live", "TestFault_R04_Reads", "each fault at each request changes no judgement but to unknown"},
		}},
		{"I7", "no secret in any output", "see R19", []Proof{
			{"e2e", "TestFaults", "the whole command set over clusters full of canaries"},
			{"plugin/chart", "TestFault_R19_Canaries", "whatever a chart does with a secret"},
			{"plugin/handover", "TestNothingSecretIsKept", "neither plan nor journal keeps what is applied"},
		}},
		{"I8", "no change outside the plan", "what is written is in the plan's list", []Proof{
			{"e2e", "TestHandover", "every write in the audit logs is looked up in the plan"},
		}},
		{"I9", "claims can be checked again", "from the evidence, offline", []Proof{
			{"plugin/handover", "TestJournalFacts", "the journal's pods are judged again"},
			{"e2e", "TestRecordingIsJudgedTheSame", "verify(record) = verify(live)"},
		}},
		{"I10", "stopping is safe", "Cilium runs on under the old owner or the new one", []Proof{
			{"plugin/handover", "TestInterrupted", "Ctrl-C at every request of a run"},
			{"plugin/handover", "TestDrillInterrupted", "Ctrl-C during a drill undoes it"},
		}},
	}
}
