package live

import (
	"fmt"
	"slices"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// TestFinding_H14_Inventory: what a Kustomization has applied is known by kind, namespace and name, and bounded.
func TestFinding_H14_Inventory(t *testing.T) {
	ks := &kustomizev1.Kustomization{}
	if k := kustomization(ks, ""); k.InventoryKnown {
		t.Errorf("a Kustomization that has applied nothing: %+v", k)
	}
	ks.Status.Inventory = &kustomizev1.ResourceInventory{Entries: []kustomizev1.ResourceRef{
		{ID: "_system__kube_rbac.authorization.k8s.io_ClusterRole"}, {ID: "kube-system_values__Secret"}, {ID: "nonsense"},
	}}
	for i := range facts.MaxInventory {
		ks.Status.Inventory.Entries = append(ks.Status.Inventory.Entries, kustomizev1.ResourceRef{ID: fmt.Sprintf("a_a%03d__ConfigMap", i)})
	}
	ks.Status.Inventory.Entries = append(ks.Status.Inventory.Entries, kustomizev1.ResourceRef{ID: "kube-system_cilium_helm.toolkit.fluxcd.io_HelmRelease"})
	k := kustomization(ks, "")
	if !k.InventoryKnown || len(k.Inventory) != facts.MaxInventory || k.InventoryOmitted != 4 || !slices.IsSorted(k.Inventory) {
		t.Errorf("known %t, %d kept, %d left out", k.InventoryKnown, len(k.Inventory), k.InventoryOmitted)
	}
	for _, want := range []string{"HelmRelease/kube-system/cilium", "ClusterRole//system:kube", "ConfigMap/a/a000"} {
		if !slices.Contains(k.Inventory, want) {
			t.Errorf("not there: %s in %q", want, k.Inventory[:10])
		}
	}
}
