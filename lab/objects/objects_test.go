package objects

import (
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
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
