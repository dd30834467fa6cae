package live

import (
	"context"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

var namespaceResource = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}

// seeIdentity reads the UID of Namespace kube-system: every cluster has that namespace, and no two have that UID.
func seeIdentity(ctx context.Context, g *gatherer) error {
	m, err := g.meta.Resource(namespaceResource).Get(ctx, metav1.NamespaceSystem, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil // no cluster lacks it; what answers like that has no identity
	}
	if err != nil {
		return err
	}
	g.note(func(f *facts.Facts) { f.Live.UID = string(m.UID) })
	return nil
}

// Pods are the facts of those of all that part "pods" is about, in its order, as Gather would have them: for whoever
// has watched them instead. own are the release's workloads.
func Pods(all []*core.Pod, own facts.Workloads) []facts.Pod {
	var f facts.Facts
	for _, p := range all {
		if one := pod(p); concerns(p) || own.Pod(one) {
			f.Live.Pods = append(f.Live.Pods, one)
		}
	}
	sorted(f.Live.Pods, podKey)
	facts.Clean(&f)
	return f.Live.Pods
}

func podKey(p facts.Pod) string { return p.Namespace + "/" + p.Name }
