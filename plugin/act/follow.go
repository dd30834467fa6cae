package act

import (
	"context"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// Follow puts a token into fresh, which holds one, whenever a journal of the cluster's may have changed, from now on until
// the cluster's life ends. What it gives tells why it does not, where it does not: the watch may be forbidden.
func (c *Cluster) Follow(fresh chan<- struct{}) (broken func() error) {
	namespace := c.options.Expect.Flux.Namespace
	all := c.core.ConfigMaps(namespace)
	var journals []*watched
	for _, name := range []string{Name, handover.DrillJournalName} {
		w := newWatched(handover.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: name}, fresh)
		only := fields.OneTermEqualSelector("metadata.name", name).String()
		w.lists = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.FieldSelector = only
			return all.List(ctx, o)
		}
		w.opens = func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.FieldSelector = only
			return all.Watch(ctx, o)
		}
		w.run(c.life, &core.ConfigMap{}, c.core)
		journals = append(journals, w)
	}
	return func() error {
		for _, w := range journals {
			if err := w.broken(); err != nil {
				return c.failed("watch", w.ref, "watch", err)
			}
		}
		return nil
	}
}
