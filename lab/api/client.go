// Package api is the lab's hand on a cluster: objects as they are written in YAML, applied, read, changed and waited
// for. It knows nothing of what they mean.
package api

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"
)

// Object is a Kubernetes object as it is written down.
type Object = unstructured.Unstructured

// Manager is the field manager of what the lab itself applies.
const Manager = "lab"

// Client talks to one cluster.
type Client struct {
	Config    *rest.Config
	Dynamic   dynamic.Interface
	Discovery discovery.DiscoveryInterface
	mapper    *restmapper.DeferredDiscoveryRESTMapper
}

// New makes a client from a kubeconfig and one of its contexts. No request takes longer than the timeout; 0 is for
// clients that watch.
func New(kubeconfig, context string, timeout time.Duration) (*Client, error) {
	config, err := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(
		&clientcmd.ClientConfigLoadingRules{ExplicitPath: kubeconfig}, &clientcmd.ConfigOverrides{CurrentContext: context},
	).ClientConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig %s: %w; `lab up` writes it", kubeconfig, err)
	}
	config.QPS, config.Burst, config.Timeout = -1, -1, timeout
	config.UserAgent = "lab"
	config.WarningHandler = rest.NoWarnings{}
	dyn, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client of %s: %w", context, err)
	}
	disc, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("make client of %s: %w", context, err)
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(disc))
	return &Client{Config: config, Dynamic: dyn, Discovery: disc, mapper: mapper}, nil
}

// Resource is the place objects of a kind live in; kinds whose definition is young are looked up anew.
func (c *Client) Resource(gvk schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	if meta.IsNoMatchError(err) {
		c.mapper.Reset()
		mapping, err = c.mapper.RESTMapping(gvk.GroupKind(), gvk.Version)
	}
	if err != nil {
		return nil, fmt.Errorf("find resource of %s: %w", gvk.Kind, err)
	}
	if mapping.Scope.Name() == meta.RESTScopeNameNamespace {
		return c.Dynamic.Resource(mapping.Resource).Namespace(namespace), nil
	}
	return c.Dynamic.Resource(mapping.Resource), nil
}

// Of is the resource interface for one object.
func (c *Client) Of(obj *Object) (dynamic.ResourceInterface, error) {
	return c.Resource(obj.GroupVersionKind(), obj.GetNamespace())
}

// Apply writes the objects in order, each by server-side apply.
func (c *Client) Apply(ctx context.Context, objects ...*Object) error {
	for _, obj := range objects {
		r, err := c.Of(obj)
		if err != nil {
			return fmt.Errorf("apply %s: %w", Name(obj), err)
		}
		if _, err := r.Apply(ctx, obj.GetName(), obj, metav1.ApplyOptions{FieldManager: Manager, Force: true}); err != nil {
			return fmt.Errorf("apply %s: %w", Name(obj), err)
		}
	}
	return nil
}

// Create writes the objects that are not there yet.
func (c *Client) Create(ctx context.Context, objects ...*Object) error {
	for _, obj := range objects {
		r, err := c.Of(obj)
		if err != nil {
			return fmt.Errorf("create %s: %w", Name(obj), err)
		}
		if _, err := r.Create(ctx, obj, metav1.CreateOptions{FieldManager: Manager}); err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create %s: %w", Name(obj), err)
		}
	}
	return nil
}

// Delete removes an object, if it is there.
func (c *Client) Delete(ctx context.Context, obj *Object) error {
	r, err := c.Of(obj)
	if err == nil {
		err = r.Delete(ctx, obj.GetName(), metav1.DeleteOptions{})
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("delete %s: %w", Name(obj), err)
	}
	return nil
}

// PatchStatus merges into the status of an object.
func (c *Client) PatchStatus(ctx context.Context, obj *Object, patch []byte) error {
	r, err := c.Of(obj)
	if err == nil {
		_, err = r.Patch(ctx, obj.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: Manager}, "status")
	}
	if err != nil {
		return fmt.Errorf("set status of %s: %w", Name(obj), err)
	}
	return nil
}

// Name is how an object is called in messages.
func Name(obj *Object) string {
	if obj.GetNamespace() == "" {
		return obj.GetKind() + "/" + obj.GetName()
	}
	return obj.GetKind() + "/" + obj.GetNamespace() + "/" + obj.GetName()
}

// Wait polls until ready answers true; an error of ready is a state to wait out and is told if the time ends.
func Wait(ctx context.Context, what string, within time.Duration, ready func() (bool, error)) error {
	deadline := time.Now().Add(within)
	for {
		ok, err := ready()
		if ok && err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			if err != nil {
				return fmt.Errorf("wait for %s: not after %s: %w", what, within, err)
			}
			return fmt.Errorf("wait for %s: not after %s", what, within)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, context.Cause(ctx))
		case <-time.After(100 * time.Millisecond):
		}
	}
}
