// Package live gathers the facts of a cluster from its API server and its agents. It never writes: it gets, lists
// and, to read an agent's status, execs. It must not judge what it sees.
package live

import (
	"fmt"
	"net/http"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	appsv1 "k8s.io/client-go/kubernetes/typed/apps/v1"
	corev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/rest"
)

// client is every way in which one API server is asked; all share one HTTP client and so one connection.
type client struct {
	config  *rest.Config
	core    corev1.CoreV1Interface
	apps    appsv1.AppsV1Interface
	meta    metadata.Interface
	dynamic dynamic.Interface
	raw     rest.Interface
}

// newClient makes the clients. The API server's own fairness limits us; a client-side throttle would only add to it.
func newClient(given *rest.Config) (*client, error) {
	config := rest.CopyConfig(given)
	config.QPS = -1
	config.RateLimiter = nil
	shared, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection: %w", err)
	}
	if config.ExecProvider != nil {
		shared = &http.Client{Transport: prompt{shared.Transport}, Timeout: shared.Timeout}
	}
	c := &client{config: config}
	if err := c.open(shared); err != nil {
		return nil, fmt.Errorf("prepare the connection: %w", err)
	}
	return c, nil
}

func (c *client) open(shared *http.Client) (err error) {
	typed := rest.CopyConfig(c.config)
	typed.ContentType = "application/vnd.kubernetes.protobuf"
	typed.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	if c.core, err = corev1.NewForConfigAndClient(typed, shared); err != nil {
		return err
	}
	if c.apps, err = appsv1.NewForConfigAndClient(typed, shared); err != nil {
		return err
	}
	if c.meta, err = metadata.NewForConfigAndClient(c.config, shared); err != nil {
		return err
	}
	if c.dynamic, err = dynamic.NewForConfigAndClient(c.config, shared); err != nil {
		return err
	}
	plain := rest.CopyConfig(c.config)
	plain.GroupVersion = &schema.GroupVersion{}
	plain.NegotiatedSerializer = serializer.NewCodecFactory(scheme.Scheme).WithoutConversion()
	c.raw, err = rest.UnversionedRESTClientForConfigAndClient(plain, shared)
	return err
}
