package node

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// Hold is what a node's own process does: it furnishes the mount namespace that it was started in, says that it is
// ready, and lives until the lab ends it.
func (g Ground) Hold(ctx context.Context, node string) error {
	cgroup, err := g.Cgroup(node)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(cgroup, "cgroup.procs"), []byte("0"), 0o644); err != nil {
		return fmt.Errorf("enter cgroup of %s: %w", node, err)
	}
	if err := g.furnish(cgroup); err != nil {
		return fmt.Errorf("furnish %s: %w", node, err)
	}
	if err := state.WriteFile(g.folder(node+".ready"), nil, 0o644); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
}

// furnish gives the calling process' mount namespace what a node has of its own.
func (g Ground) furnish(cgroup string) error {
	group, err := os.Open(cgroup)
	if err != nil {
		return err
	}
	defer group.Close()
	for _, m := range []mount{
		{from: "tmpfs", to: "/run", kind: "tmpfs", data: "mode=755"},
		{from: "sysfs", to: "/sys", kind: "sysfs"},
		{from: "bpffs", to: "/sys/fs/bpf", kind: "bpf"},
		// The agent takes the root of a cgroup2 mount for the root of the node's cgroups, and attaches its socket
		// programs there: with the machine's they would answer for every process of it.
		{from: fmt.Sprintf("/proc/self/fd/%d", group.Fd()), to: "/sys/fs/cgroup", flags: unix.MS_BIND},
		{from: "/proc/sys/kernel", to: "/proc/sys/kernel", flags: unix.MS_BIND},
		{to: "/proc/sys/kernel", flags: unix.MS_BIND | unix.MS_REMOUNT | unix.MS_RDONLY},
	} {
		if err := m.do(); err != nil {
			return err
		}
	}
	for _, dir := range []string{"/etc", "/opt", "/var/lib"} {
		if err := overlay(dir, dir); err != nil {
			return err
		}
	}
	if err := os.MkdirAll("/var/lib/cilium/bpf", 0o755); err != nil {
		return err
	}
	if err := overlay(g.Datapath, "/var/lib/cilium/bpf"); err != nil {
		return err
	}
	for _, dir := range []string{"/run/netns", "/run/cilium", "/run/lock"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink("/run/netns", "/run/cilium/netns"); err != nil {
		return err
	}
	// What is mounted later, a pod's network namespace above all, is to reach the containers that run already.
	return mount{to: "/", flags: unix.MS_REC | unix.MS_SHARED}.do()
}

type mount struct {
	from, to, kind, data string
	flags                uintptr
}

func (m mount) do() error {
	if err := unix.Mount(m.from, m.to, m.kind, m.flags, m.data); err != nil {
		return fmt.Errorf("mount %s: %w", m.to, err)
	}
	return nil
}

// overlay shows a folder of the machine at a place where the node can write without the machine noticing.
func overlay(lower, at string) error {
	kept := filepath.Join("/run/lab", at)
	upper, work := filepath.Join(kept, "upper"), filepath.Join(kept, "work")
	for _, dir := range []string{upper, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return mount{from: "overlay", to: at, kind: "overlay", data: "lowerdir=" + lower + ",upperdir=" + upper + ",workdir=" + work}.do()
}
