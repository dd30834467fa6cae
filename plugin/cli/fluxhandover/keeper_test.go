package fluxhandover

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

var morning = time.Date(2026, 11, 22, 9, 12, 0, 0, time.UTC)

func env(vars map[string]string) *cli.Env {
	return &cli.Env{Name: "flux handover", Getenv: func(name string) string { return vars[name] }, Now: func() time.Time { return morning }}
}

func aState(t *testing.T) *state {
	t.Helper()
	s, err := openState(env(map[string]string{"XDG_STATE_HOME": t.TempDir()}))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func aJournal(uid string, began time.Time) *handover.Journal {
	return &handover.Journal{
		Kind: handover.JournalKind, Name: handover.HandoverName, Run: began.Format("20060102T150405Z") + "-4f1c", Cluster: "infra/1", UID: uid, Began: began, Phase: handover.Running,
		Steps: []handover.StepRecord{{ID: handover.StepHold}, {ID: handover.StepAdopt}},
	}
}

func TestFilesKeepJournals(t *testing.T) {
	s, ctx := aState(t), context.Background()
	k := &files{state: s, uid: "a"}
	if j, err := k.Load(ctx); j != nil || err != nil {
		t.Fatalf("nothing was kept; got %v, %v", j, err)
	}
	older, newer, other := aJournal("a", morning), aJournal("a", morning.Add(time.Hour)), aJournal("b", morning.Add(2*time.Hour))
	other.Run = "other"
	newer.Steps[0].Begun = 1
	for _, j := range []*handover.Journal{newer, older, other, newer} {
		if err := k.Save(ctx, j); err != nil {
			t.Fatal(err)
		}
	}
	got, err := k.Load(ctx)
	if err != nil || got.Run != newer.Run || got.Steps[0].Begun != 1 {
		t.Errorf("want the newest of this cluster, got %+v, %v", got, err)
	}
	for path, want := range map[string]os.FileMode{
		s.dir: 0o700, s.run("infra/1", newer.Run): 0o700, filepath.Join(s.run("infra/1", newer.Run), journalFile): 0o600,
	} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: want mode %o, got %v, %v", path, want, info, err)
		}
	}
	if filepath.Dir(s.run("../../x", "y")) != s.dir {
		t.Error("a cluster's name leads out of the folder")
	}
}

// TestATornJournalIsIgnored: a process that is killed while it writes leaves what was written before.
func TestATornJournalIsIgnored(t *testing.T) {
	s, ctx := aState(t), context.Background()
	k := &files{state: s, uid: "a"}
	j := aJournal("a", morning)
	if err := k.Save(ctx, j); err != nil {
		t.Fatal(err)
	}
	torn := filepath.Join(s.run(j.Cluster, j.Run), "."+journalFile+".123")
	if err := os.WriteFile(torn, []byte(`{"kind":"Journal","run":"to`), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Load(ctx); err != nil || got.Run != j.Run {
		t.Errorf("got %v, %v", got, err)
	}
	if err := os.MkdirAll(s.run("infra", "empty"), 0o700); err != nil { // killed before the first write
		t.Fatal(err)
	}
	if got, err := k.Load(ctx); err != nil || got.Run != j.Run {
		t.Errorf("an empty folder: got %v, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(s.run(j.Cluster, j.Run), journalFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Load(ctx); err == nil || !strings.Contains(err.Error(), journalFile) || !strings.Contains(err.Error(), "move its folder away") {
		t.Errorf("a journal that cannot be read is no missing journal; got %v", err)
	}
}

func TestReplaceLeavesNothingHalfWritten(t *testing.T) {
	dir := t.TempDir()
	if err := replace(filepath.Join(dir, "none", "x"), []byte("new")); err == nil {
		t.Error("there is no such folder")
	}
	target := filepath.Join(dir, "x")
	if err := os.Mkdir(target, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := replace(target, []byte("new")); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestOpenStateRefusesFoldersOfOthers(t *testing.T) {
	base := t.TempDir()
	dir := filepath.Join(base, "cilium-gitops")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := openState(env(map[string]string{"XDG_STATE_HOME": base})); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("others may write there; got %v", err)
	}
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := openState(env(map[string]string{"XDG_STATE_HOME": file})); err == nil || !strings.Contains(err.Error(), "XDG_STATE_HOME=DIR") {
		t.Errorf("a file is no folder; got %v", err)
	}
}

func TestWhereStateIs(t *testing.T) {
	root := t.TempDir()
	for want, vars := range map[string]map[string]string{
		"x/cilium-gitops":              {"XDG_STATE_HOME": root + "/x", "HOME": root},
		"h/.local/state/cilium-gitops": {"XDG_STATE_HOME": "relative", "HOME": root + "/h"},
		"l/cilium-gitops":              {"LOCALAPPDATA": root + "/l", "HOME": root + "/h"},
	} {
		if got, err := stateDir(env(vars)); err != nil || got != filepath.Join(root, want) {
			t.Errorf("%v: got %s, %v", vars, got, err)
		}
	}
}

// memory keeps one journal, and fails where it is told to.
type memory struct {
	journal *handover.Journal
	err     error
}

func (m *memory) Load(context.Context) (*handover.Journal, error) { return m.journal, m.err }
func (m *memory) Of(_ context.Context, run string) (*handover.Journal, error) {
	if m.journal == nil || m.journal.Run != run {
		return nil, m.err
	}
	return m.journal, m.err
}
func (m *memory) Save(_ context.Context, j *handover.Journal) error {
	if m.err == nil {
		m.journal = j
	}
	return m.err
}

func TestBothKeep(t *testing.T) {
	ctx := context.Background()
	early, late := aJournal("a", morning), aJournal("a", morning.Add(time.Hour))
	further := aJournal("a", morning)
	further.Steps[0].Begun = 1
	over := aJournal("a", morning)
	over.Phase = handover.Finished
	for name, c := range map[string]struct{ here, there, want *handover.Journal }{
		"neither":            {nil, nil, nil},
		"only here":          {early, nil, early},
		"only there":         {nil, early, early},
		"another run, here":  {late, early, early},
		"another run, there": {early, late, late},
		"further here":       {further, early, further},
		"further there":      {early, further, further},
		"over there":         {further, over, over},
		"the same in both":   {early, early, early},
	} {
		got, err := (&both{here: &memory{journal: c.here}, there: &memory{journal: c.there}}).Load(ctx)
		if err != nil || got != c.want {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
	broken := errors.New("broken")
	here, there := &memory{}, &memory{}
	if err := (&both{here: &memory{err: broken}, there: there}).Save(ctx, early); !errors.Is(err, broken) || there.journal != nil {
		t.Errorf("what is not on the disk must not be in the cluster; got %v, %v", there.journal, err)
	}
	if err := (&both{here: here, there: &memory{err: handover.ErrLost}}).Save(ctx, early); !errors.Is(err, handover.ErrLost) || here.journal != early {
		t.Errorf("got %v, %v", here.journal, err)
	}
}
