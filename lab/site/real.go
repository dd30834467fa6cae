package site

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/cilium-gitops/cilium-gitops/lab/component"
	"github.com/cilium-gitops/cilium-gitops/lab/control"
	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/kubelet"
	"github.com/cilium-gitops/cilium-gitops/lab/machine"
	"github.com/cilium-gitops/cilium-gitops/lab/node"
	"github.com/cilium-gitops/cilium-gitops/lab/process"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// realComponents are the programs that pods run where the agents are Cilium's own.
func realComponents() []string { return []string{"cilium", "echoes", "coredns", "prometheus"} }

// chooseAgents settles what answers for Cilium's agents in a lab that is new.
func chooseAgents(s *state.Settings, agents string) error {
	switch agents {
	case "", state.Simulated:
		return nil
	case state.Real:
	default:
		return fmt.Errorf("agents %q: use %s or %s", agents, state.Simulated, state.Real)
	}
	if err := machine.Able(); err != nil {
		return err
	}
	if "v"+s.CiliumVersion != component.Models {
		return fmt.Errorf("run Cilium's own agents: the lab has those of %s, and is to have %s; leave --cilium-version or --agents away",
			component.Models[1:], s.CiliumVersion)
	}
	s.Agents, s.NoEncryption = state.Real, !machine.WireGuard()
	return nil
}

// Ground is what the nodes of a cluster stand on, where the agents are Cilium's own.
func (l *Lab) Ground(c control.Cluster) node.Ground {
	return node.Ground{
		Dir: l.Dir, Cluster: c.Cluster, API: c.Settings.Of(c.Index, state.APIServer), Processes: l.Processes(), Self: l.Self,
		Datapath: l.Dir.Join("datapath"),
	}
}

// Kubelet is the kubelet of a cluster's nodes.
func (l *Lab) Kubelet(c control.Cluster) (*kubelet.Kubelet, error) {
	client, err := c.Watcher()
	if err != nil {
		return nil, err
	}
	llvm, err := machine.LLVM()
	if err != nil {
		return nil, err
	}
	return &kubelet.Kubelet{Client: client, Ground: l.Ground(c), Folder: c.Path("pods"), Bin: l.Dir.Join("pod-bin"), LLVM: llvm}, nil
}

// prepareReal builds what pods run, the cluster's own part of it in the folder pod-bin, and the ways into them.
func (l *Lab) prepareReal(ctx context.Context, s state.Settings) error {
	for _, name := range realComponents() {
		dir, err := l.Builder.Ensure(ctx, name)
		if err != nil {
			return err
		}
		entries, err := os.ReadDir(dir)
		if err != nil {
			return fmt.Errorf("install %s: %w", name, err)
		}
		for _, e := range entries {
			if err := link(filepath.Join(dir, e.Name()), l.Dir.Join("pod-bin", e.Name())); err != nil {
				return err
			}
		}
	}
	if err := l.linkProbe(); err != nil {
		return err
	}
	dir, err := l.Builder.Files(ctx, component.Datapath(s.CiliumVersion))
	if err != nil {
		return err
	}
	if err := link(dir, l.Dir.Join("datapath")); err != nil {
		return err
	}
	return l.execShims()
}

// linkProbe has pods of the project's image run the plugin that lies beside this program, as it is built now or later.
func (l *Lab) linkProbe() error {
	const plugin = "kubectl-cilium_gitops"
	return link(filepath.Join(filepath.Dir(l.Self), plugin), l.Dir.Join("pod-bin", plugin))
}

// execShim is what the simulated kubelet runs for `kubectl exec`, under every name that a pod's command may have: in a
// pod that runs here it goes there, in any other it is the machine's program.
const execShim = `#!/bin/sh
[ -n "$` + kubelet.EnterVariable + `" ] && exec "$` + kubelet.EnterVariable + `" "${0##*/}" "$@"
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
exec "${0##*/}" "$@"
`

func (l *Lab) execShims() error {
	shim := l.Dir.Join("exec-bin", ".shim")
	if err := state.WriteFile(shim, []byte(execShim), 0o755); err != nil {
		return err
	}
	names := []string{
		"sh", "bash", "cat", "ls", "env", "echo", "true", "false", "sleep", "date", "hostname", "ps", "ip", "ss", "ping", "iptables", "ipset",
		"bpftool", "curl", "wget", "nslookup", "dig", "grep", "head", "tail", "find", "nc",
	}
	entries, err := os.ReadDir(l.Dir.Join("pod-bin"))
	if err != nil {
		return fmt.Errorf("prepare exec: %w", err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	for _, name := range names {
		if err := link(".shim", l.Dir.Join("exec-bin", name)); err != nil {
			return err
		}
	}
	return nil
}

// startReal makes a cluster's nodes and starts what runs pods on them.
func (l *Lab) startReal(ctx context.Context, c control.Cluster) error {
	if err := l.Ground(c).Start(ctx); err != nil {
		return fmt.Errorf("make nodes of %s: %w", c.Name, err)
	}
	return l.Processes().Start(process.Spec{
		Name: c.Name + "/kubelet", Path: l.Self, Args: []string{"--state", string(l.Dir), "kubelet", c.Name}, Inherit: true,
	})
}

// stopReal ends the nodes of clusters whose own programs have ended, and all that ran on them, and removes what the
// kernel does not take away by itself. It does so for any lab: what is not there cannot be in the way.
func (l *Lab) stopReal(clusters ...fleet.Cluster) error {
	var group errgroup.Group
	for _, c := range clusters {
		group.Go(func() error {
			l.Processes().Stop(500*time.Millisecond, l.Processes().Names(node.Prefix(c.Name))...)
			for _, folder := range []string{"pods", "nodes"} {
				if err := os.RemoveAll(l.Dir.Cluster(c.Name, folder)); err != nil {
					return fmt.Errorf("stop nodes of %s: %w", c.Name, err)
				}
			}
			return nil
		})
	}
	return group.Wait()
}
