package lint

import (
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// orderRules are about what comes before what.
func orderRules() []Rule {
	return []Rule{
		{
			ID: "CGL406", Severity: Warning, Title: "what needs Cilium waits for it", See: kustomizeAPI + "#dependencies",
			Reason: "The order of files means nothing: Kustomizations are applied at the same time. Cilium's and the gateways' own objects need definitions " +
				"that only a running operator makes.",
			Fix: "Write dependsOn: [{name: cilium-core}].", check: dependents,
		},
		{
			ID: "CGL407", Severity: Info, Title: "definitions come before Cilium", See: "https://docs.cilium.io/en/stable/network/servicemesh/gateway-api/gateway-api/",
			Reason: "Where the Gateway API's definitions are missing when the chart is rendered, there is no GatewayClass; where Prometheus' are, a ServiceMonitor " +
				"fails the release. On a rebuilt cluster both must be there first.",
			Fix:   "Apply them by a Kustomization that Cilium's depends on, or, where the bootstrap does, say so: # cilium-gitops:ignore CGL407 REASON",
			check: definitionsFirst,
		},
	}
}

// ciliumKustomizations are the Kustomizations that apply a HelmRelease of Cilium or, where no cluster has them, that
// are named or addressed like one.
func (x *index) ciliumKustomizations() []*subject {
	var all []*subject
	for _, r := range x.releases() {
		for _, a := range x.appliers(r) {
			if s := x.subjectOf(a); s != nil && !slices.Contains(all, s) {
				all = append(all, s)
			}
		}
	}
	for _, s := range x.kustomizations() {
		if len(s.clusters) == 0 && (strings.HasSuffix(strings.TrimSuffix(s.text("spec.path"), "/"), "cilium/core") || s.Name == "cilium-core" || s.Name == "cilium") {
			all = append(all, s)
		}
	}
	return all
}

func dependents(x *index, report reporter) {
	for _, c := range x.Clusters {
		r := c.Git.Cilium()
		if r == nil || r.By == "" {
			continue
		}
		for _, k := range c.Git.Kustomizations {
			if k.Name == "" || k.ID() == r.By || k.NotFollowed != "" || reaches(c.Git, k, r.By) || !needsCilium(c.Git, k) {
				continue
			}
			s := x.subjectOf(applier{c, &k})
			if s == nil {
				continue
			}
			f := s.finding("spec.dependsOn", "it applies objects that Cilium defines, and does not depend on "+r.By)
			f.Clusters = []string{c.Name}
			f.Edits = dependOn(s, r.By)
			report(f)
		}
	}
}

func dependOn(s *subject, id string) []manifest.Edit {
	namespace, name, _ := strings.Cut(id, "/")
	block := "\n- name: " + name + "\n"
	if namespace != s.Namespace {
		block += "  namespace: " + namespace + "\n"
	}
	return insert(s, "spec.dependsOn", block)
}

// needsCilium tells whether a Kustomization applies objects that only a running Cilium knows.
func needsCilium(g *facts.Git, k facts.GitKustomization) bool {
	return slices.ContainsFunc(g.Objects, func(o facts.GitObject) bool {
		return o.By == k.ID() && strings.HasPrefix(o.APIVersion, "cilium.io/")
	})
}

func definitionsFirst(x *index, report reporter) {
	for _, s := range x.ciliumKustomizations() {
		if len(s.list("spec.dependsOn")) > 0 {
			continue
		}
		needs := x.definitionsOf(s)
		if len(needs) > 0 {
			report(s.finding("spec.dependsOn", "it depends on nothing, and Cilium needs the definitions of "+words(needs)))
		}
	}
}

// definitionsOf are whose definitions the releases that k applies need, and that k does not apply itself.
func (x *index) definitionsOf(k *subject) []string {
	var needs []string
	for _, r := range x.releases() {
		if len(k.clusters) == 0 || !slices.ContainsFunc(x.appliers(r), func(a applier) bool { return x.subjectOf(a) == k }) {
			continue
		}
		for _, v := range x.values(r) {
			if v.on("gatewayAPI.enabled") {
				needs = append(needs, "the Gateway API")
			}
			if v.on("prometheus.serviceMonitor.enabled") {
				needs = append(needs, "Prometheus' operator")
			}
		}
	}
	slices.Sort(needs)
	return slices.Compact(needs)
}
