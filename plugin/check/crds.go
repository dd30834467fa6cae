package check

import (
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

func crdChecks() []Check {
	return []Check{{
		ID: "CG117", Phase: Bootstrap, AC: "AC-1", Feature: "gateway-api",
		Title:  "the Gateway API CRDs that this Cilium requires exist",
		Hint:   "Install the bundle that Cilium's documentation names for this version, then restart the operator, which looks for them only when it starts: kubectl -n kube-system rollout restart deploy/cilium-operator.",
		About:  "Cilium's operator switches Gateway API off when one required kind is missing, in a line of its log. Which kinds and which bundle depends on Cilium's version: 1.16 also wants TLSRoute v1alpha2, 1.20 wants TLSRoute, ReferenceGrant and BackendTLSPolicy v1.",
		Manual: "kubectl get crd -o custom-columns=NAME:.metadata.name,BUNDLE:.metadata.annotations.gateway\\.networking\\.k8s\\.io/bundle-version | grep gateway.networking",
		Needs:  []facts.Part{facts.CRDs, facts.DaemonSets, facts.Config},
		Judge:  judgeGatewayCRDs,
	}, {
		ID: "CG118", Phase: Bootstrap, AC: "AC-1", Feature: "bgp",
		Title:  "the BGP CRDs of this Cilium exist",
		Hint:   "The operator creates them when it starts with bgpControlPlane.enabled: kubectl -n kube-system logs deploy/cilium-operator | grep -i crd; then kubectl -n kube-system rollout restart deploy/cilium-operator.",
		About:  "ciliumbgpclusterconfigs and its kin from 1.16; ciliumbgppeeringpolicies before, deprecated in 1.18 and gone in 1.19.",
		Manual: "kubectl get crd | grep ciliumbgp",
		Needs:  []facts.Part{facts.CRDs, facts.DaemonSets, facts.Config},
		Judge:  judgeBGPCRDs,
	}, {
		ID: "CG119", Phase: Bootstrap, AC: "AC-1",
		Title:  "Cilium's own CRDs exist, those of IPAM and LB IPAM among them",
		Hint:   "The operator creates them when it starts, the chart does not: kubectl -n kube-system logs deploy/cilium-operator; then kubectl -n kube-system rollout restart deploy/cilium-operator.",
		About:  "The agents wait for these at start. They are the operator's: the chart ships none, so a HelmRelease's crds policy does not matter for Cilium.",
		Manual: "kubectl get crd | grep cilium.io",
		Needs:  []facts.Part{facts.CRDs},
		Judge: func(f facts.Facts) Verdict {
			return requireCRDs(f, ciliumCRDs, "Cilium's CRDs")
		},
	}, {
		ID: "CG701", Phase: Validation, AC: "AC-7", Feature: "gateway-api",
		Title:  "GatewayClass cilium is accepted",
		Hint:   "The operator accepts it: kubectl describe gatewayclass cilium; kubectl -n kube-system logs deploy/cilium-operator | grep -i gateway. Missing altogether: the chart creates it only if the Gateway API CRDs were there when it was rendered.",
		About:  "`kubectl get gatewayclasses` working proves CRDs. Accepted=True for the present generation proves that Cilium's operator reads them.",
		Manual: "kubectl get gatewayclass cilium",
		Needs:  []facts.Part{facts.GatewayClasses, facts.Config},
		Judge:  judgeGatewayClass,
	}, {
		ID: "CG707", Phase: Validation, AC: "AC-7", Feature: "prometheus",
		Title:  "the agents' ServiceMonitor exists",
		Hint:   "Set prometheus.serviceMonitor.enabled (and operator.prometheus.serviceMonitor.enabled); the chart refuses it where the CRDs of the Prometheus operator are missing. Switching it rolls the agents.",
		About:  "The ServiceMonitor is what a Prometheus operator finds the agents by. That it exists does not prove that anybody scrapes.",
		Manual: "kubectl -n kube-system get servicemonitors",
		Needs:  []facts.Part{facts.ServiceMonitors},
		Judge:  judgeServiceMonitor,
	}}
}

// ciliumCRDs are those that every agent from 1.15 on waits for (Cilium's pkg/k8s/synced/crd.go), without those that
// depend on configuration.
var ciliumCRDs = []string{
	"ciliumnodes.cilium.io", "ciliumidentities.cilium.io", "ciliumendpoints.cilium.io",
	"ciliumnetworkpolicies.cilium.io", "ciliumclusterwidenetworkpolicies.cilium.io", "ciliumcidrgroups.cilium.io",
	"ciliumpodippools.cilium.io", "ciliumloadbalancerippools.cilium.io", "ciliumnodeconfigs.cilium.io",
}

func requireCRDs(f facts.Facts, names []string, what string) Verdict {
	var n findings
	for _, name := range names {
		if _, ok := crd(f, name); !ok {
			n.failed("CustomResourceDefinition/"+name, "not found, or being deleted", "there")
		}
	}
	return n.verdict(fmt.Sprintf("%d of %d", len(names), len(names)), some(len(n.fail), len(names), "CRD")+" missing: "+what)
}

// crd finds a definition that is there to stay.
func crd(f facts.Facts, name string) (facts.CRD, bool) {
	for _, c := range f.Live.CRDs {
		if c.Name == name && !c.Deleting {
			return c, true
		}
	}
	return facts.CRD{}, false
}

// needed is a Gateway API kind that Cilium requires, the version it asks for, the first bundle that serves it and, where
// there is one, the first that serves it no more.
type needed struct{ plural, version, bundle, gone string }

// tlsRouteAlpha is gone from the standard channel with v1.5 and from the experimental one with v1.6.
var tlsRouteAlpha = needed{"tlsroutes", "v1alpha2", "v0.5.0", "v1.5.0"}

// gatewayKinds is what Cilium's operator checks for at start, by minor release (operator/pkg/gateway-api).
func gatewayKinds(m minor) []needed {
	switch {
	case m.atLeast(1, 20):
		return []needed{
			{"gatewayclasses", "v1", "v1.0.0", ""}, {"gateways", "v1", "v1.0.0", ""}, {"httproutes", "v1", "v1.0.0", ""}, {"grpcroutes", "v1", "v1.1.0", ""},
			{"tlsroutes", "v1", "v1.5.0", ""}, {"referencegrants", "v1", "v1.5.0", ""}, {"backendtlspolicies", "v1", "v1.4.0", ""},
		}
	case m.atLeast(1, 17):
		return []needed{
			{"gatewayclasses", "v1", "v1.0.0", ""}, {"gateways", "v1", "v1.0.0", ""}, {"httproutes", "v1", "v1.0.0", ""}, {"grpcroutes", "v1", "v1.1.0", ""},
			{"referencegrants", "v1beta1", "v0.6.0", ""},
		}
	case m.atLeast(1, 16):
		return []needed{
			{"gatewayclasses", "v1", "v1.0.0", ""}, {"gateways", "v1", "v1.0.0", ""}, {"httproutes", "v1", "v1.0.0", ""}, {"grpcroutes", "v1", "v1.1.0", ""},
			tlsRouteAlpha, {"referencegrants", "v1beta1", "v0.6.0", ""},
		}
	}
	return []needed{
		{"gatewayclasses", "v1", "v1.0.0", ""}, {"gateways", "v1", "v1.0.0", ""}, {"httproutes", "v1", "v1.0.0", ""}, {"grpcroutes", "v1alpha2", "v0.6.0", "v1.2.0"},
		tlsRouteAlpha, {"referencegrants", "v1beta1", "v0.6.0", ""},
	}
}

func judgeGatewayCRDs(f facts.Facts) Verdict {
	if v, off := notWanted(f, "gateway-api"); off {
		return v
	}
	m, ok := ciliumMinor(f)
	if !ok {
		return versionUnknown(f)
	}
	var n findings
	kinds := gatewayKinds(m)
	for _, k := range kinds {
		c, ok := crd(f, k.plural+".gateway.networking.k8s.io")
		where := "CustomResourceDefinition/" + k.plural + ".gateway.networking.k8s.io"
		switch {
		case !ok:
			n.failed(where, "not found", k.version+" served")
		case len(c.Served) > 0:
			if !contains(c.Served, k.version) {
				n.failed(where, "serves "+strings.Join(c.Served, ", "), k.version+" served")
			}
		case c.Bundle == "":
			n.unseen(where, "neither a bundle version nor served versions are known")
		case !bundleKnown(c.Bundle):
			n.unseen(where, "bundle "+c.Bundle+" is no version, and served versions are not known")
		case older(c.Bundle, k.bundle):
			n.failed(where, "bundle "+c.Bundle, k.bundle+" or later, which serves "+k.version)
		case k.gone != "" && !older(c.Bundle, k.lastIn(c.Channel)):
			n.failed(where, "bundle "+c.Bundle, "before "+k.lastIn(c.Channel)+", which no longer serves "+k.version)
		}
	}
	return n.verdict(fmt.Sprintf("%d kinds for Cilium %s", len(kinds), m), fmt.Sprintf("Cilium %s requires more of Gateway API", m))
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

// lastIn is the first bundle of that channel that serves the version no more.
func (k needed) lastIn(channel string) string {
	if k == tlsRouteAlpha && channel == "experimental" {
		return "v1.6.0"
	}
	return k.gone
}

func bundleKnown(bundle string) bool {
	_, ok := minorOf(bundle)
	return ok
}

// older compares bundle versions: v1.2.0 is older than v1.10.0, v1.6.0-rc.1 counts as v1.6.
func older(a, b string) bool {
	x, okA := minorOf(a)
	y, okB := minorOf(b)
	return okA && okB && !x.atLeast(y.major, y.minor)
}

// notWanted skips what belongs to a feature that is optional and not configured.
func notWanted(f facts.Facts, name string) (Verdict, bool) {
	on, _ := featureNamed(name).configured(f)
	if on || f.Expect.Features[name] == "required" {
		return Verdict{}, false
	}
	return skip("%s is optional and not enabled", name), true
}

func versionUnknown(f facts.Facts) Verdict {
	ds, _ := daemonSet(f, f.Expect.Cilium.Namespace, f.Expect.Cilium.DaemonSet)
	return unknown("Cilium's version cannot be told from its image",
		Evidence{place(f.Expect.Cilium.Namespace, "DaemonSet", f.Expect.Cilium.DaemonSet) + " images", orAbsent(strings.Join(ds.Images, " ")), "a version tag"})
}

func judgeBGPCRDs(f facts.Facts) Verdict {
	if v, off := notWanted(f, "bgp"); off {
		return v
	}
	m, ok := ciliumMinor(f)
	if !ok {
		return versionUnknown(f)
	}
	if !m.atLeast(1, 16) {
		return requireCRDs(f, []string{"ciliumbgppeeringpolicies.cilium.io"}, "BGP of Cilium "+m.String())
	}
	return requireCRDs(f, []string{
		"ciliumbgpclusterconfigs.cilium.io", "ciliumbgppeerconfigs.cilium.io", "ciliumbgpadvertisements.cilium.io",
		"ciliumbgpnodeconfigs.cilium.io", "ciliumbgpnodeconfigoverrides.cilium.io",
	}, "BGP of Cilium "+m.String())
}

func judgeGatewayClass(f facts.Facts) Verdict {
	if v, off := notWanted(f, "gateway-api"); off {
		return v
	}
	const controller = "io.cilium/gateway-controller"
	var n findings
	found := 0
	for _, g := range f.Live.GatewayClasses {
		if g.Controller != controller {
			continue
		}
		found++
		switch {
		case g.Accepted == nil:
			n.failed("GatewayClass/"+g.Name+" Accepted", "(no condition)", "True")
		case g.Accepted.Status != "True":
			n.failed("GatewayClass/"+g.Name+" Accepted", g.Accepted.Status+" "+g.Accepted.Reason+": "+g.Accepted.Message, "True")
		case g.Accepted.ObservedGeneration < g.Generation:
			n.failed("GatewayClass/"+g.Name+" Accepted observedGeneration", fmt.Sprint(g.Accepted.ObservedGeneration), fmt.Sprint(g.Generation))
		}
	}
	if found == 0 {
		return fail("there is no GatewayClass of Cilium's", Evidence{"GatewayClass with controller " + controller, "not found", "one, Accepted"})
	}
	return n.verdict("Accepted", "Cilium's operator has not accepted it")
}

func judgeServiceMonitor(f facts.Facts) Verdict {
	for _, s := range f.Live.ServiceMonitors {
		if s.Namespace == f.Expect.Cilium.Namespace && s.Name == "cilium-agent" {
			return pass("%s in %s", count(len(f.Live.ServiceMonitors), "ServiceMonitor"), s.Namespace)
		}
	}
	if f.Expect.Features["prometheus"] == "optional" {
		return skip("prometheus is optional and nothing monitors the agents")
	}
	return fail("there is no ServiceMonitor for the agents",
		Evidence{place(f.Expect.Cilium.Namespace, "ServiceMonitor", "cilium-agent"), "not found", "a ServiceMonitor"})
}
