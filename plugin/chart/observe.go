package chart

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// atOnce bounds how many objects of one cluster are asked for at a time.
const atOnce = 16

// fill renders, looks at what exists, and masks all of it.
func (s *Session) fill(ctx context.Context, in input, out *facts.Rendered) error {
	first, err := in.render()
	if err != nil {
		return err
	}
	out.After, out.Hooks = first.objects, first.hooks
	if differs(out) {
		if err := in.again(first); err != nil {
			return err
		}
	}
	s.live(ctx, out)
	for _, objects := range [][]facts.Object{out.Before, out.After, out.Live} {
		for i := range objects {
			objects[i] = s.Masker.Object(objects[i])
		}
	}
	return nil
}

// differs tells whether it matters what Helm makes anew: where nothing differs, nothing was.
func differs(out *facts.Rendered) bool {
	return slices.ContainsFunc(impact.Manifests(out), func(d impact.ObjectDiff) bool { return !d.Expected })
}

// again renders once more and notes which fields come out differently. Only files that did are read again, unless
// post-renderers see all of them at once.
func (in input) again(first output) error {
	files, err := in.files(false)
	if err != nil {
		return err
	}
	if !in.renderers.patch() {
		maps.DeleteFunc(files, func(name, text string) bool { return first.files[name] == text })
	}
	second, err := in.collect(files)
	if err != nil {
		return err
	}
	made := map[string]facts.Object{}
	for _, o := range second.objects {
		made[o.Key()] = o
	}
	for i, o := range first.objects {
		if other, ok := made[o.Key()]; ok {
			for _, e := range impact.Edits(o.Body, other.Body) {
				first.objects[i].Random = append(first.objects[i].Random, e.Path)
			}
		}
	}
	return nil
}

// live reads those objects that exist.
func (s *Session) live(ctx context.Context, out *facts.Rendered) {
	wanted := map[string]facts.Object{}
	for _, objects := range [][]facts.Object{out.Before, out.After} {
		for _, o := range objects {
			wanted[o.Key()] = o
		}
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	found := map[string]facts.Object{}
	out.LiveSeen = true
	for key, o := range wanted {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			u, err := s.cluster.get(ctx, o.APIVersion, o.Kind, o.Namespace, o.Name)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case apierrors.IsNotFound(err):
			case errors.Is(err, errNoKind):
				out.Unknown = append(out.Unknown, fmt.Sprintf("%s: %s of %s is not served: Helm would fail", key, o.Kind, o.APIVersion))
			case err != nil:
				out.LiveSeen = false
				out.Unknown = append(out.Unknown, fmt.Sprintf("%s could not be seen: %v", key, err))
			default:
				found[key] = object(u)
			}
		})
	}
	wg.Wait()
	for _, objects := range [][]facts.Object{out.Before, out.After} {
		for _, o := range objects {
			if l, ok := found[o.Key()]; ok {
				out.Live = append(out.Live, l)
				delete(found, o.Key())
			}
		}
	}
}
