package process

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Stop ends the named processes together: SIGTERM, and SIGKILL for those still there after the grace time. A process
// that was stopped by SIGSTOP is continued, else it could not hear.
func (t Table) Stop(grace time.Duration, names ...string) {
	var running []Record
	for _, name := range names {
		if r, ok := t.Find(name); ok {
			running = append(running, r)
		}
	}
	end(running, grace)
	for _, name := range names {
		if _, ok := t.Find(name); !ok {
			os.Remove(t.record(name))
		}
	}
}

// StopLeftovers ends processes that bear this lab's mark but have no record: those of an interrupted start.
func (t Table) StopLeftovers(grace time.Duration) int {
	var found []Record
	environs, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, path := range environs {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || pid == os.Getpid() || !marked(path, t.Dir.Join()) {
			continue
		}
		if r, err := identify(pid); err == nil {
			found = append(found, r)
		}
	}
	end(found, grace)
	return len(found)
}

func marked(environ, dir string) bool {
	raw, err := os.ReadFile(environ)
	if err != nil {
		return false
	}
	for _, v := range strings.Split(string(raw), "\x00") {
		if v == Owner+"="+dir {
			return true
		}
	}
	return false
}

func end(running []Record, grace time.Duration) {
	send := func(signals ...syscall.Signal) (left int) {
		for _, r := range running {
			if !r.alive() {
				continue
			}
			left++
			for _, sig := range signals {
				_ = syscall.Kill(r.PID, sig)
			}
		}
		return left
	}
	send(syscall.SIGTERM, syscall.SIGCONT)
	for deadline := time.Now().Add(grace); send() > 0 && time.Now().Before(deadline); {
		time.Sleep(20 * time.Millisecond)
	}
	for send(syscall.SIGKILL) > 0 {
		time.Sleep(10 * time.Millisecond)
	}
}
