package lint

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// fleetRules are about clusters beside one another.
func fleetRules() []Rule {
	const mesh = "https://docs.cilium.io/en/stable/network/clustermesh/clustermesh/"
	return []Rule{
		{
			ID: "CGL611", Severity: Error, Title: "no two clusters have the same name or id", See: mesh,
			Reason: "Clusters that share a name or an id cannot be meshed, and neither can be changed while pods run.",
			Fix:    "Give each cluster a CLUSTER and a CLUSTER_ID of its own.", check: sameIdentity,
		},
		{
			ID: "CGL612", Severity: Warning, Title: "no two clusters share pod addresses", See: mesh,
			Reason: "Pods of clusters whose networks overlap cannot reach one another.",
			Fix:    "Give each cluster a network of its own.", check: overlap,
		},
	}
}

// pairs goes through every two releases of different clusters.
func (x *index) pairs(judge func(a, b Cluster, ra, rb facts.GitRelease)) {
	for i, b := range x.Clusters {
		for _, a := range x.Clusters[:i] {
			ra, rb := a.Git.Cilium(), b.Git.Cilium()
			if ra != nil && rb != nil {
				judge(a, b, *ra, *rb)
			}
		}
	}
}

func sameIdentity(x *index, report reporter) {
	x.pairs(func(a, b Cluster, ra, rb facts.GitRelease) {
		for _, path := range []string{"cluster.name", "cluster.id"} {
			is := rb.Values.Text(values.Path(path))
			if is == "" || is == "0" || is != ra.Values.Text(values.Path(path)) {
				continue
			}
			f := Finding{
				Place: x.defined(b, rb, path), Clusters: []string{a.Name, b.Name}, Object: "HelmRelease/" + rb.Namespace + "/" + rb.Name,
				Message: fmt.Sprintf("%s is %s on %s and on %s", path, is, a.Name, b.Name),
			}
			report(f)
		}
	})
}

func overlap(x *index, report reporter) {
	x.pairs(func(a, b Cluster, ra, rb facts.GitRelease) {
		const path = "ipv4NativeRoutingCIDR"
		left, err1 := netip.ParsePrefix(strings.TrimSpace(ra.Values.Text(path)))
		right, err2 := netip.ParsePrefix(strings.TrimSpace(rb.Values.Text(path)))
		if err1 != nil || err2 != nil || !left.Overlaps(right) {
			return
		}
		report(Finding{
			Place: x.defined(b, rb, path), Clusters: []string{a.Name, b.Name}, Object: "HelmRelease/" + rb.Namespace + "/" + rb.Name,
			Message: fmt.Sprintf("the pods of %s (%s) and of %s (%s) share addresses", a.Name, left, b.Name, right),
		})
	})
}

// defined is where a value is decided: at its variable's definition, else in the HelmRelease.
func (x *index) defined(c Cluster, r facts.GitRelease, path string) manifest.Place {
	for _, t := range r.Templated {
		if string(t.Path) != path || len(t.Variables) != 1 {
			continue
		}
		for _, v := range c.Git.Variables {
			if v.Name == t.Variables[0] && v.From != "" && v.File != "" {
				return placeOf(v.GitPlace)
			}
		}
	}
	return x.fieldOf(c, r, "spec.values."+path)
}
