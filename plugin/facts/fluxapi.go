package facts

// FluxAPIs is which of Flux's kinds a cluster serves: read where manifests are to be written for it.
const FluxAPIs Part = "fluxapis"

// FluxAPI is one of Flux's kinds as a cluster serves it.
type FluxAPI struct {
	Kind   string   `json:"kind"`             // "HelmRelease"
	Served []string `json:"served,omitempty"` // "helm.toolkit.fluxcd.io/v2"; empty where the kind is not defined
	// Fields are those of its served versions that not every release of Flux has, as far as they are asked
	// about: "spec.install.strategy".
	Fields []string `json:"fields,omitempty"`
}

// FluxFields are the fields that are asked about, by kind.
func FluxFields() map[string][]string {
	return map[string][]string{
		"HelmRelease":    {"spec.chartRef", "spec.commonMetadata", "spec.driftDetection", "spec.install.strategy", "spec.upgrade.strategy"},
		"Kustomization":  {"spec.deletionPolicy", "spec.healthCheckExprs"},
		"HelmRepository": {"spec.insecure"},
		"OCIRepository":  {"spec.insecure", "spec.layerSelector"},
	}
}
