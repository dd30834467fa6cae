package live

import (
	"context"
	"encoding/json"
	"slices"
	"sync"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// page is how many objects a list asks for at a time.
const page = 500

// look is how one part is seen.
type look struct {
	after []facts.Part // the parts it reads from; never ones that come after others: there are two waves
	exec  bool         // asks pods, not the API server: by exec or port-forward
	probe bool         // costs what only a probe is worth
	see   func(context.Context, *gatherer) error
}

// looks is one row for each part. Resources are fixed: nothing is discovered.
var looks = map[facts.Part]look{
	facts.Version:         {see: seeVersion},
	facts.Nodes:           {see: seeNodes},
	facts.DaemonSets:      {see: seeDaemonSets},
	facts.Deployments:     {see: seeDeployments},
	facts.Pods:            {see: seePods},
	facts.Config:          {see: seeConfig},
	facts.Settings:        {see: seeSettings},
	facts.Certificates:    {see: seeCertificates},
	facts.CRDs:            {see: seeCRDs},
	facts.GatewayClasses:  {see: seeGatewayClasses},
	facts.ServiceMonitors: {see: seeServiceMonitors},
	facts.Releases:        {see: seeReleases},
	facts.Release:         {see: seeRelease, after: []facts.Part{facts.Releases}},
	facts.HelmReleases:    {see: seeHelmReleases},
	facts.Kustomizations:  {see: seeKustomizations},
	facts.FluxAPIs:        {see: seeFluxAPIs},
	facts.Identity:        {see: seeIdentity},
	facts.Sources:         {see: seeSources},
	facts.Controllers:     {see: seeControllers},
	facts.Agents:          {see: seeAgents, after: []facts.Part{facts.Pods}, exec: true},
	facts.Issuers:         {see: seeIssuers},
	facts.Fetches:         {see: seeFetches, after: []facts.Part{facts.HelmReleases, facts.Kustomizations}},
	facts.Health:          {see: seeHealth, after: []facts.Part{facts.Pods}, exec: true},
	facts.Tunnels:         {see: seeTunnels, after: []facts.Part{facts.Pods}, exec: true, probe: true},
	facts.Relay:           {see: seeRelay, after: []facts.Part{facts.Pods}, exec: true},
	facts.Targets:         {see: seeTargets, exec: true},
	facts.BGP:             {see: seeBGP, after: []facts.Part{facts.Pods}, exec: true},
}

func seeVersion(ctx context.Context, g *gatherer) error {
	result := g.raw.Get().AbsPath("/version").Do(ctx)
	if err := result.Error(); err != nil { // Raw's own error lacks the API server's sentence
		return err
	}
	body, err := result.Raw()
	if err != nil {
		return err
	}
	var v struct{ GitVersion string }
	if err := json.Unmarshal(body, &v); err != nil {
		return err
	}
	g.note(func(f *facts.Facts) { f.Live.Version = v.GitVersion })
	return nil
}

// paged calls list until it has every page; list returns the token of the next.
func paged(selector string, list func(metav1.ListOptions) (string, error)) error {
	options := metav1.ListOptions{Limit: page, LabelSelector: selector}
	for {
		next, err := list(options)
		if err != nil || next == "" {
			return err
		}
		options.Continue = next
	}
}

// atOnce asks n questions of one part at once, so that it waits for one round trip, and gives the first's error in their order.
func atOnce(n int, ask func(i int) error) error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = ask(i) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func seeNodes(ctx context.Context, g *gatherer) error {
	var all []facts.Node
	err := paged("", func(o metav1.ListOptions) (string, error) {
		nodes, err := g.core.Nodes().List(ctx, o)
		if err != nil {
			return "", err
		}
		for i := range nodes.Items {
			all = append(all, node(&nodes.Items[i]))
		}
		return nodes.Continue, nil
	})
	g.note(func(f *facts.Facts) { f.Live.Nodes = sorted(all, func(n facts.Node) string { return n.Name }) })
	return err
}

func seeDaemonSets(ctx context.Context, g *gatherer) error {
	var all []facts.Workload
	err := paged("", func(o metav1.ListOptions) (string, error) {
		list, err := g.apps.DaemonSets("").List(ctx, o)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			ds := &list.Items[i]
			if ds.Namespace == g.options.Expect.Cilium.Namespace || g.releases(ds.ObjectMeta) || ds.Labels["app.kubernetes.io/name"] == "spegel" || isKubeProxy(ds.ObjectMeta) {
				all = append(all, daemonSet(ds))
			}
		}
		return list.Continue, nil
	})
	g.note(func(f *facts.Facts) { f.Live.DaemonSets = sorted(all, workloadKey) })
	return err
}

func seeDeployments(ctx context.Context, g *gatherer) error {
	all, err := g.deploymentsOf(ctx, g.options.Expect.Cilium.Namespace)
	g.note(func(f *facts.Facts) { f.Live.Deployments = sorted(all, workloadKey) })
	return err
}

// seePods lists the pods of Cilium's namespace and, where that is another, kube-proxy's of kube-system.
func seePods(ctx context.Context, g *gatherer) error {
	namespaces := slices.Compact([]string{g.options.Expect.Cilium.Namespace, metav1.NamespaceSystem})
	some := make([][]facts.Pod, len(namespaces))
	err := atOnce(len(namespaces), func(i int) (err error) {
		some[i], err = g.podsOf(ctx, namespaces[i])
		return err
	})
	if err != nil {
		return err
	}
	all := slices.Concat(some...)
	g.note(func(f *facts.Facts) {
		f.Live.Pods = sorted(all, podKey)
	})
	return nil
}

func (g *gatherer) podsOf(ctx context.Context, namespace string) ([]facts.Pod, error) {
	var all []facts.Pod
	err := paged("", func(o metav1.ListOptions) (string, error) {
		list, err := g.core.Pods(namespace).List(ctx, o)
		if err != nil {
			return "", err
		}
		for i := range list.Items {
			if p := &list.Items[i]; isKubeProxy(p.ObjectMeta) || namespace == g.options.Expect.Cilium.Namespace && concerns(p) {
				all = append(all, pod(p))
				if isRelay(p.Labels) {
					g.note(func(*facts.Facts) { g.relayPorts[podKey(all[len(all)-1])] = relayPortOf(p) })
				}
			}
		}
		return list.Continue, nil
	})
	return all, err
}

func seeConfig(ctx context.Context, g *gatherer) error {
	cm, err := g.configMap(ctx, g.options.Expect.Cilium.Namespace, "cilium-config")
	g.note(func(f *facts.Facts) { f.Live.Config = cm })
	return err
}

func seeSettings(ctx context.Context, g *gatherer) error {
	if g.options.Expect.Flux.Settings == "" {
		return nil
	}
	cm, err := g.configMap(ctx, g.options.Expect.Flux.Namespace, g.options.Expect.Flux.Settings)
	g.note(func(f *facts.Facts) { f.Live.Settings = cm })
	return err
}

// configMap reads one; a nil one is not there.
func (g *gatherer) configMap(ctx context.Context, namespace, name string) (*facts.ConfigMap, error) {
	cm, err := g.core.ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &facts.ConfigMap{
		Namespace: namespace, Name: name, Data: facts.RedactData(cm.Data), Changed: dataChanged(cm),
	}, nil
}

func seeCertificates(ctx context.Context, g *gatherer) error {
	namespace := g.options.Expect.Cilium.Namespace
	var all []facts.Certificate
	secrets, err := g.core.Secrets(namespace).List(ctx, metav1.ListOptions{FieldSelector: "type=" + string(core.SecretTypeTLS)})
	if err != nil {
		return err
	}
	for _, s := range secrets.Items {
		if s.Name == "hubble-server-certs" || s.Name == "hubble-relay-client-certs" {
			all = append(all, certificates(s)...)
		}
	}
	g.note(func(f *facts.Facts) {
		f.Live.Certificates = sorted(all, func(c facts.Certificate) string { return c.Secret + " " + c.Key })
	})
	return nil
}

// list reads objects of a kind that may not be served at all: then there are none.
func (g *gatherer) list(ctx context.Context, r schema.GroupVersionResource, namespace string) ([]unstructured.Unstructured, error) {
	list, err := g.dynamic.Resource(r).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: page})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return list.Items, nil
}
