package handover_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// drillInput is what drills on the ground are planned from.
func (g *ground) drillInput(t testing.TB) handover.DrillInput {
	t.Helper()
	f := g.facts()
	f.Seen = handover.DrillParts()
	in := handover.DrillInput{Facts: f, Objects: map[handover.Ref]json.RawMessage{}, Danger: true, File: "cilium/helmrelease.yaml", Value: "run-1"}
	for _, ref := range handover.DrillObjects(f) {
		raw, err := g.image(ref)
		if err != nil {
			t.Fatal(err)
		}
		in.Objects[ref] = raw
	}
	return in
}

// drill holds a drill, or undoes what another process left of one.
func (g *ground) drill(t testing.TB, d handover.Drill) error {
	t.Helper()
	r := &handover.Runner{World: g, Journal: g, Clock: g, Holder: "me"}
	j, err := g.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if j.Unfinished() {
		return g.undo(t, j, false)
	}
	p := handover.MakeDrill(d, g.drillInput(t))
	if !p.Ready {
		t.Fatalf("%s is not ready: %+v", d.Name, p.Refusals)
	}
	return r.Drill(t.Context(), p, r.Begin(p, "run"))
}

// undo undoes what another process left of a drill.
func (g *ground) undo(t testing.TB, j *handover.Journal, accept bool) error {
	t.Helper()
	r := &handover.Runner{World: g, Journal: g, Clock: g, Holder: "me"}
	p, err := handover.UndoDrill(g.drillInput(t).Facts, j, g.drillInput(t).File)
	if err != nil {
		t.Fatal(err)
	}
	j.Distrust()
	p.Drill.Accept = accept
	return r.Drill(t.Context(), p, j)
}

// seen is a ground on which each drill shows what it is for.
func seen(t testing.TB, d handover.Drill) *ground {
	g := newGround(t)
	g.notice = d.Name == "health-operator"
	return g
}

func TestDrills(t *testing.T) {
	for _, d := range handover.Drills() {
		t.Run(d.Name, func(t *testing.T) {
			g := seen(t, d)
			before := g.end(t)
			if err := g.drill(t, d); err != nil {
				t.Fatalf("%v\n%s", err, strings.Join(g.writes, "\n"))
			}
			if diff := cmp.Diff(before, g.end(t)); diff != "" || len(g.naked) > 0 {
				t.Errorf("not as it was (-before +after):\n%s%v\n%s", diff, g.naked, strings.Join(g.writes, "\n"))
			}
			j, err := g.Load(t.Context())
			if err != nil || j.Phase != handover.Finished || j.Result.Outcome != facts.DrillShown || j.Result.Text == "" {
				t.Errorf("journal %v: %+v %+v", err, j.Phase, j.Result)
			}
			kept := g.facts().Live.HelmReleases[0].Drills[d.Name]
			if diff := cmp.Diff(*j.Result, kept); diff != "" {
				t.Errorf("what is kept (-journal +HelmRelease):\n%s", diff)
			}
			if d.Name != "stable" && len(j.Plan.Undo) == 0 {
				t.Error("nothing undoes it")
			}
		})
	}
}

// TestDrillKilledAtEveryRequest: for every request of every drill the process is killed before or after it, or the
// answer is lost, or the API server is away; whoever comes next leaves everything as it was, and at no moment is there
// a rolling update together with the mark.
func TestDrillKilledAtEveryRequest(t *testing.T) {
	for _, d := range handover.Drills() {
		t.Run(d.Name, func(t *testing.T) {
			quiet := seen(t, d)
			before := quiet.end(t)
			if err := quiet.drill(t, d); err != nil {
				t.Fatal(err)
			}
			if quiet.requests < 25 {
				t.Fatalf("only %d requests", quiet.requests)
			}
			for n := range quiet.requests {
				for _, f := range []fault{lost, answerLost, killBefore, killAfter} {
					g := seen(t, d)
					g.fault = at(n, f)
					undone(t, g, d, before, fmt.Sprintf("fault %d at request %d", f, n))
				}
			}
		})
	}
}

// TestDrillKilledAgainAndAgain: the process is killed at every so many requests.
func TestDrillKilledAgainAndAgain(t *testing.T) {
	for _, d := range handover.Drills() {
		before := seen(t, d).end(t)
		for every := 5; every < 20; every++ {
			g := seen(t, d)
			g.fault = func(i int, _ string) fault {
				if i%every == every-1 {
					return killAfter
				}
				return none
			}
			undone(t, g, d, before, fmt.Sprintf("%s killed every %d requests", d.Name, every))
		}
	}
}

// undone holds a drill, then undoes it as often as it takes.
func undone(t *testing.T, g *ground, d handover.Drill, before, what string) {
	t.Helper()
	err := g.drill(t, d)
	for range 40 {
		g.killed = false
		j, loadErr := g.Load(t.Context())
		if loadErr != nil {
			t.Fatal(loadErr)
		}
		if !j.Unfinished() {
			break
		}
		err = g.drill(t, d)
	}
	if j, _ := g.Load(t.Context()); j.Unfinished() {
		t.Errorf("%s: never ends: %v", what, err)
	}
	if diff := cmp.Diff(before, g.end(t)); diff != "" || len(g.naked) > 0 {
		t.Errorf("%s: not as it was (-before +after):\n%s%v", what, diff, g.naked)
	}
}

// TestDrillStopsWhenAPodIsReplaced: an agent is replaced at each moment of the drills that touch none.
func TestDrillStopsWhenAPodIsReplaced(t *testing.T) {
	for _, d := range handover.Drills() {
		before := seen(t, d).end(t)
		quiet := seen(t, d)
		if err := quiet.drill(t, d); err != nil {
			t.Fatal(err)
		}
		stopped := 0
		for n := range quiet.requests {
			g := seen(t, d)
			g.fault = func(i int, _ string) fault {
				if i == n {
					g.live.Pods = slices.Clone(g.live.Pods)
					at := slices.IndexFunc(g.live.Pods, func(p facts.Pod) bool { return p.Owner == "DaemonSet/cilium" })
					g.live.Pods[at].UID = "another"
				}
				return none
			}
			err := g.drill(t, d)
			if diff := cmp.Diff(before, g.end(t)); diff != "" || len(g.naked) > 0 {
				t.Errorf("%s, pod replaced at request %d: not as it was:\n%s%v", d.Name, n, diff, g.naked)
			}
			var stop *handover.Stop
			if errors.As(err, &stop) && stop.Kind == handover.StopGuard {
				stopped++
				if j, _ := g.Load(t.Context()); len(j.Seen) == 0 {
					t.Errorf("%s, pod replaced at request %d: the journal does not say which", d.Name, n)
				}
			}
		}
		if stopped == 0 {
			t.Errorf("%s: no replaced pod stopped it", d.Name)
		}
	}
}

// TestDrillInterrupted: what the user interrupts is undone before the process ends.
func TestDrillInterrupted(t *testing.T) {
	for _, d := range handover.Drills() {
		quiet := seen(t, d)
		before := quiet.end(t)
		if err := quiet.drill(t, d); err != nil {
			t.Fatal(err)
		}
		interrupted := 0
		for n := range quiet.requests {
			g := seen(t, d)
			ctx, cancel := context.WithCancel(t.Context())
			g.fault = func(i int, _ string) fault {
				if i == n {
					cancel()
				}
				return none
			}
			p := handover.MakeDrill(d, g.drillInput(t))
			r := &handover.Runner{World: g, Journal: g, Clock: g}
			j := r.Begin(p, "run")
			err := r.Drill(ctx, p, j)
			cancel()
			if err != nil {
				interrupted++
			}
			if diff := cmp.Diff(before, g.end(t)); diff != "" || len(g.naked) > 0 || j.Phase != handover.Finished {
				t.Errorf("%s interrupted at request %d: %v, phase %s:\n%s%v", d.Name, n, err, j.Phase, diff, g.naked)
			}
		}
		if interrupted < quiet.requests/3 {
			t.Errorf("%s: %d of %d interruptions stopped it", d.Name, interrupted, quiet.requests)
		}
	}
}

// TestDrillThatShowsNothing: what was to be seen is not, and everything is as it was all the same.
func TestDrillThatShowsNothing(t *testing.T) {
	for name, row := range map[string]struct {
		drill, text string
		spoil       func(*ground)
		untouched   bool
	}{
		"no drift detection behind it":  {"drift-child", "still has label app.kubernetes.io/name: drill-run-1", func(g *ground) { g.idle = true }, false},
		"wait: true":                    {"health-agent", "has wait: true, and ignores its health checks", func(g *ground) { g.wait = true }, true},
		"no health check of the agents": {"health-agent", "has no health check of DaemonSet/kube-system/cilium", func(g *ground) { g.checks = g.checks[1:] }, true},
		"nor of the operator":           {"health-rollout", "has no health check of Deployment/kube-system/cilium-operator", func(g *ground) { g.checks = g.checks[:1] }, true},
		"0 of 0 is healthy":             {"health-operator", "is healthy to it: 0 of 0 pods", func(g *ground) { g.notice = false }, false},
	} {
		d, _ := handover.DrillNamed(row.drill)
		g := seen(t, d)
		row.spoil(g)
		before := g.end(t)
		err := g.drill(t, d)
		if err == nil || !strings.Contains(err.Error(), row.text) {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(before, g.end(t)); diff != "" || len(g.naked) > 0 {
			t.Errorf("%s: not as it was:\n%s%v", name, diff, g.naked)
		}
		if kept := g.facts().Live.HelmReleases[0].Drills[row.drill]; kept.Outcome != facts.DrillNotShown || !strings.Contains(kept.Text, row.text) {
			t.Errorf("%s: %+v is kept", name, kept)
		}
		if row.untouched && len(g.writes) != 1 {
			t.Errorf("%s: it writes more than its result: %v", name, g.writes)
		}
	}
}

// TestStoppedDrillKeepsTheResultBefore: a drill that ended before there was anything to see says nothing.
func TestStoppedDrillKeepsTheResultBefore(t *testing.T) {
	d, _ := handover.DrillNamed("health-agent")
	g := seen(t, d)
	if err := g.drill(t, d); err != nil {
		t.Fatal(err)
	}
	was := g.facts().Live.HelmReleases[0].Drills[d.Name]
	g.journal = nil
	g.fault = func(_ int, what string) fault {
		if what == "suspend HelmRelease" {
			return lost
		}
		return none
	}
	err := g.drill(t, d)
	if diff := cmp.Diff(was, g.facts().Live.HelmReleases[0].Drills[d.Name]); err == nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
}

// TestLatePodIsReplacedOnlyWhenAccepted: a pod that came while the template was marked is another than the template for
// ever. The DaemonSet then goes on waiting for somebody to delete pods, until the user accepts that this one is.
func TestLatePodIsReplacedOnlyWhenAccepted(t *testing.T) {
	d, _ := handover.DrillNamed("health-agent")
	g := seen(t, d)
	late := false
	g.fault = func(_ int, what string) fault {
		if !late && g.mark() != "" && what == "reconcile Kustomization" {
			late = true
			for uid := range g.pods {
				delete(g.pods, uid)
				g.pods["late"] = g.mark()
				g.live.Pods = slices.Clone(g.live.Pods)
				i := slices.IndexFunc(g.live.Pods, func(p facts.Pod) bool { return p.UID == uid })
				g.live.Pods[i].UID = "late"
				break
			}
		}
		return none
	}
	err := g.drill(t, d)
	j, _ := g.Load(t.Context())
	if !j.Unfinished() || g.rolling() || len(g.naked) > 0 || !strings.Contains(fmt.Sprint(err), "--undo --allow-danger") {
		t.Fatalf("%v, phase %s, rolling %t %v", err, j.Phase, g.rolling(), g.naked)
	}
	if err := g.undo(t, j, true); err == nil {
		t.Error("a replaced pod is no failure")
	}
	if j, _ := g.Load(t.Context()); j.Phase != handover.Finished || !g.rolling() || g.suspended() {
		t.Errorf("phase %s, rolling %t, suspended %t", j.Phase, g.rolling(), g.suspended())
	}
}

// noDrill is a row for each drill that is refused.
var noDrill = map[string]struct {
	drill, id string
	spoil     func(*handover.DrillInput)
}{
	"blind":                         {"stable", "HP601", func(in *handover.DrillInput) { in.Facts.Seen = in.Facts.Seen[:3] }},
	"an object that cannot be read": {"health-agent", "HP601", func(in *handover.DrillInput) { in.Objects = nil }},
	"suspended":                     {"stable", "HP602", func(in *handover.DrillInput) { in.Facts.Live.HelmReleases[0].Suspend = true }},
	"not handed over":               {"health-agent", "HP602", func(in *handover.DrillInput) { in.Facts.Live.HelmReleases = nil }},
	"a run unfinished":              {"stable", "HP603", func(in *handover.DrillInput) { in.Busy = "run 1 is unfinished" }},
	"not accepted":                  {"health-operator", "HP604", func(in *handover.DrillInput) { in.Danger = false }},
	"drift only warned":             {"drift-child", "HP605", func(in *handover.DrillInput) { in.Facts.Live.HelmReleases[0].DriftDetection = "warn" }},
	"drift ignored": {"drift-child", "HP605", func(in *handover.DrillInput) {
		in.Objects[releaseRef] = json.RawMessage(`{"spec":{"driftDetection":{"ignore":[{"paths":["/metadata"],"target":{"kind":"Deploy.*"}}]}}}`)
	}},
	"a dirty checkout": {"git-change", "HP606", func(in *handover.DrillInput) { in.Checkout = "it has changes" }},
	"no checkout":      {"git-change", "HP606", func(in *handover.DrillInput) { in.File = "" }},
}

func TestNoDrill(t *testing.T) {
	for name, row := range noDrill {
		d, found := handover.DrillNamed(row.drill)
		in := newGround(t).drillInput(t)
		if p := handover.MakeDrill(d, in); !found || !p.Ready {
			t.Fatalf("%s: not ready before anything is wrong: %+v", name, p.Refusals)
		}
		row.spoil(&in)
		p := handover.MakeDrill(d, in)
		if p.Ready || !slices.ContainsFunc(p.Refusals, func(r handover.Refusal) bool { return r.ID == row.id }) {
			t.Errorf("%s: %+v", name, p.Refusals)
		}
	}
}

// TestDrillPlans holds what every drill's plan is held to.
func TestDrillPlans(t *testing.T) {
	for _, d := range handover.Drills() {
		p := handover.MakeDrill(d, newGround(t).drillInput(t))
		if p.Drill.Takes <= 0 || p.Drill.Bound < p.Drill.Takes || p.Drill.Bound > 2*time.Hour {
			t.Errorf("%s takes %s, at most %s", d.Name, p.Drill.Takes, p.Drill.Bound)
		}
		ids := map[string]bool{}
		for _, s := range slices.Concat(p.Steps, p.Undo) {
			if ids[s.ID] {
				t.Errorf("%s has two steps %s", d.Name, s.ID)
			}
			ids[s.ID] = true
			for _, a := range s.Do {
				if a.Verb == handover.Patch && a.Change == nil {
					t.Errorf("%s, step %s: a patch of nothing", d.Name, s.ID)
				}
			}
		}
		if !slices.ContainsFunc(p.Rights(), func(r handover.Right) bool { return r.Name == handover.DrillJournalName && r.Verb == "update" }) {
			t.Errorf("%s: its rights lack its journal: %+v", d.Name, p.Rights())
		}
	}
	p := handover.MakeDrill(handover.Drills()[2], newGround(t).drillInput(t))
	if !slices.Contains(p.Notes, "drift is ignored of Secret every name: /data") {
		t.Errorf("notes %q", p.Notes)
	}
}

// TestDrillWaitsForFluxAtWork: what is only being worked on may be well in a moment, what has failed or is held is not.
func TestDrillWaitsForFluxAtWork(t *testing.T) {
	ready := func(status string) []facts.Condition {
		return []facts.Condition{{Type: "Ready", Status: status, Reason: "any"}}
	}
	for name, c := range map[string]struct {
		spoil   func(*facts.Live)
		working bool
	}{
		"well":                         {func(*facts.Live) {}, false},
		"the release is corrected":     {func(l *facts.Live) { l.HelmReleases[0].Conditions = ready("Unknown") }, true},
		"the Kustomization reconciles": {func(l *facts.Live) { l.Kustomizations[0].Conditions = ready("Unknown") }, true},
		"the release has failed":       {func(l *facts.Live) { l.HelmReleases[0].Conditions = ready("False") }, false},
		"one works, one has failed": {func(l *facts.Live) {
			l.HelmReleases[0].Conditions, l.Kustomizations[0].Conditions = ready("Unknown"), ready("False")
		}, false},
		"the release is suspended": {func(l *facts.Live) { l.HelmReleases[0].Conditions, l.HelmReleases[0].Suspend = ready("Unknown"), true }, false},
	} {
		in := newGround(t).drillInput(t)
		in.Facts.Live.HelmReleases, in.Facts.Live.Kustomizations = slices.Clone(in.Facts.Live.HelmReleases), slices.Clone(in.Facts.Live.Kustomizations)
		c.spoil(&in.Facts.Live)
		if p := handover.MakeDrill(handover.Drills()[0], in); p.Drill.Working != c.working || p.Ready != (name == "well") {
			t.Errorf("%s: working %t, ready %t: %v", name, p.Drill.Working, p.Ready, p.Refusals)
		}
	}
}
