// Package fleet says which clusters there are, by which context each is reached, where each lives in Git, and what
// is asked of it. It reads fleet.yaml or takes the names given; it must not talk to clusters.
package fleet

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Kind heads a fleet file.
const Kind = "Fleet"

// File is the name that is looked for in --repo when --fleet is not given.
const File = "fleet.yaml"

// Fleet is fleet.yaml. Every field has a default: the story's names need no file.
type Fleet struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Clusters   []Cluster       `json:"clusters,omitempty"`
	Cilium     facts.Names     `json:"cilium,omitzero"`
	Flux       facts.FluxNames `json:"flux,omitzero"`
	Features   Wants           `json:"features,omitempty"`
	// Prometheus is where to ask whether Cilium is scraped.
	Prometheus facts.PrometheusNames `json:"prometheus,omitzero"`
	Bootstrap  Bootstrap             `json:"bootstrap,omitzero"`
}

// Cluster is one cluster of the fleet.
type Cluster struct {
	Name    string `json:"name"`
	Context string `json:"context,omitempty"` // default: the name
	Path    string `json:"path,omitempty"`    // in Git; default: kubernetes/clusters/NAME
}

// Bootstrap says where the bootstrap's values live in Git.
type Bootstrap struct {
	Values   string `json:"values,omitempty"`
	Helmfile string `json:"helmfile,omitempty"`
}

// Wants says of each feature how it is wanted.
type Wants map[string]string

// UnmarshalJSON also takes an unquoted off, which YAML reads as false.
func (w *Wants) UnmarshalJSON(data []byte) error {
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	*w = Wants{}
	for name, want := range all {
		if want == false {
			want = Off
		}
		(*w)[name] = fmt.Sprint(want)
	}
	return nil
}

// How a feature is wanted.
const (
	Required = "required"
	Optional = "optional"
	Off      = "off"
)

// Default is the fleet that no file describes.
func Default() Fleet {
	return Fleet{
		APIVersion: facts.APIVersion,
		Kind:       Kind,
		Cilium: facts.Names{
			Namespace: "kube-system", Release: "cilium", DaemonSet: "cilium", Operator: "cilium-operator",
		},
		Flux: facts.FluxNames{
			Namespace: "flux-system", Kustomization: "cilium-core", HelmRelease: "cilium",
			HelmReleaseNamespace: "kube-system", Source: "cilium-charts", Settings: "cluster-settings",
		},
		Features: Wants{
			"kube-proxy-replacement": Required, "wireguard": Required, "gateway-api": Required, "bgp": Required,
			"lb-ipam": Optional, "hubble": Required, "prometheus": Required, "spegel": Required,
			"coredns": Required, "cert-manager": Optional,
		},
		Prometheus: facts.PrometheusNames{Selector: "app.kubernetes.io/name=prometheus", Port: 9090},
		Bootstrap:  Bootstrap{Values: "bootstrap/values/cilium.yaml", Helmfile: "bootstrap/helmfile.d/01-core.yaml.gotmpl"},
	}
}

// Parse reads a fleet file over the defaults, strictly.
func Parse(data []byte) (Fleet, error) {
	f := Default()
	features := f.Features
	f.Features = nil
	if err := yaml.UnmarshalStrict(data, &f); err != nil {
		return Fleet{}, err
	}
	for name, want := range f.Features {
		if _, known := features[name]; !known {
			return Fleet{}, fmt.Errorf("features: no feature %q; there are: %s", name, names(features))
		}
		if !slices.Contains([]string{Required, Optional, Off}, want) {
			return Fleet{}, fmt.Errorf("features: %s: %q is not one of required, optional, off", name, want)
		}
		features[name] = want
	}
	f.Features = features
	return f, f.complete()
}

func (f *Fleet) complete() error {
	if f.APIVersion != facts.APIVersion || f.Kind != Kind {
		return fmt.Errorf("is %q %q, not a fleet (%s %s)", f.APIVersion, f.Kind, facts.APIVersion, Kind)
	}
	for _, c := range []struct{ field, name string }{
		{"namespace", f.Cilium.Namespace}, {"release", f.Cilium.Release}, {"daemonSet", f.Cilium.DaemonSet}, {"operator", f.Cilium.Operator},
	} {
		if c.name == "" {
			return fmt.Errorf("cilium.%s: is empty", c.field)
		}
	}
	seen := map[string]bool{}
	for i := range f.Clusters {
		c := &f.Clusters[i]
		if c.Name == "" {
			return fmt.Errorf("clusters[%d]: has no name", i)
		}
		if seen[c.Name] {
			return fmt.Errorf("clusters[%d]: the name %q is used twice", i, c.Name)
		}
		seen[c.Name] = true
		c.complete()
	}
	return nil
}

func (c *Cluster) complete() {
	if c.Context == "" {
		c.Context = c.Name
	}
	if c.Path == "" {
		c.Path = "kubernetes/clusters/" + c.Name
	}
}

// Expect is what the fleet asks of cluster c. It shares nothing: facts of many clusters are gathered at once.
func (f Fleet) Expect(c Cluster) facts.Expect {
	e := facts.Expect{Cilium: f.Cilium, Flux: f.Flux, Prometheus: f.Prometheus, Features: maps.Clone(f.Features)}
	if slices.Contains(f.Clusters, c) {
		e.Name = c.Name
	}
	return e
}

// ByContext is the cluster reached by that context: the fleet's own, else one named after the context.
func (f Fleet) ByContext(context string) Cluster {
	for _, c := range f.Clusters {
		if c.Context == context {
			return c
		}
	}
	c := Cluster{Name: context, Context: context}
	c.complete()
	return c
}

func names(m map[string]string) string {
	all := make([]string, 0, len(m))
	for name := range m {
		all = append(all, name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}
