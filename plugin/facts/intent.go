package facts

import "github.com/cilium-gitops/cilium-gitops/plugin/values"

// Intended is a part that is looked at by a run alone: what Flux would release of the objects that the cluster has.
const Intended Part = "intent"

// Intent is what decides what helm-controller would release: of a working tree, or of the objects that a cluster has. All
// of it are digests; nothing of what the values say is in it.
type Intent struct {
	HelmRelease string `json:"helmRelease"` // "kube-system/cilium"
	// Values is the SHA-256 of the composed values, as status.lastAttemptedConfigDigest has it: "sha256:9d1c...".
	Values string `json:"values"`
	// Spec has the SHA-256 of each field of spec that decides the release, defaults applied: all but suspend, interval and
	// values. Of the chart's source it has url, type, ref and the like, as "source.url".
	Spec     map[string]string `json:"spec"`
	Artifact Artifact          `json:"artifact,omitzero"`
	// Leaves has the SHA-256 of what stands at each path of the values. It is for telling where two differ, and is neither
	// written nor shown.
	Leaves map[values.Path]string `json:"-"`
}

// Artifact is the chart that a source has, or that was rendered. What is not known is empty.
type Artifact struct {
	// Of is the source, "OCIRepository/kube-system/cilium-charts".
	Of string `json:"of,omitempty"`
	// Version is the chart's, "1.18.2".
	Version string `json:"version,omitempty"`
	// Manifest is the digest of the OCI manifest, Archive of the packed chart: "sha256:0c34...".
	Manifest string `json:"manifest,omitempty"`
	Archive  string `json:"archive,omitempty"`
	// Revision is the source's own, where the chart was taken from what the cluster's source-controller has.
	Revision string `json:"revision,omitempty"`
}

// Input is an object of the working tree that values or variables of Cilium's are taken from, compared with the cluster's
// object of that name.
type Input struct {
	GitPlace `json:",inline"`
	Ref      string `json:"ref"` // "ConfigMap/kube-system/cilium-values"
	// For is what takes from it: "HelmRelease/kube-system/cilium" takes values, "Kustomization/flux-system/cilium-core"
	// variables.
	For string `json:"for"`
	By  string `json:"by,omitempty"` // the Kustomization that applies it, "namespace/name"
	// Missing: the cluster has no such object. Differs are the keys, of those that are used, that do not say the same.
	Missing bool     `json:"missing,omitempty"`
	Differs []string `json:"differs,omitempty"`
	// Unknown says why the cluster's could not be seen.
	Unknown string `json:"unknown,omitempty"`
}
