// Package component builds the programs a lab runs from their Go modules and keeps them in the user's cache, one
// folder for each version and way of building. It starts nothing.
package component

import "slices"

// Versions of what the lab is made of.
const (
	Kubernetes = "v1.37.2"
	Etcd       = "v3.7.3"
	Kwok       = "v0.8.0"
	Helm4      = "v4.2.4"
	Helm3      = "v3.22.0"
	Flux       = "v2.9.5"
	Source     = "v1.9.5"
	Kustomize  = "v1.9.5"
	HelmCtl    = "v1.6.4"
	Registry   = "v0.21.6"
	Models     = "v1.18.2"
	CoreDNS    = "v1.15.0"
	Prometheus = "v0.316.0" // of the module; the program calls itself 3.16.0
)

// Component is a set of programs built in one go.
type Component struct {
	Name    string
	Version string
	Module  string   // nested module below lab/ whose go.mod pins it
	Source  []string // our own source folders in that module
	// Programs maps the name of a built file to the package it is built from.
	Programs map[string]string
	LDFlags  []string
	Tags     []string
	// Links are further names of a program that looks at the name it is called by.
	Links map[string]string
	// Upstream is a module that is built as it is, from a copy, instead of one of ours that requires it: it embeds a
	// file that its makers generate and do not publish, Placeholder, of which the copy gets an empty one.
	Upstream    string
	Placeholder string
}

// Table lists every component.
func Table() []Component {
	return []Component{
		{
			Name: "kubernetes", Version: Kubernetes, Module: "kube", Source: []string{"controlplane"},
			Programs: map[string]string{"controlplane": "./controlplane", "kubectl": "k8s.io/kubernetes/cmd/kubectl"},
			LDFlags: []string{
				"-X", "k8s.io/component-base/version.gitVersion=" + Kubernetes,
				"-X", "k8s.io/component-base/version.gitMajor=1",
				"-X", "k8s.io/component-base/version.gitMinor=37",
				"-X", "k8s.io/client-go/pkg/version.gitVersion=" + Kubernetes, // what kubectl calls itself in the audit log
			},
			Links: map[string]string{
				"kube-apiserver": "controlplane", "kube-controller-manager": "controlplane", "kube-scheduler": "controlplane",
			},
		},
		tool("etcd", Etcd, "./etcd"),
		tool("kwok", Kwok, "sigs.k8s.io/kwok/cmd/kwok", "-X", "sigs.k8s.io/kwok/pkg/consts.Version="+Kwok),
		tool("registry", Registry, "github.com/google/go-containerregistry/cmd/registry"),
		tool("crane", Registry, "github.com/google/go-containerregistry/cmd/crane"),
		tool("source-controller", Source, "github.com/fluxcd/source-controller"),
		tool("kustomize-controller", Kustomize, "github.com/fluxcd/kustomize-controller"),
		tool("helm-controller", HelmCtl, "github.com/fluxcd/helm-controller"),
		tool("helm4", Helm4, "helm.sh/helm/v4/cmd/helm", "-X", "helm.sh/helm/v4/internal/version.version="+Helm4),
		{
			Name: "helm3", Version: Helm3, Module: "helm3",
			Programs: map[string]string{"helm3": "helm.sh/helm/v3/cmd/helm"},
			LDFlags:  []string{"-X", "helm.sh/helm/v3/internal/version.version=" + Helm3},
		},
		{
			Name: "agent", Version: Models, Module: "agent", Source: []string{".", "answer"},
			Programs: map[string]string{"cilium-dbg": "."},
			Links:    map[string]string{"cilium": "cilium-dbg", "cilium-health": "cilium-dbg", "hubble": "cilium-dbg"},
		},
		{
			Name: "cilium", Version: Models, Module: "cilium",
			Programs: map[string]string{
				"cilium-agent": cilium + "daemon", "cilium-dbg": cilium + "cilium-dbg", "cilium-cni": cilium + "plugins/cilium-cni",
				"cilium-health": cilium + "cilium-health", "cilium-health-responder": cilium + "cilium-health/responder",
				"cilium-operator-generic": cilium + "operator", "hubble-relay": cilium + "hubble-relay", "hubble": cilium + "hubble",
			},
			// Version, commit and date: fewer than three words and the agent takes its version for none.
			LDFlags: []string{"-X", "'" + cilium + "pkg/version.ciliumVersion=" + Models[1:] + " module 1970-01-01T00:00:00Z'"},
			Links:   map[string]string{"cilium": "cilium-dbg"},
		},
		{
			Name: "echoes", Version: "v1", Module: "neighbours", Source: []string{"echo", "spegel"},
			Programs: map[string]string{"echo": "./echo", "spegel": "./spegel"},
		},
		{
			Name: "coredns", Version: CoreDNS, Module: "neighbours", Source: []string{"coredns"},
			Programs: map[string]string{"coredns": "./coredns"},
		},
		{
			Name: "prometheus", Version: Prometheus, Module: "neighbours",
			Programs: map[string]string{"prometheus": "github.com/prometheus/prometheus/cmd/prometheus"},
			Tags:     []string{"remove_all_sd", "enable_kubernetes_sd"}, // its other discoveries are most of its size
			LDFlags:  []string{"-X", "github.com/prometheus/common/version.Version=3.16.0"},
		},
		{
			Name: "flux", Version: Flux, Upstream: "github.com/fluxcd/flux2/v2", Placeholder: "cmd/flux/manifests/lab.yaml",
			Programs: map[string]string{"flux": "./cmd/flux"},
			LDFlags:  []string{"-X", "main.VERSION=" + Flux[1:]},
		},
	}
}

const cilium = "github.com/cilium/cilium/"

func tool(name, version, pkg string, ldflags ...string) Component {
	c := Component{Name: name, Version: version, Module: "tools", Programs: map[string]string{name: pkg}, LDFlags: ldflags}
	if pkg[0] == '.' {
		c.Source = []string{pkg}
	}
	return c
}

// Of returns the component with that name.
func Of(name string) (Component, bool) {
	all := Table()
	i := slices.IndexFunc(all, func(c Component) bool { return c.Name == name })
	if i < 0 {
		return Component{}, false
	}
	return all[i], true
}
