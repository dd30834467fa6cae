package faults

// Faults are what the programs survive.
func Faults() []Row { return append(theCluster(), theInput()...) }

// theCluster are faults of API servers, of other operators and of what runs.
func theCluster() []Row {
	return []Row{
		{"R1", "API server lost at every request of a run", "no double effect; resume converges", []Proof{
			{"plugin/act", "TestFault_R01_EveryActionAtEveryRequest", "each HTTP request of each action: lost before, after, 503, nobody there for a while"},
			{"plugin/handover", "TestFault_R01_EveryRequestOfARun", "each request of a run, on the model: no effect, or no answer"},
			{"plugin/handover", "TestAPIServerAwayForAWhile", "no answer for a stretch, beginning at each request"},
			{"plugin/act", "TestJournalAnswersLost", "each answer to a journal's write is lost"},
			{"e2e", "TestFaults", "a real run behind a proxy that loses every so many requests"},
		}},
		{"R2", "kill -9 at every step", "as R1", []Proof{
			{"plugin/handover", "TestFault_R02_KilledAtEveryRequest", "before and after each request of a run, and every so many requests until it gets through"},
			{"plugin/handover", "TestDrillKilledAgainAndAgain", "the same for drills"},
			{"e2e", "TestHandoverKilled", "a real run"},
			{"e2e", "TestRollbackKilled", "a real rollback"},
			{"plugin/act", "TestDateKilled", "between the two writes of dating"},
		}},
		{"R3", "exec forbidden; any single verb forbidden", "unknown, exit 3, names the verb", []Proof{
			{"plugin/live", "TestFault_R03_Forbidden", "each path in turn, and exec: what needs it is unknown, for that verb"},
			{"e2e", "TestEachRightMissing", "one verb of one resource of the shipped role at a time"},
			{"e2e", "TestExecForbidden", "pods/exec and pods/portforward"},
		}},
		{"R4", "429 with Retry-After, 503, reset, slow and halved answers, a watch that ends, 410", "retried within budget; no gap in the restart evidence", []Proof{
			{"plugin/live", "TestFault_R04_Reads", "each fault at each request of a gathering"},
			{"plugin/act", "TestChangedThroughFaults", "a watch ends, is reset, is too old, or the server is busy, and a pod is replaced meanwhile: it is seen"},
			{"plugin/act", "TestRetries", "reads are repeated, within bounds; writes are not"},
			{"e2e", "TestFaultsSample", "verify of real clusters behind the proxy"},
		}},
		{"R6", "no Flux CRDs, no Gateway API, old served versions", "skip or fail with a reason", []Proof{
			{"plugin/live", "TestFault_R06_NotServed", "each kind that may be missing; only older versions are served"},
			{"plugin/act", "TestWatchWithoutFlux", "pods are watched where HelmRelease is not served"},
			{"plugin/check", "TestOneFieldGone", "any one field of the facts is missing: no panic, no pass for want of it"},
		}},
		{"R7", "two operators at once; the holder dies; clocks 1 h apart", "one acts; taken over only when the lease is seen to be stale", []Proof{
			{"plugin/act", "TestFault_R07_Lock", "a living holder and a dead one, clocks an hour apart; two at once"},
			{"plugin/act", "TestLostWhileAnswersHang", "the holder knows in time, although its renewal hangs"},
		}},
		{"R8", "helm-controller acts between our read and our patch", "optimistic lock", []Proof{
			{"plugin/act", "TestFault_R08_Conflict", "somebody writes between look and write: nothing is written"},
			{"plugin/act", "TestPatchLooksAgain", "status is no conflict, spec is"},
			{"plugin/handover", "TestSomebodyElseMovesTheRelease", "a helmfile between plan and adoption"},
		}},
		{"R10", "release pending, failed, missing, or in two namespaces", "a named finding; no automatic repair", []Proof{
			{"plugin/handover", "TestFault_R10_Release", "pending, failed, missing, a second one, one by another name"},
			{"e2e", "TestRefusals", "the same on real records"},
			{"plugin/check", "TestFixtures", "CG120, CG122"},
		}},
		{"R20", "an agent's pod dies during the run", "seen, stopped, next cluster not begun, exit 4", []Proof{
			{"plugin/handover", "TestFault_R20_PodReplacedMeanwhile", "at each request of a run"},
			{"e2e", "TestHandoverStopsAtALostPod", "a real run"},
		}},
		{"R22", "a second manager writes what we write", "refused or stopped, with the manager's name", []Proof{
			{"plugin/handover", "TestFault_R22_FlippedBack", "another manager sets spec.suspend, either way, once or always, from each request of a run on"},
			{"plugin/handover", "TestRefusals", "HP204: Argo CD and its like own fields of Cilium's objects"},
			{"plugin/act", "TestHandFieldsCrowded", "somebody is always quicker: it gives up and names the object"},
			{"plugin/act", "TestSuspendLasts", "a suspension that another manager would take back is made to last"},
		}},
	}
}

// theInput are faults of what is read: files, text, the machine.
func theInput() []Row {
	return []Row{
		{"R9", "the plan is older than the world", "refused", []Proof{
			{"plugin/cli/fluxhandover", "TestFault_R09_OlderThanTheWorld", "a plan that was shown, and then each thing of the world that it remembers is another"},
			{"plugin/cli/fluxhandover", "TestChanged", "what counts as changed"},
		}},
		{"R11", "wrong releaseName, storageNamespace, targetNamespace, chart name", "refused: would install, not adopt", []Proof{
			{"plugin/handover", "TestFault_R11_Names", "each name, and a HelmRelease in another namespace or a second one"},
			{"e2e", "TestRefusals", "on real trees and clusters, by plan and by run"},
		}},
		{"R12", "remediation by uninstall, force, prune without orphan", "lint and plan refuse", []Proof{
			{"plugin/lint", "TestFault_R12_Tree", "CGL212, CGL213, CGL214, CGL216, CGL221, CGL222, CGL414"},
			{"plugin/handover", "TestFault_R12_Remediation", "HP105 to HP108, HP110, in the tree that the plan is made from"},
		}},
		{"R13", "gzip bomb, deep JSON, truncated base64 in a release secret", "an error at once; memory bounded", []Proof{
			{"plugin/live", "TestFault_R13_Records", "each of them in a record, with the memory measured"},
			{"plugin/chart", "TestFault_R13_Bombs", "the same where records are rendered from, and in archives of charts and trees: few large files, many small ones"},
			{"plugin/live", "FuzzRelease", "the decoder"},
		}},
		{"R14", "YAML bombs, million-line values, template loops", "bounded time and memory", []Proof{
			{"plugin/repo", "TestHostileTreesAreNamedProblems", "aliases, depth, growth by substitution, circles"},
			{"plugin/repo", "TestLinksAndHugeFiles", "files too large, links that lead away"},
			{"plugin/cli", "TestFault_R14_Bombs", "the whole command over such a file"},
		}},
		{"R15", "terminal escapes, bidi, long messages, markup", "neutralised in text, escaped in each format", []Proof{
			{"plugin/check", "TestFault_R15_HostileText", "every text of a recording"},
			{"plugin/report", "TestVerificationInEveryFormat", "each format of a verification"},
			{"plugin/report", "TestHostileNames", "diff and impact"},
			{"plugin/report", "TestHostileStory", "the story of a run, in HTML and markdown"},
			{"plugin/report", "TestReportsAreReadByOthers", "each report format is parsed again"},
			{"plugin/report", "TestPrometheusQuotesLabels", "labels"},
		}},
		{"R17", "a kubeconfig's exec plugin hangs or prints junk; no such context", "a clear error within the timeout; others unhurt", []Proof{
			{"plugin/cli", "TestFault_R17_Kubeconfig", "plugins that hang, print junk, fail, are missing; contexts and files that are none"},
		}},
		{"R18", "disk full, read-only HOME, closed stdout", "a clean exit, nothing half-written", []Proof{
			{"plugin/cli", "TestFault_R18_Files", "each command that writes, to a full device, into a file in the way, to a closed stdout, without a HOME"},
			{"plugin/act", "TestBackupIsWholeOrNot", "each write of a backup fails in turn"},
			{"plugin/files", "TestAllOrNone", "a runbook's pages and scaffold's trees: each call to the disk fails in turn"},
			{"plugin/cli/fluxhandover", "TestReplaceLeavesNothingHalfWritten", "the journal"},
			{"plugin/report", "TestTargetReplacesItsFileWhole", "reports"},
		}},
		{"R19", "canary secrets in values, valuesFrom, release, errors", "none in any output", []Proof{
			{"e2e", "TestFaults", "both programs' whole command set: raw, base64, gzip in stdout, stderr, and all files written"},
			{"plugin/chart", "TestFault_R19_Canaries", "whatever a chart does with a secret"},
			{"e2e", "TestRecordingHoldsNoSecret", "a recording"},
		}},
		{"R23", "drift detection loops on Helm-made Hubble certificates", "a lint rule and a finding of verify", []Proof{
			{"plugin/lint", "TestFault_R23_Ignored", "CGL224: their Secrets are not left alone"},
			{"plugin/check", "TestFault_R23_CertificatesComeBack", "CG203: what Flux corrects, and that it comes back"},
		}},
		{"R24", "shuffled maps and lists, any GOMAXPROCS, -race", "identical output", []Proof{
			{"plugin/cli", "TestFault_R24_SameOutput", "each answer with GOMAXPROCS 1, 2 and 8, maps walked in another order each time"},
			{"plugin/live", "TestFault_R24_ShuffledLists", "an API server lists in 20 other orders"},
			{"plugin/check", "TestSameVerdictInAnyOrder", "checks in any order"},
			{"plugin/compare", "TestOrderChangesNothing", "clusters in any order"},
			{"plugin/lint", "TestAlwaysTheSame", "trees read again and again"},
		}},
	}
}
