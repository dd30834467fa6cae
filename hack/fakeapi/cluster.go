package fakeapi

import (
	"fmt"
	"slices"
	"sync"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// collection is all objects of a resource.
type collection struct {
	list  func() runtime.Object // an empty list of its type
	items []runtime.Object
}

// Cluster is what one API server has to say. It is an http.Handler, and counts what it was asked.
type Cluster struct {
	version string
	options Options

	mu       sync.Mutex
	all      map[string]*collection // by "group/version/resource", "v1/pods"
	answers  map[string]answer      // that were given once; forgotten with each change
	requests []string               // "GET /path?query"
	watchers map[*watcher]bool
	serial   int
}

// Options are what a recording does not say.
type Options struct {
	RecordSize int // bytes that each of Helm's records has, at least
	// Exec is what a command prints in a pod on a node, and whether there is such a command; nil: in no pod is any.
	Exec func(node string, command []string) ([]byte, bool)
}

// New serves that recording.
func New(f facts.Facts, options Options) (*Cluster, error) {
	c := &Cluster{version: f.Live.Version, options: options, all: map[string]*collection{}, answers: map[string]answer{}, watchers: map[*watcher]bool{}, serial: 1000}
	l := f.Live
	put := func(resource string, list func() runtime.Object, items ...runtime.Object) {
		if c.all[resource] == nil {
			c.all[resource] = &collection{list: list}
		}
		c.all[resource].items = append(c.all[resource].items, items...)
	}
	put("v1/namespaces", listOf[core.NamespaceList]("v1", "NamespaceList"), &core.Namespace{ObjectMeta: metav1.ObjectMeta{Name: metav1.NamespaceSystem, UID: types.UID(l.UID)}})
	put("v1/nodes", listOf[core.NodeList]("v1", "NodeList"), each(l.Nodes, node)...)
	put("v1/pods", listOf[core.PodList]("v1", "PodList"), each(l.Pods, pod)...)
	put("apps/v1/daemonsets", listOf[apps.DaemonSetList]("apps/v1", "DaemonSetList"), each(l.DaemonSets, daemonSet)...)
	put("apps/v1/deployments", listOf[apps.DeploymentList]("apps/v1", "DeploymentList"), each(l.Deployments, deployment)...)
	put("v1/configmaps", listOf[core.ConfigMapList]("v1", "ConfigMapList"))
	for _, m := range []*facts.ConfigMap{l.Config, l.Settings} {
		if m != nil {
			put("v1/configmaps", nil, configMap(m))
		}
	}
	put("v1/secrets", listOf[core.SecretList]("v1", "SecretList"))
	helm, err := records(l, options.RecordSize)
	if err != nil {
		return nil, fmt.Errorf("make the records of %s: %w", f.Cluster, err)
	}
	put("v1/secrets", nil, objects(helm)...)
	tls, err := certificates(l)
	if err != nil {
		return nil, fmt.Errorf("make the certificates of %s: %w", f.Cluster, err)
	}
	put("v1/secrets", nil, objects(tls)...)
	return c, c.custom(l, put)
}

// custom puts what CustomResourceDefinitions define.
func (c *Cluster) custom(l facts.Live, put func(string, func() runtime.Object, ...runtime.Object)) error {
	crds := slices.Clone(l.CRDs)
	define := func(crd facts.CRD) *unstructured.Unstructured { return definition(crd, l.FluxAPIs) }
	put("apiextensions.k8s.io/v1/customresourcedefinitions", anyList("apiextensions.k8s.io/v1", "CustomResourceDefinitionList"), each(crds, define)...)
	put("gateway.networking.k8s.io/v1/gatewayclasses", anyList("gateway.networking.k8s.io/v1", "GatewayClassList"), each(l.GatewayClasses, gatewayClass)...)
	put("cert-manager.io/v1/clusterissuers", anyList("cert-manager.io/v1", "ClusterIssuerList"), each(l.Issuers, issuer)...)
	put("helm.toolkit.fluxcd.io/v2/helmreleases", anyList("helm.toolkit.fluxcd.io/v2", "HelmReleaseList"), each(l.HelmReleases, helmRelease)...)
	put("kustomize.toolkit.fluxcd.io/v1/kustomizations", anyList("kustomize.toolkit.fluxcd.io/v1", "KustomizationList"), each(l.Kustomizations, kustomization)...)
	monitor := func(m facts.ServiceMonitor) *unstructured.Unstructured {
		o := metav1.ObjectMeta{Namespace: m.Namespace, Name: m.Name, Labels: m.Labels}
		return custom("monitoring.coreos.com/v1", "ServiceMonitor", o, nil)
	}
	put("monitoring.coreos.com/v1/servicemonitors", anyList("monitoring.coreos.com/v1", "ServiceMonitorList"), each(l.ServiceMonitors, monitor)...)
	known := map[string]bool{}
	for _, s := range slices.Concat(l.Sources, l.Fetches) {
		resource, err := resourceOf(s.APIVersion, s.Kind)
		if err != nil {
			return err
		}
		if !known[s.Ref()] {
			known[s.Ref()] = true
			put(resource, anyList(s.APIVersion, s.Kind+"List"), source(s))
		}
	}
	return nil
}

// each makes an object of each fact.
func each[F any, O runtime.Object](all []F, make func(F) O) []runtime.Object {
	var out []runtime.Object
	for _, f := range all {
		out = append(out, make(f))
	}
	return out
}

func objects[O runtime.Object](all []O) []runtime.Object {
	return each(all, func(o O) O { return o })
}

func listOf[T any, P interface {
	*T
	runtime.Object
}](apiVersion, kind string) func() runtime.Object {
	return func() runtime.Object {
		var list P = new(T)
		list.GetObjectKind().SetGroupVersionKind(groupVersionKind(apiVersion, kind))
		return list
	}
}

func anyList(apiVersion, kind string) func() runtime.Object {
	return func() runtime.Object {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(groupVersionKind(apiVersion, kind))
		return list
	}
}
