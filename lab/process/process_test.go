package process

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

func table(t *testing.T) Table {
	t.Helper()
	tab := Table{Dir: state.Dir(t.TempDir())}
	t.Cleanup(func() {
		tab.Stop(time.Second, tab.Names("")...)
		tab.StopLeftovers(time.Second)
	})
	return tab
}

func TestStartFindStop(t *testing.T) {
	tab := table(t)
	spec := Spec{Name: "infra/sleeper", Path: "/bin/sleep", Args: []string{"60"}}
	if err := tab.Start(spec); err != nil {
		t.Fatal(err)
	}
	first, ok := tab.Find(spec.Name)
	if !ok {
		t.Fatal("it is not found")
	}
	if err := tab.Start(spec); err != nil {
		t.Fatal(err)
	}
	if again, _ := tab.Find(spec.Name); again != first {
		t.Errorf("a second start made a second process: %+v, %+v", first, again)
	}
	if names := tab.Names("infra/"); len(names) != 1 || names[0] != spec.Name {
		t.Errorf("names %v", names)
	}
	tab.Stop(time.Second, spec.Name)
	if _, ok := tab.Find(spec.Name); ok {
		t.Error("it runs on")
	}
	if names := tab.Names(""); len(names) != 0 {
		t.Errorf("records are left: %v", names)
	}
}

func TestRebuiltProgramIsStartedAnew(t *testing.T) {
	tab := table(t)
	program := filepath.Join(t.TempDir(), "sleeper")
	write := func() {
		raw, err := os.ReadFile("/bin/sleep")
		if err != nil {
			t.Fatal(err)
		}
		if err := state.WriteFile(program, raw, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	spec := Spec{Name: "sleeper", Path: program, Args: []string{"60"}}
	write()
	if err := tab.Start(spec); err != nil {
		t.Fatal(err)
	}
	first, _ := tab.Find(spec.Name)
	write()
	if err := tab.Start(spec); err != nil {
		t.Fatal(err)
	}
	if second, ok := tab.Find(spec.Name); !ok || second.PID == first.PID {
		t.Errorf("the old program runs on: %+v, %+v", first, second)
	}
	if first.alive() {
		t.Error("the old process was left behind")
	}
}

func TestStopOfAStoppedProcess(t *testing.T) {
	tab := table(t)
	spec := Spec{Name: "frozen", Path: "/bin/sleep", Args: []string{"60"}}
	if err := tab.Start(spec); err != nil {
		t.Fatal(err)
	}
	if err := tab.Signal(spec.Name, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	tab.Stop(5*time.Second, spec.Name)
	if _, ok := tab.Find(spec.Name); ok {
		t.Error("a stopped process outlives its end")
	}
}

// A number that now belongs to somebody else must be neither trusted nor killed.
func TestStaleRecordIsNobody(t *testing.T) {
	tab := table(t)
	own, err := identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	for name, stale := range map[string]Record{
		"reused": {PID: own.PID, Start: own.Start + 1, Boot: own.Boot},
		"reboot": {PID: own.PID, Start: own.Start, Boot: "another"},
		"gone":   {PID: 1 << 30, Start: 1, Boot: own.Boot},
	} {
		raw, err := json.Marshal(stale)
		if err != nil {
			t.Fatal(err)
		}
		if err := state.WriteFile(tab.record(name), raw, 0o644); err != nil {
			t.Fatal(err)
		}
		if _, ok := tab.Find(name); ok {
			t.Errorf("%s: a stale record is taken for a running process", name)
		}
		if err := tab.Signal(name, syscall.Signal(0)); err == nil {
			t.Errorf("%s: a stale record can be signalled", name)
		}
	}
	tab.Stop(time.Second, "reused", "reboot", "gone") // and we live on
	if err := state.WriteFile(tab.record("broken"), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, ok := tab.Find("broken"); ok {
		t.Error("half a record is taken for a process")
	}
}

func TestLeftoversOfAnInterruptedStart(t *testing.T) {
	tab := table(t)
	spec := Spec{Name: "orphan", Path: "/bin/sleep", Args: []string{"60"}}
	if err := tab.Start(spec); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Dir(tab.record("x"))); err != nil {
		t.Fatal(err)
	}
	if n := tab.StopLeftovers(time.Second); n != 1 {
		t.Errorf("ended %d leftovers, want 1", n)
	}
	if n := tab.StopLeftovers(time.Second); n != 0 {
		t.Errorf("%d leftovers were left", n)
	}
}

func TestEarlyEndIsToldWithTheLog(t *testing.T) {
	tab := table(t)
	spec := Spec{Name: "brief", Path: "/bin/sh", Args: []string{"-c", "echo broken; exit 1"}}
	err := tab.Start(spec)
	if err == nil {
		err = tab.WaitFor(spec.Name, 5*time.Second, func() bool { return false })
	}
	if err == nil || !strings.Contains(err.Error(), tab.Log(spec.Name)) {
		t.Errorf("error %v does not name the log", err)
	}
}

func TestStartTicks(t *testing.T) {
	line := "7 (a) b (c)) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 4711 8192 1"
	if n, err := startTicks(line); err != nil || n != 4711 {
		t.Errorf("%d, %v", n, err)
	}
	if _, err := startTicks(strings.Replace(line, " S ", " Z ", 1)); err == nil {
		t.Error("a zombie is taken for alive")
	}
	if _, err := startTicks("nonsense"); err == nil {
		t.Error("no error for nonsense")
	}
}
