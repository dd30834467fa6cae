package act

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/kube"
	helmv1 "helm.sh/helm/v4/pkg/release/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// helmRequest bounds one request of Helm's, which knows no context.
const helmRequest = 30 * time.Second

// helmReleases is Helm's configuration, asked for what it keeps.
type helmReleases struct {
	*action.Configuration

	gaveUp atomic.Bool // a write of Helm's has failed for a reason that may pass
}

// helm is Helm, over our connection, for the releases of one namespace.
func (c *Cluster) helm(ctx context.Context, namespace string) (*kube.Client, *helmReleases, error) {
	config := rest.CopyConfig(c.config)
	config.Timeout = helmRequest
	kept := &helmReleases{}
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return &patient{next: &bound{next: next, ctx: ctx, c: c}, c: c, gaveUp: &kept.gaveUp}
	})
	quiet := slog.DiscardHandler
	cfg := action.NewConfiguration(action.ConfigurationSetLogger(quiet))
	if err := cfg.Init(&getter{config: config, namespace: namespace}, namespace, "secret"); err != nil {
		return nil, nil, err
	}
	client, ok := cfg.KubeClient.(*kube.Client)
	if !ok {
		return nil, nil, errors.New("Helm's client is of another kind than its configuration makes")
	}
	kept.Configuration = cfg
	return client, kept, nil
}

// history is every record of a release, oldest first.
func (h *helmReleases) history(name string) ([]*helmv1.Release, error) {
	all, err := h.Releases.History(name)
	if err != nil {
		return nil, err
	}
	out := make([]*helmv1.Release, 0, len(all))
	for _, r := range all {
		one, ok := r.(*helmv1.Release)
		if !ok || one.Info == nil {
			return nil, errors.New("a record is not of a kind that can be gone back to")
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b *helmv1.Release) int { return a.Version - b.Version })
	return out, nil
}

// bound lets no request of Helm's begin once the lock is lost, or long after an interrupt.
type bound struct {
	next http.RoundTripper
	ctx  context.Context
	c    *Cluster

	mu    sync.Mutex
	since time.Time // when the first request after the interrupt began
}

// RoundTrip implements http.RoundTripper.
func (b *bound) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := b.over(); err != nil {
		return nil, err
	}
	return b.next.RoundTrip(r)
}

func (b *bound) over() error {
	switch {
	case b.ctx.Err() == nil:
		return nil
	case errors.Is(context.Cause(b.ctx), handover.ErrLost):
		return handover.ErrLost
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.since.IsZero() {
		b.since = b.c.clock.Now()
	}
	if b.c.clock.Since(b.since) > grace {
		return b.ctx.Err()
	}
	return nil
}

// getter gives Helm its clients from a configuration that is there already.
type getter struct {
	config    *rest.Config
	namespace string
	asks      discovery.CachedDiscoveryInterface
	mapper    meta.RESTMapper
}

// ToRESTConfig implements genericclioptions.RESTClientGetter.
func (g *getter) ToRESTConfig() (*rest.Config, error) { return g.config, nil }

// ToDiscoveryClient implements genericclioptions.RESTClientGetter.
func (g *getter) ToDiscoveryClient() (discovery.CachedDiscoveryInterface, error) {
	if g.asks == nil {
		asks, err := discovery.NewDiscoveryClientForConfig(g.config)
		if err != nil {
			return nil, err
		}
		g.asks = memory.NewMemCacheClient(asks)
	}
	return g.asks, nil
}

// ToRESTMapper implements genericclioptions.RESTClientGetter.
func (g *getter) ToRESTMapper() (meta.RESTMapper, error) {
	if g.mapper == nil {
		asks, err := g.ToDiscoveryClient()
		if err != nil {
			return nil, err
		}
		g.mapper = restmapper.NewDeferredDiscoveryRESTMapper(asks)
	}
	return g.mapper, nil
}

// ToRawKubeConfigLoader implements genericclioptions.RESTClientGetter: of a kubeconfig there is only the namespace.
func (g *getter) ToRawKubeConfigLoader() clientcmd.ClientConfig {
	return clientcmd.NewDefaultClientConfig(*clientapi.NewConfig(), &clientcmd.ConfigOverrides{Context: clientapi.Context{Namespace: g.namespace}})
}
