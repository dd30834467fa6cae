package chart

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
)

// resource is how objects of a kind are asked for.
type resource struct {
	schema.GroupVersionResource

	namespaced bool
}

// cluster is what rendering asks of an API server. Its only verbs are get and list.
type cluster struct {
	dynamic   dynamic.Interface
	raw       rest.Interface                        // nil: nothing is passed on
	version   string                                // "v1.37.2"
	apis      common.VersionSet                     // "apps/v1" and "apps/v1/Deployment"
	resources map[schema.GroupVersionKind]*resource // nil: no cluster is asked, lookups find nothing
	unknown   []string                              // what could not be discovered
	told      func(found map[string]any)            // is told of each Secret that a template looked up; nil: nobody
}

func openCluster(given *rest.Config) (*cluster, error) {
	config := rest.CopyConfig(given)
	config.QPS, config.RateLimiter = -1, nil
	config.WarningHandler = rest.NoWarnings{} // deprecations of what we merely read
	shared, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection: %w", err)
	}
	c := &cluster{resources: map[schema.GroupVersionKind]*resource{}}
	if c.dynamic, err = dynamic.NewForConfigAndClient(config, shared); err != nil {
		return nil, fmt.Errorf("prepare the connection: %w", err)
	}
	asks, err := discovery.NewDiscoveryClientForConfigAndClient(config, shared)
	if err != nil {
		return nil, fmt.Errorf("prepare the connection: %w", err)
	}
	c.raw = asks.RESTClient()
	return c, c.discover(asks)
}

// discover learns the version and the APIs, as Helm would.
func (c *cluster) discover(asks discovery.DiscoveryInterface) error {
	version, err := asks.ServerVersion()
	if err != nil {
		return fmt.Errorf("ask for the cluster's version: %w", err)
	}
	c.version = version.GitVersion
	_, lists, err := asks.ServerGroupsAndResources()
	var partly *discovery.ErrGroupDiscoveryFailed
	switch {
	case errors.As(err, &partly):
		for group := range partly.Groups {
			c.unknown = append(c.unknown, "the cluster does not say which kinds "+group.String()+" has")
		}
	case err != nil:
		return fmt.Errorf("ask for the cluster's APIs: %w", err)
	}
	for _, list := range lists {
		c.add(list)
	}
	return nil
}

func (c *cluster) add(list *metav1.APIResourceList) {
	group, err := schema.ParseGroupVersion(list.GroupVersion)
	if err != nil {
		return
	}
	c.apis = append(c.apis, list.GroupVersion)
	for _, r := range list.APIResources {
		c.apis = append(c.apis, list.GroupVersion+"/"+r.Kind)
		if strings.Contains(r.Name, "/") {
			continue
		}
		c.resources[group.WithKind(r.Kind)] = &resource{group.WithResource(r.Name), r.Namespaced}
	}
}

// capabilities are the cluster's, as templates see them.
func (c *cluster) capabilities() (*common.Capabilities, error) {
	version, err := common.ParseKubeVersion(c.version)
	if err != nil {
		return nil, fmt.Errorf("read the cluster's version %q: %w", c.version, err)
	}
	caps := common.DefaultCapabilities.Copy()
	caps.KubeVersion, caps.APIVersions = *version, c.apis
	return caps, nil
}

// lookup answers the templates' from the cluster, as Helm does: with nothing where there is no such object. What it finds
// in Secrets is told to whoever masks.
func (c *cluster) lookup(apiVersion, kind, namespace, name string) (map[string]any, error) {
	r := c.resources[schema.FromAPIVersionAndKind(apiVersion, kind)]
	if r == nil {
		return map[string]any{}, fmt.Errorf("look up %s %s: the cluster has no such kind", apiVersion, kind)
	}
	var from dynamic.ResourceInterface = c.dynamic.Resource(r.GroupVersionResource)
	if r.namespaced && namespace != "" {
		from = c.dynamic.Resource(r.GroupVersionResource).Namespace(namespace)
	}
	var found interface{ UnstructuredContent() map[string]any }
	var err error
	if name != "" {
		found, err = from.Get(context.Background(), name, metav1.GetOptions{})
	} else {
		found, err = from.List(context.Background(), metav1.ListOptions{})
	}
	switch {
	case apierrors.IsNotFound(err):
		return map[string]any{}, nil
	case err != nil:
		return map[string]any{}, err
	}
	content := found.UnstructuredContent()
	if kind == "Secret" && c.told != nil {
		c.told(content)
	}
	return content, nil
}

// get reads one object.
func (c *cluster) get(ctx context.Context, apiVersion, kind, namespace, name string) (*unstructured.Unstructured, error) {
	r := c.resources[schema.FromAPIVersionAndKind(apiVersion, kind)]
	if r == nil {
		return nil, errNoKind
	}
	if r.namespaced {
		return c.dynamic.Resource(r.GroupVersionResource).Namespace(namespace).Get(ctx, name, metav1.GetOptions{})
	}
	return c.dynamic.Resource(r.GroupVersionResource).Get(ctx, name, metav1.GetOptions{})
}

var errNoKind = errors.New("the cluster has no such kind")

// namespaced tells whether objects of a kind have a namespace; of kinds that the cluster does not know it guesses.
func (c *cluster) namespaced(apiVersion, kind string) bool {
	if r := c.resources[schema.FromAPIVersionAndKind(apiVersion, kind)]; r != nil {
		return r.namespaced
	}
	return !strings.HasPrefix(kind, "Cluster") && kind != "GatewayClass" && kind != "Namespace" && kind != "CustomResourceDefinition"
}
