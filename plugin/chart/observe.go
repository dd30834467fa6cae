package chart

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// atOnce bounds how many objects of one cluster are asked for at a time.
const atOnce = 16

// fill renders, looks meanwhile at what exists, and masks all of it.
func (s *Session) fill(ctx context.Context, in input, out *facts.Rendered) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	sight := &sight{asked: map[string]bool{}, found: map[string]facts.Object{}}
	var early sync.WaitGroup
	early.Go(func() { s.look(ctx, out.Before, sight) })
	first, err := in.render()
	early.Wait()
	if err != nil {
		return err
	}
	out.After, out.Hooks = first.objects, first.hooks
	if differs(out) {
		if err := in.again(first); err != nil {
			return err
		}
	}
	s.look(ctx, out.After, sight)
	sight.report(out)
	s.mask(out)
	return nil
}

// mask masks every object.
func (s *Session) mask(out *facts.Rendered) {
	for _, objects := range [][]facts.Object{out.Before, out.After, out.Live} {
		for i := range objects {
			objects[i] = s.Masker.Object(objects[i])
		}
	}
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

// sight is what was found of those objects that were looked for.
type sight struct {
	mu      sync.Mutex
	asked   map[string]bool
	found   map[string]facts.Object
	unknown []string
	blind   bool
}

// look reads those objects that exist, each once.
func (s *Session) look(ctx context.Context, objects []facts.Object, into *sight) {
	var wg sync.WaitGroup
	slots := make(chan struct{}, atOnce)
	for _, o := range into.fresh(objects) {
		wg.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			u, err := s.cluster.get(ctx, o.APIVersion, o.Kind, o.Namespace, o.Name)
			into.note(o, u, err)
		})
	}
	wg.Wait()
}

// fresh are those objects that were not asked for yet.
func (t *sight) fresh(objects []facts.Object) []facts.Object {
	var all []facts.Object
	for _, o := range objects {
		if !t.asked[o.Key()] {
			t.asked[o.Key()] = true
			all = append(all, o)
		}
	}
	return all
}

func (t *sight) note(o facts.Object, u *unstructured.Unstructured, err error) {
	var live facts.Object
	if err == nil {
		live = object(u)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case apierrors.IsNotFound(err):
	case errors.Is(err, errNoKind):
		t.unknown = append(t.unknown, fmt.Sprintf("%s: %s of %s is not served: Helm would fail", o.Key(), o.Kind, o.APIVersion))
	case err != nil:
		t.blind = true
		t.unknown = append(t.unknown, fmt.Sprintf("%s could not be seen: %v", o.Key(), err))
	default:
		t.found[o.Key()] = live
	}
}

// report writes down what was seen, in the order of the manifests.
func (t *sight) report(out *facts.Rendered) {
	out.LiveSeen = !t.blind
	out.Unknown = append(out.Unknown, slices.Sorted(slices.Values(t.unknown))...)
	for _, objects := range [][]facts.Object{out.Before, out.After} {
		for _, o := range objects {
			if l, ok := t.found[o.Key()]; ok {
				out.Live = append(out.Live, l)
				delete(t.found, o.Key())
			}
		}
	}
}
