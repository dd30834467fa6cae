package machine

import (
	"errors"
	"os"
	"strings"
	"testing"
)

func TestCgroup2IsFoundWhereverItIsMounted(t *testing.T) {
	for name, c := range map[string]struct{ mounts, want string }{
		"unified": {"sysfs /sys sysfs rw 0 0\ncgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", "/sys/fs/cgroup"},
		"hybrid":  {"cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n", "/sys/fs/cgroup/unified"},
		"none":    {"cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\n", ""},
	} {
		got, err := cgroup2(c.mounts)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v; want %q", name, got, err, c.want)
		}
	}
}

// What is lacking is named, with the command that brings it.
func TestUnableSaysWhatToDo(t *testing.T) {
	if err := Able(); err != nil {
		var unable *UnableError
		if !errors.As(err, &unable) || len(unable.Lacks) == 0 {
			t.Errorf("%v names nothing", err)
		}
	}
	err := error(&UnableError{Lacks: []string{"root", "bpftool"}})
	for _, word := range []string{"root, bpftool", Install, "simulated"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q is not in %q", word, err)
		}
	}
	if os.Geteuid() != 0 && Able() == nil {
		t.Error("able without root")
	}
}
