package component

import "strings"

// Chart is the Cilium chart of a version as a folder.
func Chart(cilium string) Bundle {
	return Bundle{Name: "chart", Version: cilium, Parts: []Part{
		{Module: "github.com/cilium/cilium", Version: "v" + cilium, Tree: "install/kubernetes/cilium"},
	}}
}

// Datapath is the source of the datapath of Cilium's agents, which they compile when they start.
func Datapath(cilium string) Bundle {
	return Bundle{Name: "datapath", Version: cilium, Parts: []Part{
		{Module: "github.com/cilium/cilium", Version: "v" + cilium, Tree: "bpf"},
	}}
}

// CRDs are the custom resource definitions that a cluster has beside Cilium's own.
func CRDs(cilium string) Bundle {
	gateway := GatewayAPI(cilium)
	patterns := []string{"config/crd/standard/gateway.networking.k8s.io_*s.yaml"}
	bases := []string{"config/crd/bases/*.yaml"}
	parts := []Part{
		{Module: "github.com/fluxcd/source-controller", Version: Source, Patterns: bases},
		{Module: "github.com/fluxcd/kustomize-controller", Version: Kustomize, Patterns: bases},
		{Module: "github.com/fluxcd/helm-controller", Version: HelmCtl, Patterns: bases},
		{Module: "sigs.k8s.io/kwok", Version: Kwok, Patterns: []string{"kustomize/crd/bases/*.yaml"}},
		{Module: "github.com/prometheus-operator/prometheus-operator", Version: "v0.85.0", Patterns: []string{
			"example/prometheus-operator-crd/*_servicemonitors.yaml", "example/prometheus-operator-crd/*_podmonitors.yaml",
			"example/prometheus-operator-crd/*_prometheusrules.yaml",
		}},
		{Module: "github.com/cert-manager/cert-manager", Version: "v1.21.2", Patterns: []string{"deploy/crds/*.yaml"}},
		{Module: "sigs.k8s.io/gateway-api", Version: gateway, Patterns: patterns},
	}
	if !atLeast(cilium, "1.20") { // Cilium reads TLSRoute v1alpha2 there, which only the experimental channel has
		parts = append(parts, Part{
			Module: "sigs.k8s.io/gateway-api", Version: gateway,
			Patterns: []string{"config/crd/experimental/gateway.networking.k8s.io_tlsroutes.yaml"},
		})
	}
	return Bundle{Name: "crds-gateway", Version: gateway + "-" + tlsRoute(cilium), Parts: parts}
}

func tlsRoute(cilium string) string {
	if atLeast(cilium, "1.20") {
		return "standard"
	}
	return "tlsroute"
}

// CiliumCRDs are the definitions that Cilium's operator of that version would register, as far as files go; which of
// them it does register depends on its configuration.
func CiliumCRDs(cilium string) Bundle {
	const crds = "pkg/k8s/apis/cilium.io/client/crds/"
	module := "github.com/cilium/cilium"
	return Bundle{Name: "crds-cilium", Version: cilium, Parts: []Part{
		{Module: module, Version: "v" + cilium, Patterns: []string{crds + "v2/*.yaml", crds + "v2alpha1/*.yaml"}},
		{Module: module, Version: "v" + cilium, Patterns: []string{"pkg/k8s/apis/cilium.io/register.go"}},
	}}
}

// GatewayAPI is the release of the Gateway API whose definitions that version of Cilium wants.
func GatewayAPI(cilium string) string {
	switch {
	case atLeast(cilium, "1.20"):
		return "v1.6.1"
	case atLeast(cilium, "1.19"):
		return "v1.4.1"
	default:
		return "v1.3.0"
	}
}

// atLeast compares "1.18.2" with a minor version such as "1.20"; both majors are 1.
func atLeast(version, minor string) bool {
	number := func(s string) int {
		parts := strings.SplitN(s, ".", 3)
		n := 0
		if len(parts) > 1 {
			for _, r := range parts[1] {
				n = n*10 + int(r-'0')
			}
		}
		return n
	}
	return number(version) >= number(minor)
}
