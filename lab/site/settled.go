package site

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/play"
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

// awaitPods waits until every pod that has a node is started there.
func awaitPods(ctx context.Context, client *api.Client) error {
	pods := schema.GroupVersionResource{Version: "v1", Resource: "pods"}
	return api.Wait(ctx, "pods to start", time.Minute, func() (bool, error) {
		list, err := client.Dynamic.Resource(pods).List(ctx, metav1.ListOptions{FieldSelector: "status.phase=Pending"})
		if err != nil {
			return false, err
		}
		var pending []corev1.Pod
		for _, item := range list.Items {
			var pod corev1.Pod
			if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &pod); err != nil {
				return false, err
			}
			pending = append(pending, pod)
		}
		if waiting := play.Waiting(pending); len(waiting) > 0 {
			return false, fmt.Errorf("%s/%s waits on %s", waiting[0].Namespace, waiting[0].Name, waiting[0].Spec.NodeName)
		}
		return true, nil
	})
}

// awaitFlux waits until one of Flux's Kustomizations in flux-system is ready.
func awaitFlux(ctx context.Context, client *api.Client, name string) error {
	gvr := schema.GroupVersionResource{Group: "kustomize.toolkit.fluxcd.io", Version: "v1", Resource: "kustomizations"}
	return api.Wait(ctx, "Kustomization "+name, 2*time.Minute, func() (bool, error) {
		obj, err := client.Dynamic.Resource(gvr).Namespace("flux-system").Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		return api.True(obj, "Ready"), nil
	})
}

// awaitSources waits until every fetched source is offered where the fetching controller now listens; a lab that was
// down may have come up on other ports.
func awaitSources(ctx context.Context, client *api.Client, address string) error {
	err := api.Wait(ctx, "source-controller to serve on "+address, time.Minute, func() (bool, error) { return listening(address), nil })
	if err != nil {
		return err
	}
	for _, resource := range []string{"gitrepositories", "ocirepositories"} {
		gvr := schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: resource}
		err := api.Wait(ctx, resource+" to be offered anew", 30*time.Second, func() (bool, error) {
			list, err := client.Dynamic.Resource(gvr).List(ctx, metav1.ListOptions{})
			if err != nil {
				return false, err
			}
			for _, item := range list.Items {
				url, fetched, _ := unstructured.NestedString(item.Object, "status", "artifact", "url")
				if fetched && !strings.HasPrefix(url, "http://"+address+"/") {
					return false, nil
				}
			}
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
