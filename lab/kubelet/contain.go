package kubelet

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// Plan is a container as the process that contains it needs to know it.
type Plan struct {
	Argv    []string `json:"argv,omitempty"`
	Env     []string `json:"env,omitempty"`
	Cgroup  string   `json:"cgroup"`
	Mounts  string   `json:"mounts"`  // the node's mount namespace
	Network string   `json:"network"` // the pod's network namespace
	Binds   []Bind   `json:"binds,omitempty"`
	Log     string   `json:"log"`  // in the format of the Container Runtime Interface
	PID     string   `json:"pid"`  // a file with the program's process number, while it runs
	Exit    string   `json:"exit"` // a file that says how it ended
}

// Bind shows a file or folder of the machine at another place.
type Bind struct{ From, To string }

// Exit is how a program ended.
type Exit struct {
	Code    int       `json:"code"`
	Signal  int       `json:"signal,omitempty"`
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
}

func readExit(file string) (*Exit, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var exit Exit
	return &exit, json.Unmarshal(raw, &exit)
}

// ReadPlan reads what a kubelet planned.
func ReadPlan(file string) (Plan, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return Plan{}, fmt.Errorf("read plan of container: %w", err)
	}
	var p Plan
	if err := json.Unmarshal(raw, &p); err != nil {
		return Plan{}, fmt.Errorf("read plan of container %s: %w", file, err)
	}
	return p, nil
}

// Contain runs the program in its namespaces until it ends or the context does, writes its log, and writes down how it
// ended. It is a process of its own, so that the program outlives the kubelet; the program does not outlive it.
func (p Plan) Contain(ctx context.Context) error {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("contain: %w", err)
	}
	defer log.Close()
	cgroup, err := os.Open(p.Cgroup)
	if err != nil {
		return fmt.Errorf("contain: %w", err)
	}
	defer cgroup.Close()
	cmd := exec.Command("nsenter", p.enter()...)
	cmd.Env = p.Env
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(cgroup.Fd()), Pdeathsig: syscall.SIGKILL, Setpgid: true}
	var lines sync.WaitGroup
	var mu sync.Mutex
	var ends []*os.File
	for name, end := range map[string]*io.Writer{"stdout": &cmd.Stdout, "stderr": &cmd.Stderr} {
		r, w, err := os.Pipe()
		if err != nil {
			return fmt.Errorf("contain: %w", err)
		}
		*end, ends = w, append(ends, w)
		defer r.Close()
		lines.Go(func() { copyLines(log, r, name, &mu) })
	}
	runtime.LockOSThread() // the kernel sends Pdeathsig when the thread that started the program ends
	exit := Exit{Started: time.Now().UTC()}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("contain %s: %w", p.Argv[0], err)
	}
	for _, w := range ends {
		w.Close()
	}
	if err := state.WriteFile(p.PID, []byte(strconv.Itoa(cmd.Process.Pid)), 0o644); err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	err = cmd.Wait()
	os.Remove(p.PID)
	// What the program has started goes with it, as in a container, and would else keep its output open.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	lines.Wait()
	exit.Ended = time.Now().UTC()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		exit.Code = failed.ExitCode()
		if s, ok := failed.Sys().(syscall.WaitStatus); ok && s.Signaled() {
			exit.Signal, exit.Code = int(s.Signal()), 128+int(s.Signal())
		}
	}
	raw, err := json.Marshal(exit)
	if err != nil {
		return err
	}
	return state.WriteFile(p.Exit, raw, 0o644)
}

// enter is the way into the namespaces, and what is mounted on it: the last of its programs becomes the container's.
func (p Plan) enter() []string {
	script := "set -e\n"
	for _, b := range p.Binds {
		script += fmt.Sprintf("[ -d %[1]s ] && mkdir -p %[2]s || { mkdir -p \"$(dirname %[2]s)\"; [ -e %[2]s ] || : > %[2]s; }\nmount --bind %[1]s %[2]s\n",
			quote(b.From), quote(b.To))
	}
	script += `exec "$@"`
	args := []string{"--mount=" + p.Mounts, "--net=" + p.Network, "--", "unshare", "--mount", "--propagation", "slave", "sh", "-c", script, "sh"}
	return append(args, p.Argv...)
}

// copyLines writes lines as a container runtime does: when, of which stream, and whether whole.
func copyLines(to io.Writer, from io.Reader, stream string, mu *sync.Mutex) {
	r := bufio.NewReaderSize(from, 16<<10)
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 {
			tag := "F"
			if line[len(line)-1] != '\n' {
				tag = "P"
				line = append(line[:len(line):len(line)], '\n')
			}
			mu.Lock()
			fmt.Fprintf(to, "%s %s %s %s", time.Now().UTC().Format(time.RFC3339Nano), stream, tag, line)
			mu.Unlock()
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}
