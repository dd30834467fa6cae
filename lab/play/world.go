package play

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/tools/cache"

	corelisters "k8s.io/client-go/listers/core/v1"

	"github.com/cilium-gitops/cilium-gitops/lab/component"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// view is what the player sees of the cluster.
type view struct {
	pods    corelisters.PodLister
	nodes   corelisters.NodeLister
	classes cache.GenericLister
	issuers cache.GenericLister

	certificates cache.GenericLister
}

func (v view) allPods() ([]*corev1.Pod, error) { return v.pods.List(labels.Everything()) }

func (v view) allNodes() ([]*corev1.Node, error) {
	nodes, err := v.nodes.List(labels.Everything())
	if err != nil {
		return nil, err
	}
	slices.SortFunc(nodes, func(a, b *corev1.Node) int { return strings.Compare(a.Name, b.Name) })
	return nodes, nil
}

// World is what every agent of a cluster sees around it.
type World struct {
	Kubernetes string `json:"kubernetes"`
	Nodes      []Peer `json:"nodes"`
}

// Peer is a node as its neighbours know it.
type Peer struct {
	Name    string `json:"name"`
	IP      string `json:"ip"`
	PodCIDR string `json:"podCIDR"`
	// Agent tells whether an agent runs there; without one a node has no WireGuard key for others to use.
	Agent bool `json:"agent"`
}

// writeWorld keeps the file world.json up to date.
func (p *Player) writeWorld(context.Context) error {
	nodes, err := p.see.allNodes()
	if err != nil {
		return err
	}
	pods, err := p.see.allPods()
	if err != nil {
		return err
	}
	world := World{Kubernetes: component.Kubernetes}
	for _, n := range nodes {
		world.Nodes = append(world.Nodes, Peer{
			Name: n.Name, IP: internalIP(n), PodCIDR: n.Spec.PodCIDR,
			Agent: slices.ContainsFunc(pods, func(pod *corev1.Pod) bool { return isAgent(pod) && pod.Spec.NodeName == n.Name }),
		})
	}
	raw, err := json.Marshal(world)
	if err != nil {
		return fmt.Errorf("write world: %w", err)
	}
	path := p.file("world.json")
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, raw) {
		return nil
	}
	return state.WriteFile(path, raw, 0o644)
}

func internalIP(n *corev1.Node) string {
	for _, a := range n.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			return a.Address
		}
	}
	return ""
}
