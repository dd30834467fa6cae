package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Parts are what FromFacts reads.
func Parts() []facts.Part {
	return []facts.Part{facts.Releases, facts.Release, facts.Settings, facts.Nodes, facts.FluxAPIs}
}

// ErrNotSeen is the error of a cluster that could not be looked at.
var ErrNotSeen = errors.New("could not be seen")

// FromFacts is what f says of cluster c. Its errors name what is missing: a release that could not be seen is
// ErrNotSeen; one that is not there, or at which somebody is at work, cannot be scaffolded from.
func FromFacts(c fleet.Cluster, f facts.Facts) (Cluster, error) {
	for _, part := range []facts.Part{facts.Releases, facts.Release, facts.Settings} {
		if why, ok := f.Blind[part]; ok {
			return Cluster{}, fmt.Errorf("%s: %s %w: %s", c.Name, part, ErrNotSeen, why)
		}
		if !slices.Contains(f.Seen, part) {
			return Cluster{}, fmt.Errorf("%s: %s %w: the recording does not hold it; record again", c.Name, part, ErrNotSeen)
		}
	}
	r := f.Live.Release
	if r == nil {
		return Cluster{}, fmt.Errorf("%s: there is no Helm release %s/%s: what was applied without Helm has no values to be read; "+
			"give them: --from file=%s=VALUES.yaml", c.Name, f.Expect.Cilium.Namespace, f.Expect.Cilium.Release, c.Name)
	}
	if r.Status != "deployed" {
		return Cluster{}, fmt.Errorf("%s: the newest record of the release is %s: its values may not be what runs; "+
			"look first: helm --kube-context %s -n %s history %s", c.Name, r.Status, c.Context, r.Namespace, r.Name)
	}
	out := Cluster{Cluster: c, Values: r.Values, Nodes: len(f.Live.Nodes), APIs: f.Live.FluxAPIs}
	out.Version, _, _ = strings.Cut(r.ChartVersion, "+") // Flux adds the digest of an OCI chart
	if f.Live.Settings != nil {
		out.Settings = f.Live.Settings.Data
	}
	return out, nil
}

// userSupplied is what `helm get values` prints above the values.
var userSupplied = []byte("USER-SUPPLIED VALUES:")

// ReadValues reads a file of values, as one writes it or as `helm get values` prints it.
func ReadValues(data []byte) (values.Tree, error) {
	data = bytes.TrimPrefix(bytes.TrimLeft(data, "\ufeff \n\r\t"), userSupplied)
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("COMPUTED VALUES:")) {
		return nil, errors.New("holds the chart's defaults, too (helm get values --all): give what the user supplied")
	}
	var v values.Tree
	if err := yaml.UnmarshalStrict(data, &v); err != nil {
		return nil, err
	}
	if kind, ok := v["kind"].(string); ok && v["apiVersion"] != nil {
		return nil, fmt.Errorf("is a %s, not values", kind)
	}
	return v, nil
}

// ReadSettings reads a cluster-settings.yaml.
func ReadSettings(data []byte) (map[string]string, error) {
	var cm struct {
		Kind string            `json:"kind"`
		Data map[string]string `json:"data"`
	}
	if err := yaml.Unmarshal(data, &cm); err != nil {
		return nil, err
	}
	if cm.Kind != "ConfigMap" {
		return nil, fmt.Errorf("is a %q, not a ConfigMap", cm.Kind)
	}
	return cm.Data, nil
}
