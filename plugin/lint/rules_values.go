package lint

import (
	"fmt"
	"regexp"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

const helmReference = "https://docs.cilium.io/en/stable/helm-reference/"

// valueRules are about Cilium's values.
func valueRules() []Rule {
	return []Rule{
		{
			ID: "CGL601", Severity: Error, Title: "kubeProxyReplacement is true or false", See: helmReference,
			Reason: "strict, partial and probe were removed in Cilium 1.16: the chart refuses them.",
			Fix:    `Write kubeProxyReplacement: true, or "true".`, check: valueRule(proxyReplacement),
		},
		{
			ID: "CGL602", Severity: Error, Title: "agents reach the API server without kube-proxy", See: "https://docs.cilium.io/en/stable/network/kubernetes/kubeproxy-free/",
			Reason: "With kubeProxyReplacement nothing serves the ClusterIP of the API server until an agent runs, and no agent runs without the API server. " +
				"A bootstrap that works has both values; a HelmRelease without them takes them away at adoption.",
			Fix:   "Write k8sServiceHost and k8sServicePort as the bootstrap has them (Talos: localhost and 7445). Compare all values with the running release.",
			check: valueRule(apiServer),
		},
		{
			ID: "CGL603", Severity: Error, Title: "cluster name and id are ones that Cilium takes", See: helmReference,
			Reason: "The name is at most 32 lower-case letters, digits and dashes; the id is 1 to 255 (0 without a mesh), and a cluster with an id is not called default.",
			Fix:    "Correct CLUSTER and CLUSTER_ID in the cluster's settings.", check: valueRule(identity),
		},
		{
			ID: "CGL604", Severity: Info, Title: "the native routing CIDR is read", See: "https://docs.cilium.io/en/stable/network/concepts/routing/",
			Reason: "ipv4NativeRoutingCIDR matters only with routingMode: native; the default is tunnel.",
			Fix:    "Write routingMode as the running release has it.", check: valueRule(nativeRouting),
		},
		{
			ID: "CGL605", Severity: Error, Title: "the Gateway API has what it needs", See: "https://docs.cilium.io/en/stable/network/servicemesh/gateway-api/gateway-api/",
			Reason: "Cilium's Gateway API needs kubeProxyReplacement and the L7 proxy; without them the operator does not start it.",
			Fix:    "Write kubeProxyReplacement: true, and leave l7Proxy on.", check: valueRule(gatewayNeeds),
		},
		{
			ID: "CGL606", Severity: Error, Title: "Hubble's UI has a relay", See: helmReference,
			Reason: "The chart refuses hubble.ui without hubble.relay.",
			Fix:    "Write hubble.relay.enabled: true.", check: valueRule(relay),
		},
		{
			ID: "CGL607", Severity: Warning, Title: "agents and operator restart together", See: helmReference,
			Reason: "With rollOutCiliumPods alone agents may wait for definitions that only a restarted operator makes.",
			Fix:    "Write operator.rollOutPods: true, too.", check: valueRule(rollOut),
		},
		{
			ID: "CGL608", Severity: Warning, Title: "the kind of encryption is written down", See: "https://docs.cilium.io/en/stable/security/network/encryption-wireguard/",
			Reason: "encryption.enabled without a type is IPsec, which needs keys of its own.",
			Fix:    "Write encryption.type: wireguard.", check: valueRule(encryptionType),
		},
		{
			ID: "CGL609", Severity: Error, Title: "no value is one that the chart has dropped", See: "https://docs.cilium.io/en/stable/operations/upgrade/",
			Reason: "A value that the chart no longer reads changes nothing, or stops the release.",
			Fix:    "Write what took its place.", check: valueRule(dropped),
		},
		{
			ID: "CGL610", Severity: Warning, Title: "no secret is in Git in the clear", See: "https://fluxcd.io/flux/guides/mozilla-sops/",
			Reason: "Whoever reads the repository, now or later, has the key.",
			Fix:    "Take it from a Secret by valuesFrom, and encrypt that.", check: releaseRule(secrets),
		},
	}
}

func valueRule(judge func(s *subject, v given, report reporter)) func(*index, reporter) {
	return releaseRule(func(x *index, s *subject, report reporter) {
		for _, v := range x.values(s) {
			judge(s, v, report)
		}
	})
}

func proxyReplacement(s *subject, v given, report reporter) {
	if is := v.Text("kubeProxyReplacement"); is != "" && is != "true" && is != "false" && decided(is) {
		report(v.finding(s, "kubeProxyReplacement", "kubeProxyReplacement is "+is+"; the chart takes true or false"))
	}
}

func apiServer(s *subject, v given, report reporter) {
	if !v.on("kubeProxyReplacement") || v.Text("k8sServiceHost") != "" && (v.Text("k8sServicePort") != "" || v.Text("k8sServiceHost") == "auto") {
		return
	}
	for _, path := range []values.Path{"k8sServiceHost", "k8sServicePort"} {
		if v.Text(path) == "" {
			report(v.finding(s, path, string(path)+" is not written, and nothing but Cilium serves the API server's ClusterIP"))
			return
		}
	}
}

var clusterName = regexp.MustCompile(`^[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?$`)

func identity(s *subject, v given, report reporter) {
	name, id := v.Text("cluster.name"), v.Text("cluster.id")
	n := number(id)
	switch {
	case !decided(name) || !decided(id):
	case name != "" && !clusterName.MatchString(name):
		report(v.finding(s, "cluster.name", fmt.Sprintf("cluster.name is %q", name)))
	case v.has("cluster.name") && name == "":
		report(v.finding(s, "cluster.name", "cluster.name is empty"))
	case v.has("cluster.id") && (n < 0 || n > 255 || id == ""):
		report(v.finding(s, "cluster.id", fmt.Sprintf("cluster.id is %q; it is 0 to 255", id)))
	case n != 0 && name == "default":
		report(v.finding(s, "cluster.name", "a cluster with an id must not be called default"))
	}
}

// has tells whether something stands there; a null does not.
func (v given) has(path values.Path) bool { is, ok := v.Lookup(path); return ok && is != nil }

func nativeRouting(s *subject, v given, report reporter) {
	if v.Text("ipv4NativeRoutingCIDR") != "" && v.Text("routingMode") != "native" {
		report(v.finding(s, "ipv4NativeRoutingCIDR", "ipv4NativeRoutingCIDR has no effect: routingMode is not native"))
	}
}

func gatewayNeeds(s *subject, v given, report reporter) {
	if !v.on("gatewayAPI.enabled") {
		return
	}
	if kpr := v.Text("kubeProxyReplacement"); kpr == "" || kpr == "false" {
		report(v.finding(s, "gatewayAPI.enabled", "the Gateway API is on, and kubeProxyReplacement is not"))
	}
	if v.Text("l7Proxy") == "false" {
		report(v.finding(s, "l7Proxy", "the Gateway API is on, and l7Proxy is off"))
	}
}

func relay(s *subject, v given, report reporter) {
	if v.on("hubble.ui.enabled") && !v.on("hubble.relay.enabled") && v.Text("hubble.ui.standalone.enabled") != "true" {
		report(v.finding(s, "hubble.ui.enabled", "hubble.ui is on, and hubble.relay is not"))
	}
}

func rollOut(s *subject, v given, report reporter) {
	if v.on("rollOutCiliumPods") && !v.on("operator.rollOutPods") {
		report(v.finding(s, "rollOutCiliumPods", "agents restart when their configuration changes, and the operator does not"))
	}
}

func encryptionType(s *subject, v given, report reporter) {
	if v.on("encryption.enabled") && v.Text("encryption.type") == "" {
		report(v.finding(s, "encryption", "encryption is on without a type: the default is IPsec"))
	}
}

// droppedValues are those that a chart no longer reads, and what took their place.
func droppedValues() map[values.Path]string {
	return map[values.Path]string{
		"tunnel":                   "routingMode and tunnelProtocol (1.15)",
		"bgp.enabled":              "bgpControlPlane.enabled (1.16)",
		"bgp.announce":             "bgpControlPlane.enabled (1.16)",
		"global":                   "values without global (1.8)",
		"containerRuntime":         "nothing (1.16)",
		"enableK8sEventHandover":   "nothing (1.15)",
		"hubble.tls.ca":            "tls.ca (1.13)",
		"proxy.prometheus.enabled": "envoy.prometheus.enabled (1.15)",
	}
}

func dropped(s *subject, v given, report reporter) {
	for path, now := range droppedValues() {
		if v.has(path) {
			report(v.finding(s, path, string(path)+" is no value of the chart any more; instead: "+now))
		}
	}
}

func secrets(_ *index, s *subject, report reporter) {
	inline, _ := written(s.docOr()).Body["spec"].(map[string]any)
	tree, _ := inline["values"].(map[string]any)
	for path, value := range scalars(map[string]any(facts.Redact(tree)), "") {
		was := manifest.Text(tree, manifest.Keys(path)...)
		if value == facts.Redacted && was != facts.Redacted && len(expressions(was)) == 0 {
			report(s.finding("spec.values."+path, path+" looks like a secret"))
		}
	}
}
