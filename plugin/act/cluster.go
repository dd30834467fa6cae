package act

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	authorizationv1 "k8s.io/client-go/kubernetes/typed/authorization/v1"
	coordinationv1 "k8s.io/client-go/kubernetes/typed/coordination/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// manager owns the fields of what is this tool's own in a cluster: its lock and its journal.
const manager = "cilium-gitops"

// Options say which names Cilium and Flux go by, and how to speak to the cluster and of it.
type Options struct {
	Expect  facts.Expect
	Context string // the kubeconfig context, for the commands that errors end with
	// UserAgent is what audit logs call us.
	UserAgent string
	// Clock tells the time and waits; nil: the real one.
	Clock clock.Clock
	// Tell hears, in words, what is waited for or retried; may be nil.
	Tell func(string)
}

// Cluster is one cluster that may be changed. All that it does shares one connection. It may be used by several
// goroutines.
type Cluster struct {
	options Options
	config  *rest.Config
	shared  *http.Client
	dynamic dynamic.Interface
	meta    metadata.Interface
	core    corev1.CoreV1Interface
	leases  coordinationv1.CoordinationV1Interface
	access  authorizationv1.AuthorizationV1Interface
	asks    discovery.DiscoveryInterface
	kinds   sync.Map // of kinds that the fixed table lacks: schema.GroupVersionKind -> its resource's name
	clock   clock.Clock
	server  *serverTime
	// patience is how failed reads are retried.
	patience wait.Backoff

	life    context.Context
	watches watches
}

// Open prepares to change a cluster, and asks it nothing yet. Watches live until ctx ends.
func Open(ctx context.Context, given *rest.Config, options Options) (*Cluster, error) {
	config := rest.CopyConfig(given)
	config.QPS, config.RateLimiter = -1, nil // the API server's own fairness limits us
	config.WarningHandler = rest.NoWarnings{}
	if options.UserAgent != "" {
		config.UserAgent = options.UserAgent
	}
	if options.Clock == nil {
		options.Clock = clock.RealClock{}
	}
	if options.Tell == nil {
		options.Tell = func(string) {}
	}
	server := &serverTime{ours: options.Clock.Now}
	config.Wrap(server.over)
	shared, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection: %w", err)
	}
	c := &Cluster{
		server:  server,
		options: options, config: config, shared: shared, clock: options.Clock, life: ctx,
		patience: wait.Backoff{Duration: 200 * time.Millisecond, Factor: 2, Jitter: 0.1, Steps: 5},
	}
	if err := c.open(); err != nil {
		return nil, fmt.Errorf("prepare the connection: %w", err)
	}
	return c, nil
}

func (c *Cluster) open() (err error) {
	typed := rest.CopyConfig(c.config)
	typed.ContentType = "application/vnd.kubernetes.protobuf"
	typed.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	if c.core, err = corev1.NewForConfigAndClient(typed, c.shared); err != nil {
		return err
	}
	if c.leases, err = coordinationv1.NewForConfigAndClient(typed, c.shared); err != nil {
		return err
	}
	if c.access, err = authorizationv1.NewForConfigAndClient(typed, c.shared); err != nil {
		return err
	}
	if c.meta, err = metadata.NewForConfigAndClient(c.config, c.shared); err != nil {
		return err
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(c.config, c.shared); err != nil {
		return err
	}
	c.asks, err = discovery.NewDiscoveryClientForConfigAndClient(c.config, c.shared)
	return err
}
