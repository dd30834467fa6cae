package play

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
)

var ciliumNodes = schema.GroupVersionResource{Group: "cilium.io", Version: "v2", Resource: "ciliumnodes"}

// keepCiliumNodes writes the CiliumNode of every node whose agent is ready, once.
func (p *Player) keepCiliumNodes(ctx context.Context) error {
	pods, err := p.see.allPods()
	if err != nil {
		return err
	}
	for _, pod := range pods {
		if !isAgent(pod) || !ready(pod) || p.noted[pod.UID] {
			continue
		}
		node, err := p.see.nodes.Get(pod.Spec.NodeName)
		if err != nil {
			return fmt.Errorf("write CiliumNode %s: %w", pod.Spec.NodeName, err)
		}
		_, err = p.dynamic.Resource(ciliumNodes).Create(ctx, ciliumNode(node), metav1.CreateOptions{FieldManager: "cilium-agent"})
		if apierrors.IsNotFound(err) {
			return nil // the operator has not registered the definition yet
		}
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("write CiliumNode %s: %w", node.Name, err)
		}
		p.noted[pod.UID] = true
	}
	return nil
}

func ciliumNode(n *corev1.Node) *api.Object {
	return &api.Object{Object: map[string]any{
		"apiVersion": "cilium.io/v2", "kind": "CiliumNode",
		"metadata": map[string]any{
			"name": n.Name, "labels": stringMap(n.Labels),
			"ownerReferences": []any{map[string]any{"apiVersion": "v1", "kind": "Node", "name": n.Name, "uid": string(n.UID)}},
		},
		"spec": map[string]any{
			"addresses":  []any{map[string]any{"type": "InternalIP", "ip": internalIP(n)}},
			"bootid":     n.Status.NodeInfo.BootID,
			"encryption": map[string]any{},
			"ipam":       map[string]any{"podCIDRs": []any{n.Spec.PodCIDR}},
		},
	}}
}

func stringMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
