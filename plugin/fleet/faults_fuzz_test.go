package fleet_test

import (
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
)

// FuzzParse: a fleet file is read or refused; what is read names each cluster once and has every name that is looked for.
func FuzzParse(f *testing.F) {
	f.Add("apiVersion: cilium-gitops.dev/v1alpha1\nkind: Fleet\nclusters: [{name: infra, context: infra, path: x}]\n")
	f.Add("apiVersion: cilium-gitops.dev/v1alpha1\nkind: Fleet\nfeatures: {bgp: off}\n")
	f.Add("kind: Fleet\nclusters: [{}, {}]\n")
	f.Add("a: &a [*a]\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := fleet.Parse([]byte(text))
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, c := range got.Clusters {
			if c.Name == "" || seen[c.Name] {
				t.Errorf("a cluster without a name, or twice: %q", c.Name)
			}
			seen[c.Name] = true
			got.Expect(c)
		}
		if got.Cilium.Namespace == "" || got.Cilium.Release == "" || got.Flux.Namespace == "" {
			t.Errorf("%+v", got)
		}
	})
}
