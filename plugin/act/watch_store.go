package act

import (
	core "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"
)

// Add implements cache.ReflectorStore.
func (w *watched) Add(o any) error {
	defer w.tell()
	return w.store.Add(slim(o))
}

// Update implements cache.ReflectorStore.
func (w *watched) Update(o any) error {
	defer w.tell()
	return w.store.Update(slim(o))
}

// Delete implements cache.ReflectorStore.
func (w *watched) Delete(o any) error {
	defer w.tell()
	return w.store.Delete(o)
}

// Replace implements cache.ReflectorStore.
func (w *watched) Replace(all []any, version string) error {
	for i := range all {
		all[i] = slim(all[i])
	}
	if err := w.store.Replace(all, version); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.whole = true
	w.turn()
	return nil
}

// Resync implements cache.ReflectorStore.
func (w *watched) Resync() error { return w.store.Resync() }

// Transformer implements cache.TransformingStore: what is streamed is slim before it is kept.
func (w *watched) Transformer() cache.TransformFunc {
	return func(o any) (any, error) { return slim(o), nil }
}

// slim keeps of a pod what is said of pods; of thousands the rest would be most.
func slim(o any) any {
	p, ok := o.(*core.Pod)
	if !ok {
		return o
	}
	kept := &core.Pod{ObjectMeta: p.ObjectMeta, Status: p.Status}
	kept.ManagedFields, kept.Annotations = nil, nil
	kept.Spec.NodeName = p.Spec.NodeName
	for _, c := range p.Spec.Containers {
		kept.Spec.Containers = append(kept.Spec.Containers, core.Container{Name: c.Name, Image: c.Image})
	}
	return kept
}
