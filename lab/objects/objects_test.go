package objects

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
	"github.com/cilium-gitops/cilium-gitops/lab/kubelet"
)

func TestManifestsAreWhole(t *testing.T) {
	for _, c := range fleet.All() {
		all, err := All(Data{Cluster: c, GitURL: "http://127.0.0.1:1/fleet.git", LogFile: "/tmp/log"})
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, obj := range all {
			id := obj.GetKind() + "/" + obj.GetNamespace() + "/" + obj.GetName()
			if obj.GetName() == "" || obj.GetAPIVersion() == "" || seen[id] {
				t.Errorf("%s has no name or version, or is there twice", id)
			}
			seen[id] = true
		}
		for _, id := range []string{
			"Kustomization/flux-system/cluster-" + c.Name + "-infrastructure", "GitRepository/flux-system/flux-system",
			"DaemonSet/spegel/spegel", "Service/kube-system/kube-dns", "Deployment/flux-system/helm-controller", "Stage//pod-ready",
		} {
			if !seen[id] {
				t.Errorf("%s: no %s", c.Name, id)
			}
		}
	}
}

// Where pods are real, the same objects are there and more, and the simulated kubelet keeps its hands off them.
func TestManifestsOfRealPods(t *testing.T) {
	data := Data{Real: true, Cluster: fleet.All()[0], GitURL: "http://127.0.0.1:1/fleet.git", LogFile: "/tmp/log"}
	all, err := All(data)
	if err != nil {
		t.Fatal(err)
	}
	data.Real = false
	played, err := All(data)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]*api.Object{}
	for _, obj := range all {
		seen[api.Name(obj)] = obj
	}
	for _, obj := range played {
		if seen[api.Name(obj)] == nil {
			t.Errorf("%s is played only", api.Name(obj))
		}
	}
	for _, name := range []string{"EndpointSlice/default/kubernetes", "DaemonSet/echo/echo", "ConfigMap/kube-system/coredns", "ConfigMap/monitoring/prometheus"} {
		if seen[name] == nil {
			t.Errorf("no %s", name)
		}
	}
	for _, name := range []string{"Stage/pod-ready", "Stage/pod-delete"} {
		text := fmt.Sprint(seen[name].Object["spec"])
		if !strings.Contains(text, ".spec.hostNetwork") || !strings.Contains(text, kubelet.RunAnnotation) {
			t.Errorf("%s takes pods that are not its own: %s", name, text)
		}
	}
}

func TestNodeIsReachedByItsExternalIP(t *testing.T) {
	n := Node(fleet.All()[0].Nodes()[0], 12345, time.Now())
	addresses := map[string]string{}
	for _, a := range n.Status.Addresses {
		addresses[string(a.Type)] = a.Address
	}
	if addresses["ExternalIP"] != "127.0.0.1" || addresses["InternalIP"] != "172.20.1.11" || n.Status.DaemonEndpoints.KubeletEndpoint.Port != 12345 {
		t.Errorf("addresses %v, port %d", addresses, n.Status.DaemonEndpoints.KubeletEndpoint.Port)
	}
}
