package act

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// The groups of Flux's APIs.
const (
	helmGroup      = "helm.toolkit.fluxcd.io"
	kustomizeGroup = "kustomize.toolkit.fluxcd.io"
	sourceGroup    = "source.toolkit.fluxcd.io"
)

// resources are the names by which the kinds of a handover and of Cilium's chart are asked for. They are what these
// APIs have been since they exist, so that nothing need be discovered before the first request.
var resources = map[schema.GroupKind]string{
	{Group: helmGroup, Kind: "HelmRelease"}:        "helmreleases",
	{Group: kustomizeGroup, Kind: "Kustomization"}: "kustomizations",
	{Group: sourceGroup, Kind: "GitRepository"}:    "gitrepositories",
	{Group: sourceGroup, Kind: "OCIRepository"}:    "ocirepositories",
	{Group: sourceGroup, Kind: "HelmRepository"}:   "helmrepositories",
	{Group: sourceGroup, Kind: "HelmChart"}:        "helmcharts",
	{Group: sourceGroup, Kind: "Bucket"}:           "buckets",

	{Kind: "Namespace"}:             "namespaces",
	{Kind: "ConfigMap"}:             "configmaps",
	{Kind: "Secret"}:                "secrets",
	{Kind: "Service"}:               "services",
	{Kind: "ServiceAccount"}:        "serviceaccounts",
	{Kind: "Pod"}:                   "pods",
	{Kind: "PersistentVolumeClaim"}: "persistentvolumeclaims",
	{Kind: "ResourceQuota"}:         "resourcequotas",

	{Group: "apps", Kind: "DaemonSet"}:                               "daemonsets",
	{Group: "apps", Kind: "Deployment"}:                              "deployments",
	{Group: "apps", Kind: "StatefulSet"}:                             "statefulsets",
	{Group: "apps", Kind: "ReplicaSet"}:                              "replicasets",
	{Group: "apps", Kind: "ControllerRevision"}:                      "controllerrevisions",
	{Group: "batch", Kind: "Job"}:                                    "jobs",
	{Group: "batch", Kind: "CronJob"}:                                "cronjobs",
	{Group: "policy", Kind: "PodDisruptionBudget"}:                   "poddisruptionbudgets",
	{Group: "networking.k8s.io", Kind: "Ingress"}:                    "ingresses",
	{Group: "networking.k8s.io", Kind: "IngressClass"}:               "ingressclasses",
	{Group: "rbac.authorization.k8s.io", Kind: "Role"}:               "roles",
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:        "rolebindings",
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}:        "clusterroles",
	{Group: "coordination.k8s.io", Kind: "Lease"}:                    "leases",
	{Group: "gateway.networking.k8s.io", Kind: "GatewayClass"}:       "gatewayclasses",
	{Group: "monitoring.coreos.com", Kind: "ServiceMonitor"}:         "servicemonitors",
	{Group: "cert-manager.io", Kind: "Certificate"}:                  "certificates",
	{Group: "cilium.io", Kind: "CiliumGatewayClassConfig"}:           "ciliumgatewayclassconfigs",
	{Group: "rbac.authorization.k8s.io", Kind: "ClusterRoleBinding"}: "clusterrolebindings",
}

// resource names what ref is asked for by. A kind that the table lacks is looked up in the cluster once.
func (c *Cluster) resource(ctx context.Context, ref handover.Ref) (schema.GroupVersionResource, error) {
	kind := schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind)
	if name, ok := resources[kind.GroupKind()]; ok {
		return kind.GroupVersion().WithResource(name), nil
	}
	if name, ok := c.kinds.Load(kind); ok {
		return kind.GroupVersion().WithResource(name.(string)), nil
	}
	found := ""
	err := c.read(ctx, func() error {
		list, err := c.asks.ServerResourcesForGroupVersion(ref.APIVersion)
		if err != nil {
			return err
		}
		for _, r := range list.APIResources {
			if r.Kind == ref.Kind && !strings.Contains(r.Name, "/") {
				found = r.Name
			}
		}
		return nil
	})
	if err != nil {
		return schema.GroupVersionResource{}, c.failed("ask which resources "+ref.APIVersion+" has, for", ref, "", err)
	}
	if found == "" {
		return schema.GroupVersionResource{}, fmt.Errorf("find %s: the cluster does not serve kind %s of %s; see what it serves: kubectl api-resources --api-group=%s",
			ref, ref.Kind, ref.APIVersion, kind.Group)
	}
	c.kinds.Store(kind, found)
	return kind.GroupVersion().WithResource(found), nil
}

// object reaches ref.
func (c *Cluster) object(ctx context.Context, ref handover.Ref) (dynamic.ResourceInterface, error) {
	r, err := c.resource(ctx, ref)
	if err != nil {
		return nil, err
	}
	if ref.Namespace == "" {
		return c.dynamic.Resource(r), nil
	}
	return c.dynamic.Resource(r).Namespace(ref.Namespace), nil
}
