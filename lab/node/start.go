package node

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/process"
)

const fabric = "fabric"

// Start makes the fabric and the nodes that are not there, and opens their ways to the API server.
func (g Ground) Start(ctx context.Context) error {
	if err := g.startFabric(ctx); err != nil {
		return err
	}
	for _, n := range g.Cluster.Nodes() {
		if err := g.startNode(ctx, n); err != nil {
			return fmt.Errorf("make node %s: %w", n.Name, err)
		}
	}
	gate := process.Spec{Name: g.name("gate"), Path: g.Self, Args: []string{"--state", string(g.Dir), "gate", g.Cluster.Name}, Inherit: true}
	if err := g.Processes.Start(gate); err != nil {
		return err
	}
	return g.Processes.WaitFor(gate.Name, 10*time.Second, func() bool { return g.gateOpen(ctx) })
}

// unshared runs one of the lab's own commands in namespaces of its own, as long as the lab lasts; one that runs already
// is left alone even where the lab was rebuilt since, because all that the node holds would go with it.
func (g Ground) unshared(what string, namespaces []string, args ...string) (fresh bool, err error) {
	if _, ok := g.Processes.Find(g.name(what)); ok {
		return false, nil
	}
	unshare, err := exec.LookPath("unshare")
	if err != nil {
		return false, err
	}
	args = append(append(namespaces, g.Self, "--state", string(g.Dir)), args...)
	spec := process.Spec{Name: g.name(what), Path: unshare, Args: args, Inherit: true}
	return true, g.Processes.Start(spec)
}

func (g Ground) startFabric(ctx context.Context) error {
	fresh, err := g.unshared(fabric, []string{"--net"}, "hold")
	if err != nil || !fresh {
		return err
	}
	pid, err := g.holder(fabric)
	if err != nil {
		return err
	}
	if err := g.unsharedFrom(pid, "net"); err != nil {
		return err
	}
	return ip(ctx, pid,
		"link set lo up",
		"link add br0 type bridge",
		"address add "+g.Gateway()+"/24 dev br0",
		"link set br0 up",
	)
}

// Gateway is the fabric's own address, every node's default route.
func (g Ground) Gateway() string { return g.Cluster.Network + ".1" }

func (g Ground) startNode(ctx context.Context, n fleet.Node) error {
	cgroup, err := g.Cgroup(n.Name)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(cgroup, 0o755); err != nil {
		return fmt.Errorf("make cgroup: %w", err)
	}
	ready := g.folder(n.Name + ".ready")
	if _, ok := g.Processes.Find(g.name(n.Name)); !ok {
		os.Remove(ready)
	}
	fresh, err := g.unshared(n.Name, []string{"--net", "--mount", "--propagation=private"}, "hold", "--node", n.Name, "--cluster", g.Cluster.Name)
	if err != nil || !fresh {
		return err
	}
	err = g.Processes.WaitFor(g.name(n.Name), 10*time.Second, func() bool { _, err := os.Stat(ready); return err == nil })
	if err != nil {
		return err
	}
	pid, err := g.holder(n.Name)
	if err != nil {
		return err
	}
	outside, err := g.holder(fabric)
	if err != nil {
		return err
	}
	port := Port(n.Name)
	_ = ip(ctx, outside, "link delete "+port) // of a node that was there before
	if err := ip(ctx, outside,
		fmt.Sprintf("link add %s type veth peer name eth0 netns %d", port, pid),
		"link set "+port+" master br0",
		"link set "+port+" up",
	); err != nil {
		return err
	}
	return ip(ctx, pid,
		"link set lo up",
		"address add "+n.IP+"/24 dev eth0",
		"link set eth0 up",
		"route add default via "+g.Gateway(),
	)
}

// Port is the name of a node's port on the fabric's bridge.
func Port(node string) string { return "p-" + node }

// Cut takes a node's port on the fabric down, or up again.
func (g Ground) Cut(ctx context.Context, node string, off bool) error {
	pid, err := g.holder(fabric)
	if err != nil {
		return err
	}
	to := "up"
	if off {
		to = "down"
	}
	return ip(ctx, pid, "link set "+Port(node)+" "+to)
}

// Lose has the fabric drop what a node sends to a port of other nodes and their pods, or lets it through again.
func (g Ground) Lose(ctx context.Context, node, protocol string, port int, lost bool) error {
	pid, err := g.holder(fabric)
	if err != nil {
		return err
	}
	how := "-D"
	if lost {
		how = "-I"
	}
	return run(ctx, []string{"--target", strconv.Itoa(pid), "--net"}, "ebtables", how, "FORWARD", "-i", Port(node), "-p", "IPv4",
		"--ip-protocol", protocol, "--ip-destination-port", strconv.Itoa(port), "-j", "DROP")
}

// On runs a command in a node's namespaces.
func (g Ground) On(ctx context.Context, node string, command ...string) error {
	pid, err := g.holder(node)
	if err != nil {
		return err
	}
	return run(ctx, []string{"--target", strconv.Itoa(pid), "--mount", "--net"}, command...)
}

func run(ctx context.Context, into []string, command ...string) error {
	cmd := exec.CommandContext(ctx, "nsenter", append(append(into, "--"), command...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(command, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// ip runs commands of ip in the network namespace of a process.
func ip(ctx context.Context, pid int, commands ...string) error {
	cmd := exec.CommandContext(ctx, "nsenter", "--target", strconv.Itoa(pid), "--net", "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip %s: %w: %s", strings.Join(commands, "; "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

// unsharedFrom waits until a process has left this one's namespace of that kind: unshare does so after it was started.
func (g Ground) unsharedFrom(pid int, kind string) error {
	own, err := os.Readlink("/proc/self/ns/" + kind)
	if err != nil {
		return fmt.Errorf("look at own namespaces: %w", err)
	}
	return g.Processes.WaitFor(g.name(fabric), 5*time.Second, func() bool {
		its, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/%s", pid, kind))
		return err == nil && its != own
	})
}
