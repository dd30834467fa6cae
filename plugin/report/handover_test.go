package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
	"github.com/cilium-gitops/cilium-gitops/plugin/internal/golden"
)

var morning = time.Date(2026, 11, 22, 9, 12, 0, 0, time.UTC)

func ready() *handover.Plan {
	hr := handover.Ref{APIVersion: "helm.toolkit.fluxcd.io/v2", Kind: "HelmRelease", Namespace: "kube-system", Name: "cilium"}
	changes := impact.Of(adopted(), adopted().Rendered)
	return &handover.Plan{
		Cluster: "infra", Context: "admin@infra", Server: "https://10.25.11.10:6443", UID: "4f1c2a3b", Strategy: handover.Adopt, Ready: true,
		Weighed: []handover.Weighed{
			{Strategy: handover.Adopt, Possible: true, Chosen: true, Why: "Flux upgrades release cilium from revision 1 to 2; nothing is removed"},
			{Strategy: handover.TakeOver, Why: "Helm has a record: adopting it is gentler"},
			{Strategy: handover.Reinstall, Why: "never: between the two there is no network"},
		},
		Refusals: []handover.Refusal{}, Notes: []string{"Flux does not have this commit yet"},
		Impact: handover.Impact{Summary: impact.Sum(adopted(), adopted().Rendered, changes), Changes: changes},
		Steps: []handover.Step{
			{ID: handover.StepPreflight, Title: "preflight", Until: []handover.Want{handover.SameWorld}, Within: time.Minute},
			{ID: handover.StepHold, Title: "hold", Do: []handover.Action{{Verb: handover.Suspend, Ref: hr, Manager: handover.FluxCLI, Why: "whoever made it"}}, Until: []handover.Want{handover.Held}, Guard: []check.ID{"CG401"}, Within: time.Minute},
			{ID: handover.StepSoak, Title: "soak", Until: []handover.Want{handover.Released}, For: 10 * time.Minute, Within: 12 * time.Minute},
		},
		Touches: []handover.Touch{{Ref: hr, Verbs: []string{"create", "patch"}, As: []string{handover.FluxCLI, handover.KustomizeController}}},
		World:   handover.State{Revision: 1, Status: "deployed", Nodes: 3}, Digest: "0123",
	}
}

func refused() *handover.Plan {
	p := ready()
	p.Cluster, p.Context, p.Server, p.UID, p.Ready, p.Notes = "apps", "apps", "https://10.25.12.10:6443", "", false, nil
	p.Refusals = []handover.Refusal{
		{ID: "HP105", Reason: "a failed install would be uninstalled", Hint: "Set install.strategy.name: RetryOnFailure.", Evidence: []check.Evidence{{Where: "hr.yaml:1 spec.install.remediation", Got: "retries 3", Want: "strategy RetryOnFailure"}}},
		{ID: "HP101", Reason: "the cluster does not say which one it is", Hint: "The run has to get Namespace kube-system: kubectl auth can-i get ns/kube-system", Unknown: true},
	}
	return p
}

const runCommand = "flux handover run --context infra --context apps --sequence infra,apps"

func TestPlanDocuments(t *testing.T) {
	done := &handover.Plan{Cluster: "infra", Context: "infra", UID: "4f1c2a3b", Done: true, Ready: true, Refusals: []handover.Refusal{}}
	hostile := ready()
	hostile.Notes = []string{"<script>alert(1)</script> | `x` *y*\nz"}
	for name, doc := range map[string]Plan{
		"plan-ready":   NewPlan([]*handover.Plan{ready()}, 10*time.Minute, nil, runCommand),
		"plan-refused": NewPlan([]*handover.Plan{ready(), refused()}, time.Minute, []string{"DaemonSet/cilium"}, runCommand),
		"plan-done":    NewPlan([]*handover.Plan{done}, time.Minute, nil, runCommand),
		"plan-hostile": NewPlan([]*handover.Plan{hostile}, time.Minute, nil, runCommand),
	} {
		t.Run(name, func(t *testing.T) { assertFormats(t, name, doc, "table", "wide", "json", "name", "markdown", "html") })
	}
}

// TestPlanTellsWhatToRun: the command is there only where every cluster is ready and something is to do.
func TestPlanTellsWhatToRun(t *testing.T) {
	if doc := NewPlan([]*handover.Plan{ready(), refused()}, 0, nil, runCommand); doc.Ready || len(doc.Next) > 0 || doc.Cluster != "infra,apps" || len(doc.Refusals) != 2 {
		t.Errorf("one of two is refused; got ready %v, next %v, cluster %q, %d refusals", doc.Ready, doc.Next, doc.Cluster, len(doc.Refusals))
	}
	if doc := NewPlan(nil, 0, nil, runCommand); doc.Ready || len(doc.Next) > 0 {
		t.Error("a plan for no cluster is not ready")
	}
	takesOver := ready()
	takesOver.Strategy = handover.TakeOver
	if doc := NewPlan([]*handover.Plan{ready(), takesOver}, 0, nil, runCommand); doc.Strategy != "" || len(doc.Next) != 1 {
		t.Errorf("clusters with several strategies have no common one; got %q and %v", doc.Strategy, doc.Next)
	}
}

func journal(phase handover.RunPhase) *handover.Journal {
	pod := func(uid, container string) facts.Pod {
		return facts.Pod{
			Namespace: "kube-system", Name: "cilium-" + uid, UID: uid, Labels: map[string]string{"app.kubernetes.io/part-of": "cilium"},
			Containers: []facts.Container{{Name: "cilium-agent", ID: container}},
		}
	}
	j := &handover.Journal{
		Kind: handover.JournalKind, Run: "20261122T091200Z-4f1c", Cluster: "infra", Context: "admin@infra", UID: "4f1c2a3b", Holder: "ann@bastion",
		Strategy: handover.Adopt, Phase: phase, Began: morning, Backup: "/var/lib/state/infra/backup",
		Base: &facts.Live{Pods: []facts.Pod{pod("a", "1"), pod("b", "1"), {Namespace: "kube-system", Name: "coredns", UID: "c"}}},
		Steps: []handover.StepRecord{
			{ID: handover.StepPreflight, Title: "preflight", Began: morning, Ended: morning.Add(1200 * time.Millisecond), Text: "40 checks"},
			{ID: handover.StepAdopt, Title: "adopt", Began: morning.Add(2 * time.Second), Begun: 1},
			{ID: handover.StepSoak, Title: "soak"},
		},
	}
	switch phase {
	case handover.Finished:
		j.Steps[1].Ended, j.Steps[2].Began, j.Steps[2].Ended = morning.Add(6*time.Second), morning.Add(6*time.Second), morning.Add(11*time.Minute)
		j.Ended, j.Proof = morning.Add(11*time.Minute), j.Base
	case handover.Frozen:
		j.Stop = "step adopt: CG401: a pod was replaced"
		j.Seen = []handover.PodEvent{{Time: morning.Add(4 * time.Second), Pod: "Pod/kube-system/cilium-b", Text: "container cilium-agent restarted"}}
		j.Proof = &facts.Live{Pods: []facts.Pod{pod("a", "1")}}
	case handover.Running, handover.RolledBack, handover.Undoing:
	}
	return j
}

func names() facts.Expect {
	return facts.Expect{Cilium: facts.Names{Namespace: "kube-system", Release: "cilium", DaemonSet: "cilium"}}
}

func TestRunDocuments(t *testing.T) {
	finished, stopped, going := OfJournal(journal(handover.Finished), names()), OfJournal(journal(handover.Frozen), names()), OfJournal(journal(handover.Running), names())
	finished.Evidence = "/var/lib/state/infra/evidence.yaml"
	for name, doc := range map[string]Run{
		"run-finished": NewRun([]RunCluster{finished, {Cluster: "apps", Outcome: RunNothing}}, nil),
		"run-stopped":  NewRun([]RunCluster{stopped, {Cluster: "apps", Outcome: RunNot}}, []string{"flux handover run --context infra --resume"}),
		"run-going":    NewRun([]RunCluster{going, {Cluster: "apps", Outcome: RunNone}}, nil),
	} {
		t.Run(name, func(t *testing.T) { assertFormats(t, name, doc, "table", "wide", "json", "name") })
	}
	if *finished.Untouched != 2 || finished.Pods != 2 || *stopped.Untouched != 1 || going.Untouched != nil {
		t.Errorf("pods: finished %d of %d, stopped %d, going %v", *finished.Untouched, finished.Pods, *stopped.Untouched, going.Untouched)
	}
}

// TestPhasesHaveOutcomes: every phase of a run is called by its own name; a drill that puts everything back has not stopped.
func TestPhasesHaveOutcomes(t *testing.T) {
	for phase, want := range map[handover.RunPhase]RunOutcome{
		handover.Running: RunGoing, handover.Frozen: RunStopped, handover.Finished: RunFinished, handover.RolledBack: RunRolledBack, handover.Undoing: RunUndoing,
	} {
		if got := OfJournal(journal(phase), names()).Outcome; got != want {
			t.Errorf("%s is called %q, not %q", phase, got, want)
		}
	}
}

func assertFormats(t *testing.T, name string, doc Doc, formats ...string) {
	t.Helper()
	for _, format := range formats {
		var f Format
		if err := f.Set(format); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := Print(&out, f, doc, Style{}); err != nil {
			t.Fatal(err)
		}
		golden.Assert(t, out.String(), "handover-"+name+"."+format)
	}
}

// events are those of a run that waits, goes on, and is stopped.
func events() []handover.Event {
	at := func(kind handover.EventKind, step, text string, untouched int, elapsed time.Duration) handover.Event {
		return handover.Event{Time: morning, Cluster: "infra", Step: step, Title: step, Kind: kind, Text: text, Pods: 11 * min(untouched, 1), Untouched: untouched, Elapsed: elapsed}
	}
	return []handover.Event{
		at(handover.Began, handover.StepPreflight, "", 0, 0),
		at(handover.Ended, handover.StepPreflight, "40 checks", 0, 300*time.Millisecond),
		at(handover.Began, handover.StepHold, "", 0, 0),
		at(handover.Doing, handover.StepHold, "apply HelmRelease/kube-system/cilium", 0, 0),
		at(handover.Waiting, handover.StepHold, "the HelmRelease is not there", 11, time.Second),
		at(handover.Waiting, handover.StepHold, "the HelmRelease is not there", 11, 2*time.Second),
		at(handover.Waiting, handover.StepHold, "helm-controller\x1b[2J still works", 10, 3*time.Second),
		at(handover.Stopped, handover.StepHold, "CG401: a pod was replaced", 10, 75*time.Second),
		at(handover.Froze, handover.StepHold, "Flux's objects are suspended", 0, 0),
	}
}

func TestRunView(t *testing.T) {
	for name, style := range map[string]Style{"plain": {}, "terminal": {Width: 60, Color: true, Unicode: true}} {
		var out bytes.Buffer
		v := NewRunView(&out, style)
		v.Cluster(ready())
		for _, e := range events() {
			v.Tell(e)
		}
		v.Close()
		if strings.Contains(out.String(), "\x1b[2J") {
			t.Errorf("%s: a cluster's text reaches the terminal as it is", name)
		}
		golden.Assert(t, strings.ReplaceAll(out.String(), "\r", "<cr>"), "handover-view-"+name)
	}
}

// TestRunViewIsSilentAboutTheSame: without a terminal nothing is said twice.
func TestRunViewIsSilentAboutTheSame(t *testing.T) {
	var out bytes.Buffer
	v := NewRunView(&out, Style{})
	for _, left := range []string{"9m", "9m", "8m50s"} {
		v.Tell(handover.Event{Kind: handover.Waiting, Step: "soak", Text: left + " left"})
	}
	if n := strings.Count(out.String(), " left"); n != 1 {
		t.Errorf("said %d times:\n%s", n, out.String())
	}
}

func TestEventsAreLinesOfJSON(t *testing.T) {
	var out bytes.Buffer
	tell := Events(&out)
	for _, e := range events() {
		tell(e)
	}
	if err := PrintLine(&out, NewRun(nil, nil)); err != nil {
		t.Fatal(err)
	}
	golden.Assert(t, out.String(), "handover-events.json")
}
