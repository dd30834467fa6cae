package breaks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/lab/play"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

const agents = "app.kubernetes.io/name=cilium-agent"

func agentBreaks() []Break {
	return []Break{
		{
			Name: "agent-down", Scope: OnNode, About: "the node's agent pod is not Ready and nobody answers on its socket",
			Do: func(ctx context.Context, t *Target) error {
				if err := t.setFault(func(f *play.Fault) { f.Dead = true }); err != nil {
					return err
				}
				return t.agentReady(ctx, false)
			},
			Undo: func(ctx context.Context, t *Target) error {
				if err := t.setFault(func(f *play.Fault) { f.Dead = false }); err != nil {
					return err
				}
				return t.agentReady(ctx, true)
			},
		},
		faulty("agent-not-encrypting", "the configuration says WireGuard, the node's agent says that encryption is disabled",
			func(f *play.Fault) { f.Encryption = "Disabled" }, func(f *play.Fault) { f.Encryption = "" }),
		faulty("wireguard-peer-missing", "the node's agent has one WireGuard peer fewer than there are other nodes",
			func(f *play.Fault) { f.PeersMissing = 1 }, func(f *play.Fault) { f.PeersMissing = 0 }),
		faulty("agent-unhealthy", "the node's agent answers, its pod is Ready, and its state is Failure: it has lost the API server",
			func(f *play.Fault) {
				f.State, f.Message = "Failure", `Kubernetes service is not ready: Get "https://localhost:7445/version": dial tcp 127.0.0.1:7445: connect: connection refused`
			}, func(f *play.Fault) { f.State, f.Message = "", "" }),
		faulty("relay-node-unavailable", "Hubble's relay has lost the node's agent",
			func(f *play.Fault) { f.RelayLost = true }, func(f *play.Fault) { f.RelayLost = false }),
		faulty("target-down", "Prometheus cannot scrape the node's agent",
			func(f *play.Fault) { f.TargetDown = true }, func(f *play.Fault) { f.TargetDown = false }),
		faulty("node-cut-off", "the node reaches no other node, and none reaches it",
			func(f *play.Fault) { f.CutOff = true }, func(f *play.Fault) { f.CutOff = false }),
		faulty("bgp-peer-idle", "the node's agent has a BGP session that stays idle",
			func(f *play.Fault) { f.PeerIdle = true }, func(f *play.Fault) { f.PeerIdle = false }),
		faulty("agent-status-unreadable", "what the node's agent prints as its status breaks off in the middle, with exit code 0",
			func(f *play.Fault) { f.Garbage = true }, func(f *play.Fault) { f.Garbage = false }),
	}
}

// faulty is a break that lies in what one agent answers.
func faulty(name, about string, do, undo func(*play.Fault)) Break {
	return Break{
		Name: name, About: about, Scope: OnNode,
		Do:   func(_ context.Context, t *Target) error { return t.setFault(do) },
		Undo: func(_ context.Context, t *Target) error { return t.setFault(undo) },
	}
}

// setFault changes what is wrong with the agent of the record's node; agents read it anew for every answer.
func (t *Target) setFault(change func(*play.Fault)) error {
	path := t.Cluster.Path("agents", play.FaultsFile)
	faults := map[string]play.Fault{}
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &faults)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read faults: %w", err)
	}
	fault := faults[t.Record.Node]
	change(&fault)
	faults[t.Record.Node] = fault
	if fault == (play.Fault{}) {
		delete(faults, t.Record.Node)
	}
	if raw, err = json.Marshal(faults); err != nil {
		return fmt.Errorf("write faults: %w", err)
	}
	return state.WriteFile(path, raw, 0o644)
}

// agentReady makes the agent pod of the record's node Ready or not, and waits until its DaemonSet has counted.
func (t *Target) agentReady(ctx context.Context, yes bool) error {
	if err := t.setPods(ctx, "kube-system", agents, t.Record.Node, yes); err != nil {
		return err
	}
	return t.daemonSetCounts(ctx, "kube-system", "cilium", yes)
}

// setPods makes the running pods of a selector, on one node or on all, pass or fail their readiness probes.
func (t *Target) setPods(ctx context.Context, namespace, selector, node string, yes bool) error {
	list, err := t.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return fmt.Errorf("find pods %s: %w", selector, err)
	}
	n := 0
	for _, pod := range list.Items {
		if (node != "" && pod.Spec.NodeName != node) || pod.Status.Phase != corev1.PodRunning {
			continue
		}
		n++
		if yes {
			play.Ready(&pod.Status)
		} else {
			play.Unready(&pod.Status)
		}
		if _, err := t.Kube.CoreV1().Pods(namespace).UpdateStatus(ctx, &pod, metav1.UpdateOptions{}); err != nil {
			return fmt.Errorf("set readiness of pod %s: %w", pod.Name, err)
		}
	}
	if n == 0 && !yes {
		return fmt.Errorf("find pods %s on %s: there is none", selector, t.Cluster.Name)
	}
	return nil
}

// daemonSetCounts waits until a DaemonSet counts all its pods ready, or not all.
func (t *Target) daemonSetCounts(ctx context.Context, namespace, name string, all bool) error {
	return t.wait(ctx, "DaemonSet "+name, func() (bool, error) {
		ds, err := t.Kube.AppsV1().DaemonSets(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		s := ds.Status
		return (s.NumberReady == s.DesiredNumberScheduled && s.DesiredNumberScheduled > 0) == all, nil
	})
}
