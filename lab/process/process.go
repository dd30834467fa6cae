// Package process runs the lab's programs so that they outlive the terminal, and finds them again by what they are
// and not by a number that may since belong to someone else.
package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// Owner is the environment variable that marks every process of a lab with its state folder.
const Owner = "CILIUM_GITOPS_LAB_OWNER"

// Spec is a program to run.
type Spec struct {
	Name string // of its record and log file, with a slash: "infra/etcd"
	Path string
	Args []string
	Env  []string // beside PATH, HOME and the owner's mark
	// Inherit is for programs that need the caller's whole environment: where Go's caches and proxies are, for one.
	Inherit bool
}

// Table is the processes of one lab.
type Table struct{ Dir state.Dir }

// Record is how a process is known again: the number alone is not enough, it is used anew.
type Record struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // in clock ticks since boot
	Boot  string `json:"boot"`
	// Program is the file that was started, as it was: a rebuilt one is another.
	Program string `json:"program,omitempty"`
}

// Start runs the program unless it runs already; one that was rebuilt since is started anew.
func (t Table) Start(spec Spec) error {
	program, err := fingerprint(spec.Path)
	if err != nil {
		return fmt.Errorf("start %s: %w", spec.Name, err)
	}
	if running, ok := t.Find(spec.Name); ok {
		if running.Program == program {
			return nil
		}
		t.Stop(3*time.Second, spec.Name)
	}
	log, err := t.openLog(spec.Name)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(spec.Path, spec.Args...)
	cmd.Dir = string(t.Dir)
	cmd.Env = append(t.environment(spec.Inherit), spec.Env...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", spec.Name, err)
	}
	record, err := identify(cmd.Process.Pid)
	record.Program = program
	go func() { _ = cmd.Wait() }() // so that a child that dies early is gone and not a zombie
	if err != nil {
		return fmt.Errorf("start %s: it ended at once; see %s", spec.Name, t.Log(spec.Name))
	}
	raw, err := json.Marshal(record)
	if err != nil {
		return fmt.Errorf("encode record of %s: %w", spec.Name, err)
	}
	return state.WriteFile(t.record(spec.Name), raw, 0o644)
}

func (t Table) environment(inherit bool) []string {
	owner := Owner + "=" + string(t.Dir)
	if inherit {
		return append(os.Environ(), owner)
	}
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), owner}
}

// Find returns the record of a process that is really running.
func (t Table) Find(name string) (Record, bool) {
	raw, err := os.ReadFile(t.record(name))
	if err != nil {
		return Record{}, false
	}
	var r Record
	if json.Unmarshal(raw, &r) != nil {
		return Record{}, false
	}
	return r, r.alive()
}

// Signal sends a signal to a running process.
func (t Table) Signal(name string, sig syscall.Signal) error {
	r, ok := t.Find(name)
	if !ok {
		return fmt.Errorf("signal %s: it is not running; `lab up` starts it", name)
	}
	if err := syscall.Kill(r.PID, sig); err != nil {
		return fmt.Errorf("signal %s (pid %d): %w", name, r.PID, err)
	}
	return nil
}

// Names lists the recorded processes whose name begins with prefix.
func (t Table) Names(prefix string) []string {
	var names []string
	root := t.Dir.Join("run")
	_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil //nolint:nilerr // a folder that is not there holds no records
		}
		rel, ok := strings.CutSuffix(strings.TrimPrefix(path, root+"/"), ".json")
		if ok && strings.HasPrefix(rel, prefix) {
			names = append(names, rel)
		}
		return nil
	})
	return names
}

// Any tells whether any recorded process is running.
func (t Table) Any() bool {
	return slices.ContainsFunc(t.Names(""), func(name string) bool {
		_, ok := t.Find(name)
		return ok
	})
}

// Log is the file a program's output goes to.
func (t Table) Log(name string) string { return t.Dir.Join("logs", name+".log") }

func (t Table) record(name string) string { return t.Dir.Join("run", name+".json") }

func (t Table) openLog(name string) (*os.File, error) {
	path := t.Log(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("create log folder: %w", err)
	}
	if err := os.Rename(path, path+".old"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keep old log of %s: %w", name, err)
	}
	f, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create log of %s: %w", name, err)
	}
	return f, nil
}

// WaitFor polls until ready says so, the process is gone, or the time is over.
func (t Table) WaitFor(name string, within time.Duration, ready func() bool) error {
	deadline := time.Now().Add(within)
	for !ready() {
		if _, ok := t.Find(name); !ok {
			return fmt.Errorf("wait for %s: it ended; see %s", name, t.Log(name))
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("wait for %s: not ready after %s; see %s", name, within, t.Log(name))
		}
		time.Sleep(50 * time.Millisecond)
	}
	return nil
}
