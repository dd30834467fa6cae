package fluxhandover

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// aRunOf is a journal of that name, kept that often.
func aRunOf(run string, began time.Time, count int64, phase handover.RunPhase) *handover.Journal {
	j := aJournal("uid-infra", began)
	j.Run, j.Count, j.Phase, j.Cluster = run, count, phase, "infra"
	j.Steps[0].Begun = 1
	return j
}

// TestFinding_M18_TheClustersRunCounts: a run of this machine whose clock was ahead is not taken for the cluster's, which
// has ended since; it is said where its journal is, and that is left as it is.
func TestFinding_M18_TheClustersRunCounts(t *testing.T) {
	for name, counts := range map[string][2]int64{"counted": {1009, 2050}, "not counted": {0, 0},
		"one of a machine that was ahead": {5000, 2050}} {
		r := aRun(t, &bytes.Buffer{}, 0)
		r.resume = true
		files := &files{state: r.state, uid: "uid-infra"}
		stale := aRunOf("r1", morning.Add(time.Hour), counts[0], handover.Frozen)
		if err := files.Save(context.Background(), stale); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(r.state.run("infra", "r1"), journalFile)
		before, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		over := aRunOf("r2", morning, counts[1], handover.Finished)
		r.clusters["infra"].kept.journal = over
		for range 2 {
			got, err := r.unfinished(context.Background(), &job{target: target("infra"),
				cluster: r.clusters["infra"]}, "uid-infra")
			if got != nil || err != nil {
				t.Fatalf("%s: it would go on with %+v, %v", name, got, err)
			}
		}
		if said := r.errOut.String(); !strings.Contains(said, "run r1 of this machine did not come to its end") ||
			!strings.Contains(said, filepath.Dir(path)) {
			t.Errorf("%s: nobody is told: %s", name, said)
		}
		after, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(before, after) || r.clusters["infra"].kept.journal != over {
			t.Errorf("%s: a journal was written over: %v", name, err)
		}
	}
}

// TestFinding_M18_TheSameRun: of one run's journals the one that counts further is known, whatever clocks say, also after
// somebody else took it up from one that was behind.
func TestFinding_M18_TheSameRun(t *testing.T) {
	ctx := context.Background()
	one, two, cluster := &memory{}, &memory{}, &memory{}
	a := &both{here: one, there: cluster}
	first := aRunOf("r", morning, 0, handover.Running)
	keepIn := func(k *both, j *handover.Journal, lost bool) {
		t.Helper()
		c := *j
		was := cluster.journal
		if err := k.Save(ctx, &c); err != nil {
			t.Fatal(err)
		}
		j.Count = c.Count
		if lost {
			cluster.journal = was
		}
	}
	keepIn(a, first, false)
	for range 5 { // the cluster does not answer any more
		keepIn(a, first, true)
	}
	if got, err := a.Load(ctx); err != nil || got.Count != one.journal.Count {
		t.Errorf("this machine knows more: %v, %v", got, err)
	}
	b := &both{here: two, there: cluster}
	taken, err := b.Load(ctx)
	if err != nil {
		t.Fatal(err)
	}
	gone := *taken
	gone.Holder = "b"
	keepIn(b, &gone, false)
	if got, err := a.Load(ctx); err != nil || got.Holder != "b" {
		t.Errorf("somebody else has taken it up: %+v, %v", got, err)
	}
}

// TestFinding_M18_LaterRunsCountFurther: a run that begins after another counts further than that one did, so that this
// machine tells them apart without a clock.
func TestFinding_M18_LaterRunsCountFurther(t *testing.T) {
	ctx := context.Background()
	s := aState(t)
	cluster := &memory{}
	k := &both{here: &files{state: s, uid: "uid-infra"}, there: cluster}
	for _, run := range []string{"r1", "r2", "r3"} {
		if _, err := k.Load(ctx); err != nil {
			t.Fatal(err)
		}
		j := aRunOf(run, morning, 0, handover.Finished)
		j.Began = morning.Add(-time.Duration(len(run)) * time.Hour) // the clock goes back
		if run == "r3" {
			j.Began = morning.Add(-48 * time.Hour)
		}
		if err := k.Save(ctx, j); err != nil {
			t.Fatal(err)
		}
	}
	cluster.journal = nil
	if got, err := k.Load(ctx); err != nil || got.Run != "r3" {
		t.Errorf("%+v, %v", got, err)
	}
	all := []kept{{journal: aRunOf("r2", morning.Add(time.Hour), 2000, handover.Finished)}, {journal: aRunOf("r3",
		morning, 3000, handover.Finished)}}
	if told := sinceHandover(all, nil); len(told) != 1 || told[0].journal.Run != "r3" {
		t.Errorf("%+v", told)
	}
	all = []kept{{journal: aRunOf("r1", morning.Add(time.Hour), 0, handover.Frozen)}, {journal: aRunOf("r2", morning,
		0, handover.Finished)}}
	if told := sinceHandover(all, all[1].journal); len(told) != 1 || told[0].journal.Run != "r2" {
		t.Errorf("%+v", told)
	}
}

// TestFinding_M14_LocalRoom: a journal that could not be read again on this machine is not begun.
func TestFinding_M14_LocalRoom(t *testing.T) {
	k := &files{state: aState(t), uid: "a"}
	j := aJournal("a", morning)
	j.Base = &facts.Live{Pods: make([]facts.Pod, 10)}
	if err := k.Room(j); err != nil {
		t.Error(err)
	}
	j.Base.Pods[0].Name = strings.Repeat("x", maxJournal/2)
	if err := k.Room(j); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("%v", err)
	}
}

// TestFinding_C4_ARefusalNamesTheWays: a run that is not gone on with names the command that goes on and the one that takes
// away what was placed.
func TestFinding_C4_ARefusalNamesTheWays(t *testing.T) {
	r := aRun(t, &bytes.Buffer{}, 0)
	jobs := []*job{{target: target("infra"), journal: &handover.Journal{}, plan: &handover.Plan{}},
		{target: target("apps"), plan: &handover.Plan{}}}
	want := "flux handover run --context infra --resume, flux handover rollback --context infra"
	if got := strings.Join(r.ways(jobs), ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
