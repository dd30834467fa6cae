// Package machine says whether this machine can run Cilium's own agents, and what it lacks: they want a kernel that
// describes its types, a unified cgroup hierarchy, a compiler for BPF and the right to make namespaces. It changes
// nothing.
package machine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Install is the command that brings what a Debian or Ubuntu machine lacks.
const Install = "apt-get install --no-install-recommends clang-19 llvm-19 iptables ipset bpftool iproute2 util-linux"

// LeastLLVM is the oldest LLVM whose compiler Cilium's datapath is written for.
const LeastLLVM = 17

// UnableError is what a machine lacks for agents of Cilium's own.
type UnableError struct{ Lacks []string }

func (e *UnableError) Error() string {
	return fmt.Sprintf("run Cilium's own agents: this machine lacks %s; where programs are missing, %q; or leave --agents away: simulated agents run anywhere",
		strings.Join(e.Lacks, ", "), Install)
}

// Able is nil where Cilium's own agents can run, and else an UnableError.
func Able() error {
	var lacks []string
	lack := func(missing bool, what string) {
		if missing {
			lacks = append(lacks, what)
		}
	}
	lack(os.Geteuid() != 0, "root (namespaces, BPF and cgroups want it)")
	_, err := os.Stat("/sys/kernel/btf/vmlinux")
	lack(err != nil, "BTF (/sys/kernel/btf/vmlinux: a kernel built with CONFIG_DEBUG_INFO_BTF)")
	_, err = Cgroup2()
	lack(err != nil, "a mounted cgroup2 hierarchy")
	_, err = LLVM()
	lack(err != nil, fmt.Sprintf("clang and llc, version %d or later", LeastLLVM))
	for _, program := range []string{"iptables", "ipset", "bpftool", "ip", "nsenter", "unshare", "mount"} {
		_, err := exec.LookPath(program)
		lack(err != nil, program)
	}
	raw, err := os.ReadFile("/proc/filesystems")
	lack(err != nil || !slices.Contains(strings.Fields(string(raw)), "overlay"), "the file system overlay")
	if len(lacks) > 0 {
		return &UnableError{Lacks: lacks}
	}
	return nil
}

// Cgroup2 is where a unified cgroup hierarchy is mounted.
func Cgroup2() (string, error) {
	raw, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return "", fmt.Errorf("find cgroup2: %w", err)
	}
	return cgroup2(string(raw))
}

func cgroup2(mounts string) (string, error) {
	for line := range strings.Lines(mounts) {
		if f := strings.Fields(line); len(f) > 2 && f[2] == "cgroup2" {
			return f[1], nil
		}
	}
	return "", errors.New("find cgroup2: no such file system is mounted; mount -t cgroup2 none /sys/fs/cgroup")
}

// LLVM is the folder with clang and llc in it: the newest of Debian's own folders, or where PATH finds them.
func LLVM() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/llvm-*/bin")
	if err != nil {
		return "", fmt.Errorf("find clang: %w", err)
	}
	best, dir := 0, ""
	for _, d := range dirs {
		n, err := strconv.Atoi(strings.TrimPrefix(filepath.Base(filepath.Dir(d)), "llvm-"))
		if err == nil && n > best && has(d, "clang") && has(d, "llc") {
			best, dir = n, d
		}
	}
	if best >= LeastLLVM {
		return dir, nil
	}
	clang, err := exec.LookPath("clang")
	if err != nil {
		return "", fmt.Errorf("find clang: %w; %s", err, Install)
	}
	out, err := exec.Command(clang, "-dumpversion").Output()
	if major, _, _ := strings.Cut(strings.TrimSpace(string(out)), "."); err == nil {
		if n, err := strconv.Atoi(major); err == nil && n >= LeastLLVM && has(filepath.Dir(clang), "llc") {
			return filepath.Dir(clang), nil
		}
	}
	return "", fmt.Errorf("find clang: %s is older than %d; %s", clang, LeastLLVM, Install)
}

func has(dir, program string) bool {
	info, err := os.Stat(filepath.Join(dir, program))
	return err == nil && !info.IsDir()
}

// WireGuard tells whether the kernel can make WireGuard's devices; it tries in a namespace that goes with the try.
func WireGuard() bool {
	return exec.Command("unshare", "--net", "ip", "link", "add", "wg0", "type", "wireguard").Run() == nil
}
