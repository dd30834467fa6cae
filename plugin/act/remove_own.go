package act

import (
	"context"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// Own lists what this tool made in the cluster: ConfigMaps and Leases in Flux's namespace, pods in any, and the
// namespaces of probes.
func (c *Cluster) Own(ctx context.Context) ([]handover.Own, error) {
	all, err := c.ownIn(ctx)
	if err != nil {
		return nil, err
	}
	left, err := c.LeftProbes(ctx)
	for _, l := range left {
		all = append(all, handover.Own{
			Ref:   handover.Ref{APIVersion: "v1", Kind: "Namespace", Name: l.Namespace},
			Until: l.Deadline, Over: l.Passed, Removing: l.Removing,
		})
	}
	return all, err
}

// ownIn lists what of this tool's is in namespaces.
func (c *Cluster) ownIn(ctx context.Context) ([]handover.Own, error) {
	ours := metav1.ListOptions{LabelSelector: labels.Set(ownLabels()).String()}
	namespace := c.options.Expect.Flux.Namespace
	var all []handover.Own
	add := func(apiVersion, kind string, m metav1.ObjectMeta) *handover.Own {
		all = append(all, handover.Own{Ref: handover.Ref{APIVersion: apiVersion, Kind: kind, Namespace: m.Namespace, Name: m.Name}})
		return &all[len(all)-1]
	}
	err := c.listed(ctx, "ConfigMap", namespace, func() error {
		list, err := c.core.ConfigMaps(namespace).List(ctx, ours)
		if err == nil {
			for i := range list.Items {
				add("v1", "ConfigMap", list.Items[i].ObjectMeta)
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	err = c.listed(ctx, "Lease", namespace, func() error {
		list, err := c.leases.Leases(namespace).List(ctx, ours)
		if err != nil {
			return err
		}
		for i := range list.Items {
			l := &list.Items[i]
			o := add("coordination.k8s.io/v1", "Lease", l.ObjectMeta)
			if l.Spec.HolderIdentity != nil {
				o.Holder = facts.Text(*l.Spec.HolderIdentity)
			}
			if l.Spec.RenewTime != nil {
				o.Renewed = l.Spec.RenewTime.Time
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	err = c.listed(ctx, "Pod", "", func() error {
		list, err := c.core.Pods("").List(ctx, ours)
		if err == nil {
			for i := range list.Items {
				add("v1", "Pod", list.Items[i].ObjectMeta)
			}
		}
		return err
	})
	return all, err
}

// listed lists one kind, again where that may help.
func (c *Cluster) listed(ctx context.Context, kind, namespace string, list func() error) error {
	ref := handover.Ref{APIVersion: "v1", Kind: kind, Namespace: namespace}
	if kind == "Lease" {
		ref.APIVersion = "coordination.k8s.io/v1"
	}
	return c.failed("list", ref, "list", c.read(ctx, list))
}
