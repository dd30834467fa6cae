package impact

import (
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// fixed are the fields that the API server lets nobody change once the object exists, by kind. An upgrade that would
// change one of them fails.
var fixed = map[string][]string{
	"DaemonSet": {"spec.selector"}, "Deployment": {"spec.selector"}, "ReplicaSet": {"spec.selector"},
	"StatefulSet": {"spec"}, "PersistentVolumeClaim": {"spec"},
	"Job": {
		"spec.template", "spec.selector", "spec.completions", "spec.completionMode", "spec.podFailurePolicy", "spec.successPolicy",
		"spec.backoffLimitPerIndex", "spec.managedBy",
	},
	"Service":     {"spec.clusterIP", "spec.clusterIPs[0]", "spec.ipFamilies[0]", "spec.loadBalancerClass"},
	"Secret":      {"type"},
	"RoleBinding": {"roleRef"}, "ClusterRoleBinding": {"roleRef"},
	"StorageClass":             {"provisioner", "parameters", "reclaimPolicy", "volumeBindingMode"},
	"PriorityClass":            {"value", "preemptionPolicy"},
	"RuntimeClass":             {"handler"},
	"IngressClass":             {"spec.controller"},
	"EndpointSlice":            {"addressType"},
	"CustomResourceDefinition": {"spec.group", "spec.scope", "spec.names.kind", "spec.names.plural"},
}

// mutable are the exceptions from these.
var mutable = map[string][]string{
	"StatefulSet": {
		"spec.replicas", "spec.ordinals", "spec.template", "spec.updateStrategy", "spec.revisionHistoryLimit",
		"spec.persistentVolumeClaimRetentionPolicy", "spec.minReadySeconds",
	},
	"PersistentVolumeClaim": {"spec.resources", "spec.volumeAttributesClassName"},
}

// immutable tells whether the API server would refuse that edit of an object that exists. was is the object as it
// lives, or as it was released where that is not known.
func immutable(was, after facts.Object, e Edit) bool {
	path := string(e.Path)
	under := func(roots []string) bool {
		return slices.ContainsFunc(roots, func(root string) bool {
			return path == root || strings.HasPrefix(path, root+".") || strings.HasPrefix(path, root+"[")
		})
	}
	switch after.Kind {
	case "ConfigMap", "Secret":
		if sealed, _ := was.Body["immutable"].(bool); sealed && under([]string{"data", "binaryData", "stringData", "immutable"}) {
			return true
		}
	case "Service":
		if e.Added || e.Removed || external(was) || external(after) { // what is taken away is kept, what is missing is set once
			return false
		}
	case "Job":
		if path == "spec.completions" && was.Body.Text("spec.completionMode") == "Indexed" {
			return false
		}
	}
	return under(fixed[after.Kind]) && !under(mutable[after.Kind])
}

func external(o facts.Object) bool { return o.Body.Text("spec.type") == "ExternalName" }
