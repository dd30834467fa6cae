// Package node makes nodes of a cluster out of namespaces of this machine: each has a network, a mount table, a /run,
// a /sys and a cgroup of its own, and one interface, eth0, on the bridge that the cluster's nodes share. All of it
// hangs on processes that bear the lab's mark: where they end, the kernel takes the rest away, and only the cgroups'
// folders are left to remove.
//
// It knows nothing of pods; package kubelet puts them there.
package node

import (
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/machine"
	"github.com/cilium-gitops/cilium-gitops/lab/process"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// KubePrism is the port on a node's loopback interface at which the API server is found, as on Talos: the values that
// Cilium is bootstrapped with name it.
const KubePrism = 7445

// SecurePort is the port on a node's address at which pods find the API server, by way of the Service kubernetes.
const SecurePort = 6443

// Ground is what the nodes of one cluster stand on.
type Ground struct {
	Dir       state.Dir
	Cluster   fleet.Cluster
	API       int // the API server's port on this machine's loopback interface
	Processes process.Table
	Self      string // the lab's own executable
	Datapath  string // the folder with the sources of Cilium's datapath
}

// Prefix begins the names of all processes that a cluster's nodes are made of, and of what runs in them.
func Prefix(cluster string) string { return "nodes/" + cluster + "/" }

func (g Ground) name(what string) string { return Prefix(g.Cluster.Name) + what }

// folder is a path below what the lab keeps of this cluster's nodes.
func (g Ground) folder(elem ...string) string {
	return g.Dir.Cluster(g.Cluster.Name, append([]string{"nodes"}, elem...)...)
}

// holder is the process that a node, or the fabric between nodes, lives by.
func (g Ground) holder(what string) (int, error) {
	r, ok := g.Processes.Find(g.name(what))
	if !ok {
		return 0, fmt.Errorf("enter %s: it is not there; `lab up` makes it, see %s", what, g.Processes.Log(g.name(what)))
	}
	return r.PID, nil
}

// Holder is the process a node lives by, and when it began: the node that takes its place is another one.
func (g Ground) Holder(node string) (pid int, since uint64, err error) {
	r, ok := g.Processes.Find(g.name(node))
	if !ok {
		_, err := g.holder(node)
		return 0, 0, err
	}
	return r.PID, r.Start, nil
}

// Cgroups is the folder of the cgroups of a lab's nodes; its name tells the lab.
func Cgroups(dir state.Dir) (string, error) {
	root, err := machine.Cgroup2()
	if err != nil {
		return "", err
	}
	hash := fnv.New64a()
	hash.Write([]byte(dir))
	return filepath.Join(root, fmt.Sprintf("cilium-gitops-lab-%x", hash.Sum64())), nil
}

// Cgroup is the folder of one node's cgroup.
func (g Ground) Cgroup(node string) (string, error) {
	all, err := Cgroups(g.Dir)
	return filepath.Join(all, node), err
}

// RemoveCgroups takes away what is left of the cgroups of those clusters' nodes once nothing runs in them.
func RemoveCgroups(dir state.Dir, clusters ...fleet.Cluster) error {
	all, err := Cgroups(dir)
	if err != nil {
		return nil //nolint:nilerr // where there is no such hierarchy, there is nothing in it
	}
	for _, c := range clusters {
		for _, n := range c.Nodes() {
			if err := removeTree(filepath.Join(all, n.Name)); err != nil {
				return err
			}
		}
	}
	if left, err := filepath.Glob(filepath.Join(all, "*", "cgroup.procs")); err == nil && len(left) == 0 {
		return removeTree(all)
	}
	return nil
}

// removeTree removes cgroups from the innermost outwards: their files cannot be deleted and need not be. What still runs
// in one is killed: an agent leaves its health endpoint's program behind. A process that was killed stays a member until
// it has been taken leave of, hence the patience.
func removeTree(dir string) error {
	inner, err := filepath.Glob(filepath.Join(dir, "*", "cgroup.procs"))
	if err != nil {
		return fmt.Errorf("remove cgroup %s: %w", dir, err)
	}
	for _, file := range inner {
		if err := removeTree(filepath.Dir(file)); err != nil {
			return err
		}
	}
	deadline := time.Now().Add(5 * time.Second)
	for {
		killMembers(dir)
		err := syscall.Rmdir(dir)
		if err == nil || os.IsNotExist(err) {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("remove cgroup %s: %w", dir, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// killMembers kills what runs in a cgroup of the lab's.
func killMembers(dir string) {
	members, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
	if err != nil {
		return // it is gone
	}
	for _, member := range strings.Fields(string(members)) {
		if pid, err := strconv.Atoi(member); err == nil && pid > 1 {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}
