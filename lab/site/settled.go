package site

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
)

// awaitCilium waits for what agents and operator do after Helm has seen their pods ready: the definitions are
// registered, every node has its CiliumNode, and the GatewayClass is accepted.
func awaitCilium(ctx context.Context, client *api.Client) error {
	nodes := schema.GroupVersionResource{Group: "cilium.io", Version: "v2", Resource: "ciliumnodes"}
	classes := schema.GroupVersionResource{Group: "gateway.networking.k8s.io", Version: "v1", Resource: "gatewayclasses"}
	return api.Wait(ctx, "Cilium to settle", time.Minute, func() (bool, error) {
		list, err := client.Dynamic.Resource(nodes).List(ctx, metav1.ListOptions{})
		if err != nil || len(list.Items) < fleet.Nodes {
			return false, err
		}
		class, err := client.Dynamic.Resource(classes).Get(ctx, "cilium", metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if !api.True(class, "Accepted") {
			return false, fmt.Errorf("GatewayClass cilium is not accepted")
		}
		return true, nil
	})
}
