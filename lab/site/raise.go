package site

import (
	"context"
	"fmt"
	"os"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/component"
	"github.com/cilium-gitops/cilium-gitops/lab/control"
	"github.com/cilium-gitops/cilium-gitops/lab/objects"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// raise brings one cluster up, from whatever it is now, with Cilium unless the lab is to have none.
func (l *Lab) raise(ctx context.Context, s state.Settings, name string) error {
	c, err := l.Cluster(s, name)
	if err != nil {
		return err
	}
	for _, dir := range append(c.FluxFolders(), c.Path("agents")) {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("make folder: %w", err)
		}
	}
	if err := c.StartControlPlane(ctx); err != nil {
		return err
	}
	l.Say("%s: control plane ready", name)
	client, err := c.Client()
	if err != nil {
		return err
	}
	if err := l.define(ctx, s, client); err != nil {
		return err
	}
	if err := l.fill(ctx, c, client); err != nil {
		return err
	}
	if err := c.Check(); err != nil { // a program that cannot run has ended by now, and waiting for it would be long
		return err
	}
	l.Say("%s: nodes, Flux and neighbours there", name)
	if !s.NoCilium {
		if err := l.bootstrap(ctx, c); err != nil {
			return err
		}
		if err := l.complete(ctx, c, client); err != nil {
			return err
		}
	}
	if err := awaitFlux(ctx, client, "cluster-"+name+"-infrastructure"); err != nil {
		return err
	}
	if !c.Settings.Real() {
		if err := awaitPods(ctx, client); err != nil { // of a lab that was left broken, perhaps
			l.Say("%s: %v", name, err)
		}
	}
	l.Say("%s: ready", name)
	return c.Check()
}

// define creates the custom resource definitions that are missing, and waits for them to be served.
func (l *Lab) define(ctx context.Context, s state.Settings, client *api.Client) error {
	dir, err := l.Builder.Files(ctx, component.CRDs(s.CiliumVersion))
	if err != nil {
		return err
	}
	all, err := api.ParseDir(dir)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(o *api.Object) bool { return o.GetKind() != "CustomResourceDefinition" })
	group, groupCtx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for _, obj := range all {
		group.Go(func() error { return client.Create(groupCtx, obj) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	return api.Wait(ctx, "custom resource definitions", time.Minute, func() (bool, error) {
		list, err := client.Dynamic.Resource(definitions).List(ctx, metav1.ListOptions{})
		if err != nil {
			return false, err
		}
		return len(list.Items) >= len(all) && !slices.ContainsFunc(list.Items, notEstablished), nil
	})
}

// complete creates what a cluster has after Cilium.
func (l *Lab) complete(ctx context.Context, c control.Cluster, client *api.Client) error {
	all, err := objects.After(objects.Data{Real: c.Settings.Real(), Cluster: c.Cluster})
	if err != nil {
		return err
	}
	return api.Wait(ctx, "Cilium's kinds to be served", time.Minute, func() (bool, error) { return true, client.Apply(ctx, all...) })
}

func notEstablished(crd unstructured.Unstructured) bool { return !api.True(&crd, "Established") }

// fill starts the simulated nodes and creates what a cluster has before Cilium.
func (l *Lab) fill(ctx context.Context, c control.Cluster, client *api.Client) error {
	if err := c.StartNodes(); err != nil {
		return err
	}
	for _, n := range c.Nodes() {
		node := objects.Node(n, c.Settings.Of(c.Index, state.Kubelet), time.Now())
		raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&node)
		if err != nil {
			return fmt.Errorf("create node %s: %w", n.Name, err)
		}
		if err := client.Create(ctx, &api.Object{Object: raw}); err != nil {
			return err
		}
		status := fmt.Sprintf(`{"status":{"daemonEndpoints":{"kubeletEndpoint":{"Port":%d}}}}`, c.Settings.Of(c.Index, state.Kubelet))
		if err := client.PatchStatus(ctx, &api.Object{Object: raw}, []byte(status)); err != nil {
			return err
		}
	}
	if c.Settings.Real() {
		if err := l.startReal(ctx, c); err != nil {
			return err
		}
	}
	data := objects.Data{Real: c.Settings.Real(), Cluster: c.Cluster, GitURL: l.GitURL(c.Settings), LogFile: c.Path("pod.log")}
	line := time.Now().UTC().Format(time.RFC3339Nano) + " stdout F the containers of the lab are simulated and say nothing\n"
	if err := state.WriteFile(data.LogFile, []byte(line), 0o644); err != nil {
		return err
	}
	all, err := objects.All(data)
	if err != nil {
		return err
	}
	if err := client.Apply(ctx, all...); err != nil {
		return err
	}
	if err := awaitSources(ctx, client, c.SourceAddress()); err != nil {
		return err
	}
	return c.StartAppliers()
}
