package live

import (
	"context"
	"maps"
	"slices"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// controllers are those of Flux's that act on its objects of Cilium, as their Deployments and the label app of their pods
// name them.
var controllers = []string{"helm-controller", "kustomize-controller"}

// seeControllers gets the controllers' Deployments and counts their pods, those that are being deleted among them: such a
// pod goes on with what it is at until its grace period ends.
func seeControllers(ctx context.Context, g *gatherer) error {
	namespace := g.options.Expect.Flux.Namespace
	all := make([]facts.Controller, len(controllers))
	err := atOnce(len(controllers), func(i int) error {
		all[i].Name = controllers[i]
		d, err := g.apps.Deployments(namespace).Get(ctx, controllers[i], metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return nil
		}
		if err != nil {
			return err
		}
		w := deployment(d)
		all[i].Found, all[i].Desired, all[i].Ready = true, w.Desired, w.Ready
		return nil
	})
	if err != nil {
		return err
	}
	err = paged("app in (helm-controller,kustomize-controller)", func(o metav1.ListOptions) (string, error) {
		list, err := g.core.Pods(namespace).List(ctx, o)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			p := &list.Items[i]
			at := slices.Index(controllers, p.Labels["app"])
			if at >= 0 && p.Status.Phase != core.PodSucceeded && p.Status.Phase != core.PodFailed {
				all[at].Pods++
			}
		}
		return list.Continue, nil
	})
	if err != nil {
		return err
	}
	g.note(func(f *facts.Facts) { f.Live.Controllers = all })
	return nil
}

// used are sources by their users, bounded.
func used(by map[string][]string) []facts.SourceUse {
	var all []facts.SourceUse
	for _, source := range slices.Sorted(maps.Keys(by)) {
		users := slices.Sorted(slices.Values(by[source]))
		kept := min(len(users), facts.MaxUses)
		all = append(all, facts.SourceUse{Source: source, By: users[:kept], More: len(users) - kept})
	}
	return all
}
