package breaks

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cilium-gitops/cilium-gitops/lab/kubelet"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// way is how a break is done and undone.
type way struct {
	do, undo func(context.Context, *Target) error
}

// really is how faults come about where agents and neighbours are the real programs: nobody tells them what to say.
func really() map[string]way {
	return map[string]way{
		"agent-down":             {killAgent, freeAgent},
		"relay-node-unavailable": closed("--dport=4244"),
		"target-down":            closed("--dport=9962"),
		"node-cut-off": {
			func(ctx context.Context, t *Target) error {
				return t.Lab.Ground(t.Cluster).Cut(ctx, t.Record.Node, true)
			},
			func(ctx context.Context, t *Target) error {
				return t.Lab.Ground(t.Cluster).Cut(ctx, t.Record.Node, false)
			},
		},
		"dns-failing":   {dnsLost(true), dnsLost(false)},
		"mirror-unused": {losePeers, func(context.Context, *Target) error { return nil }}, // what was saved is put back by mend
		"bgp-peer-idle": closed("--dport=179", "--sport=179"),                             // whichever side has called
	}
}

// told are the faults that only played agents have, because they lie in what those are told to say.
func told() []string {
	return []string{
		"agent-not-encrypting", "wireguard-peer-missing", "agent-unhealthy", "agent-status-unreadable",
		"gatewayclass-not-accepted", "version-skew", "config-without-wireguard",
	}
}

// realBreaks are the faults that only a real network can have.
func realBreaks() []Break {
	return []Break{{
		Name: "dns-failing", Scope: OnNode, About: "names cannot be looked up on the node: what it asks other nodes' CoreDNS is lost",
		Do: needsReal, Undo: needsReal,
	}, {
		Name: "mirror-unused", Scope: OnCluster, About: "Spegel's mirrors find nobody to ask: the name that they look one another up by has no addresses",
		Do: needsReal, Undo: needsReal,
	}}
}

func needsReal(context.Context, *Target) error {
	return errors.New("played agents send no packet that could be lost; it needs a lab brought up with --agents real")
}

// in is the break as it is done in a lab with such settings.
func (b Break) in(s state.Settings) (Break, error) {
	if !s.Real() {
		return b, nil
	}
	if w, ok := really()[b.Name]; ok {
		b.Do, b.Undo = w.do, w.undo
		return b, nil
	}
	if slices.Contains(told(), b.Name) {
		return b, fmt.Errorf("break %s: real agents cannot be told to do this; it needs a lab brought up with --agents simulated", b.Name)
	}
	return b, nil
}

// killAgent ends the node's agent as a crash would, and keeps it from being started again.
func killAgent(ctx context.Context, t *Target) error {
	list, err := t.Kube.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{LabelSelector: agents, FieldSelector: "spec.nodeName=" + t.Record.Node})
	if err != nil || len(list.Items) != 1 {
		return errors.Join(fmt.Errorf("find the agent of %s: %d pods", t.Record.Node, len(list.Items)), err)
	}
	uid := string(list.Items[0].UID)
	t.Record.Note["pod"] = uid
	if err := t.keep(); err != nil {
		return err
	}
	if err := state.WriteFile(t.Cluster.Path("pods", uid, kubelet.HoldFile), nil, 0o644); err != nil {
		return err
	}
	raw, err := os.ReadFile(t.Cluster.Path("pods", uid, "cilium-agent.pid"))
	if err != nil {
		return fmt.Errorf("find the agent's process: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(raw)))
	if err != nil {
		return fmt.Errorf("find the agent's process: %w", err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill agent (pid %d): %w", pid, err)
	}
	return t.daemonSetCounts(ctx, "kube-system", "cilium", false)
}

func freeAgent(ctx context.Context, t *Target) error {
	if uid := t.Record.Note["pod"]; uid != "" {
		if err := os.Remove(t.Cluster.Path("pods", uid, kubelet.HoldFile)); err != nil && !os.IsNotExist(err) {
			return fmt.Errorf("let the agent start: %w", err)
		}
	}
	return t.daemonSetCounts(ctx, "kube-system", "cilium", true)
}

// losePeers has the Service that Spegel's stand-ins look one another up by select nobody.
func losePeers(ctx context.Context, t *Target) error {
	found, err := t.save(ctx, ref("v1", "Service", "spegel", "spegel-peers"))
	if err != nil {
		return err
	}
	for _, service := range found {
		if err := unstructured.SetNestedStringMap(service.Object, map[string]string{"app.kubernetes.io/name": "nobody"}, "spec", "selector"); err != nil {
			return err
		}
		if err := t.replace(ctx, service, "kubectl-edit"); err != nil {
			return err
		}
	}
	return nil
}

// closed has one node turn away what comes from or to a port of it.
func closed(matches ...string) way {
	rules := func(how string) func(context.Context, *Target) error {
		return func(ctx context.Context, t *Target) error {
			for _, match := range matches {
				err := t.Lab.Ground(t.Cluster).On(ctx, t.Record.Node, "iptables", "--wait", how, "INPUT", "--protocol", "tcp", match,
					"--jump", "REJECT", "--reject-with", "tcp-reset")
				if err != nil {
					return err
				}
			}
			return nil
		}
	}
	return way{rules("--insert"), rules("--delete")}
}

// dnsLost loses what the node asks of name servers, on its way between the nodes.
func dnsLost(lost bool) func(context.Context, *Target) error {
	return func(ctx context.Context, t *Target) error {
		if lost {
			list, err := t.Kube.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=kube-dns"})
			if err != nil {
				return fmt.Errorf("find CoreDNS: %w", err)
			}
			for _, pod := range list.Items {
				if pod.Spec.NodeName == t.Record.Node {
					return fmt.Errorf("%s has a CoreDNS of its own, %s, which is reached all the same; name another with --node", t.Record.Node, pod.Name)
				}
			}
		}
		for _, protocol := range []string{"udp", "tcp"} {
			if err := t.Lab.Ground(t.Cluster).Lose(ctx, t.Record.Node, protocol, 53, lost); err != nil {
				return err
			}
		}
		return nil
	}
}
