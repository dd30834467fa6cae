package act

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/go-logr/logr"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// podSelector selects Cilium's pods in its own namespace: its chart labels agents, operator, Envoy, Hubble's and
// ClusterMesh's alike. otherPods selects what else is there.
const (
	podSelector = "app.kubernetes.io/part-of=cilium"
	otherPods   = "app.kubernetes.io/part-of!=cilium"
)

// watches are the two watches of a cluster, which begin with the first question, and one more for each namespace that
// Beside names.
type watches struct {
	once  sync.Once
	fresh chan struct{} // holds one token when something may have changed since Changed last returned

	mu   sync.Mutex // guards what follows
	pods []*watched // of Cilium's namespace, then those of others; what is watched stays watched
	flux *watched
	also map[string]bool // the namespaces that Beside named
}

// all are the watches as they are now: those of pods, and all.
func (w *watches) all() (pods, all []*watched) {
	w.mu.Lock()
	defer w.mu.Unlock()
	pods = slices.Clone(w.pods)
	return pods, append(slices.Clone(w.pods), w.flux)
}

// Beside has pods watched that the watch of Cilium's does not have: all pods of another namespace, and of Cilium's own
// those without its label. A namespace that is watched already is not watched twice.
func (c *Cluster) Beside(namespaces []string) {
	c.watch()
	c.watches.mu.Lock()
	defer c.watches.mu.Unlock()
	for _, namespace := range namespaces {
		if c.watches.also[namespace] {
			continue
		}
		c.watches.also[namespace] = true
		selector := ""
		if namespace == c.options.Expect.Cilium.Namespace {
			selector = otherPods
		}
		c.watches.pods = append(c.watches.pods, c.watchPods(namespace, selector))
	}
}

// watchPods begins to watch the pods of a namespace that selector matches.
func (c *Cluster) watchPods(namespace, selector string) *watched {
	pods := c.core.Pods(namespace)
	w := newWatched(handover.Ref{APIVersion: "v1", Kind: "Pod", Namespace: namespace}, c.watches.fresh)
	w.lists = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
		o.LabelSelector = selector
		return pods.List(ctx, o)
	}
	w.opens = func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
		o.LabelSelector = selector
		return pods.Watch(ctx, o)
	}
	w.run(c.life, &core.Pod{}, c.core)
	return w
}

// Changed returns when a pod of Cilium's or a HelmRelease beside the planned one may have changed since it last
// returned, the first time at once, or after atMost. Nothing that happens between two calls is missed. Errors are those
// that waiting does not mend: the watch is forbidden, or ctx is over.
func (c *Cluster) Changed(ctx context.Context, atMost time.Duration) error {
	c.watch()
	timer := c.clock.NewTimer(atMost)
	defer timer.Stop()
	select {
	case <-c.watches.fresh:
	case <-timer.C():
	case <-ctx.Done():
		return ctx.Err()
	case <-c.life.Done():
		return c.life.Err()
	}
	_, all := c.watches.all()
	for _, w := range all {
		if err := w.broken(); apierrors.IsForbidden(err) || apierrors.IsUnauthorized(err) {
			return c.failed("watch", w.ref, "watch", err)
		}
	}
	return nil
}

// Pods are Cilium's pods, and those of the namespaces that Beside named, as the watches last had them: metadata,
// spec.nodeName, the containers' names and images, and status. An error says that a watch does not stand at this moment:
// what it had may be old, and has to be listed.
func (c *Cluster) Pods(ctx context.Context) ([]*core.Pod, error) {
	c.watch()
	watches, _ := c.watches.all()
	var all []*core.Pod
	for _, w := range watches {
		if err := c.filled(ctx, w); err != nil {
			return nil, err
		}
		for _, o := range w.store.List() {
			if p, ok := o.(*core.Pod); ok {
				all = append(all, p)
			}
		}
	}
	return all, nil
}

// filled returns when a watch has what there is.
func (c *Cluster) filled(ctx context.Context, w *watched) error {
	for {
		renewed, err := w.state()
		if err != nil {
			return c.failed("watch", w.ref, "watch", err)
		}
		if w.synced() {
			return nil
		}
		select {
		case <-renewed:
		case <-ctx.Done():
			return ctx.Err()
		case <-c.life.Done():
			return c.life.Err()
		}
	}
}

// watch begins both watches.
func (c *Cluster) watch() {
	c.watches.once.Do(func() {
		e := c.options.Expect
		c.watches.mu.Lock()
		defer c.watches.mu.Unlock()
		c.watches.also = map[string]bool{}
		c.watches.fresh = make(chan struct{}, 1)
		c.watches.fresh <- struct{}{} // nobody has looked yet
		// Of HelmReleases the metadata does: every change gives them another resourceVersion.
		releases := c.meta.Resource(schema.GroupVersionResource{Group: helmGroup, Version: "v2", Resource: "helmreleases"}).
			Namespace(e.Flux.HelmReleaseNamespace)
		c.watches.flux = newWatched(handover.Ref{APIVersion: helmGroup + "/v2", Kind: "HelmRelease", Namespace: e.Flux.HelmReleaseNamespace}, c.watches.fresh)
		c.watches.flux.lists = func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) { return releases.List(ctx, o) }
		c.watches.flux.opens = releases.Watch
		c.watches.pods = []*watched{c.watchPods(e.Cilium.Namespace, podSelector)}
		c.watches.flux.run(c.life, &metav1.PartialObjectMetadata{}, c.meta)
	})
}

// watched is one watch: client-go's reflector, which goes on where a broken stream ended and lists again where the
// server no longer knows that place, over a store that tells of each change.
type watched struct {
	ref   handover.Ref // of what it watches, without a name
	store cache.Store
	fresh chan<- struct{}
	lists cache.ListWithContextFunc
	opens cache.WatchFuncWithContext

	mu      sync.Mutex
	err     error         // why the watch does not stand; nil while it does
	whole   bool          // the store has been filled
	renewed chan struct{} // closed, and made anew, when one of them changes
}

func newWatched(ref handover.Ref, fresh chan<- struct{}) *watched {
	return &watched{ref: ref, store: cache.NewStore(cache.MetaNamespaceKeyFunc), fresh: fresh, renewed: make(chan struct{})}
}

// run begins to watch. client is asked whether it can stream what there is, instead of listing it first.
func (w *watched) run(ctx context.Context, kind runtime.Object, client any) {
	source := cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			list, err := w.lists(ctx, o)
			w.stands(err)
			return list, err
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			stream, err := w.opens(ctx, o)
			w.stands(err)
			return stream, err
		},
	}, client)
	reflector := cache.NewReflectorWithOptions(source, kind, w, cache.ReflectorOptions{
		Logger: new(logr.Discard()),
		// A run waits for what it watches, and is one client: it may ask again sooner than the many of a cluster.
		Backoff: &wait.Backoff{Duration: 100 * time.Millisecond, Factor: 2, Jitter: 0.2, Steps: 5, Cap: 2 * time.Second},
	})
	// Why it does not stand is kept and told: the reflector's own log would go to stderr as well.
	go reflector.RunWithContext(klog.NewContext(ctx, logr.Discard()))
}

// stands notes whether the watch stands.
func (w *watched) stands(err error) {
	if apierrors.IsNotFound(err) && w.ref.Kind == "HelmRelease" {
		err = nil // the kind is not served: there are none
	}
	if apierrors.IsResourceExpired(err) || apierrors.IsGone(err) || apierrors.IsInvalid(err) {
		return // the place is no longer known, or the server does not stream what there is: it lists, at once
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if (err == nil) != (w.err == nil) {
		w.turn()
	}
	w.err = err
}

// turn wakes whoever waits; w.mu is held.
func (w *watched) turn() {
	close(w.renewed)
	w.renewed = make(chan struct{})
	w.tell()
}

func (w *watched) tell() {
	select {
	case w.fresh <- struct{}{}:
	default: // it is known already
	}
}

func (w *watched) broken() error {
	_, err := w.state()
	return err
}

// state is why the watch does not stand, and what closes when that may have changed.
func (w *watched) state() (renewed <-chan struct{}, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.renewed, w.err
}

func (w *watched) synced() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.whole
}
