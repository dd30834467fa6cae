//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// variation is one way in which what Flux gets differs from what the bootstrap had.
type variation struct {
	name       string // as docs/diff.md words it
	sample     bool   // runs in every e2e run
	only       string // versions of Cilium that begin so; empty: every one
	edit       func(values map[string]any)
	spec       func(spec map[string]any)  // of the HelmRelease
	repository bool                       // the chart comes from a HelmRepository
	bootstrap  func(t *testing.T, c cell) // does the bootstrap again, otherwise
	hand       func(t *testing.T, c cell) // what somebody did to the cluster since
}

// testName is the name without what file names, of which kubectl and helm take lists, may not have.
func (v variation) testName() string {
	return strings.NewReplacer(",", "", ";", "", "`", "").Replace(v.name)
}

func variations() []variation {
	return append(valueVariations(), otherVariations()...)
}

// set is an edit that sets one value, its path separated by dots.
func set(path string, to any) func(map[string]any) {
	keys := strings.Split(path, ".")
	last := len(keys) - 1
	return func(v map[string]any) { below(v, keys[:last]...)[keys[last]] = to }
}

// below is the map at a path, made where it is not there.
func below(v map[string]any, path ...string) map[string]any {
	for _, key := range path {
		next, ok := v[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			v[key] = next
		}
		v = next
	}
	return v
}

func both(edits ...func(map[string]any)) func(map[string]any) {
	return func(v map[string]any) {
		for _, edit := range edits {
			edit(v)
		}
	}
}

// valueVariations differ in Helm values alone.
func valueVariations() []variation {
	noMonitor := set("prometheus.serviceMonitor.enabled", false)
	return []variation{
		{name: "nothing", sample: true},
		{name: "`kubeProxyReplacement: true`, not `\"true\"`", edit: set("kubeProxyReplacement", true)},
		{name: "a key that the chart does not know", edit: set("values.test", 1)},
		{name: "`encryption.enabled: false`", sample: true, edit: set("encryption.enabled", false)},
		{name: "no `encryption` at all", edit: func(v map[string]any) { delete(v, "encryption") }},
		{name: "`bgpControlPlane.enabled: false`", edit: set("bgpControlPlane.enabled", false)},
		{name: "`cluster.id: null`", sample: true, edit: set("cluster.id", nil)},
		{name: "`ipv4NativeRoutingCIDR: \"\"`", edit: set("ipv4NativeRoutingCIDR", "")},
		{name: "`rollOutCiliumPods: true`", sample: true, edit: set("rollOutCiliumPods", true)},
		{name: "`prometheus.serviceMonitor.enabled: false`", sample: true, edit: noMonitor},
		{name: "`prometheus.enabled: false`, and its ServiceMonitor", edit: both(noMonitor, set("prometheus.enabled", false))},
		{name: "`k8sServiceHost: 127.0.0.1`", edit: set("k8sServiceHost", "127.0.0.1")},
		{name: "`commonLabels: {a: b}`", edit: set("commonLabels.a", "b")},
		{name: "`upgradeCompatibility: \"1.15\"`", sample: true, edit: set("upgradeCompatibility", "1.15")},
		{name: "`hubble.ui.enabled: false`", edit: set("hubble.ui.enabled", false)},
		{name: "`hubble.tls.auto.method: cronJob`", sample: true, edit: set("hubble.tls.auto.method", "cronJob")},
	}
}

// otherVariations differ in the HelmRelease, the cluster, or the circumstances of the bootstrap.
func otherVariations() []variation {
	metadata := map[string]any{"labels": map[string]any{"team": "network"}, "annotations": map[string]any{"example.org/by": "flux"}}
	return []variation{
		{name: "the chart from a HelmRepository (`spec.chart`)", repository: true},
		{name: "`commonMetadata`: a label and an annotation", spec: set("commonMetadata", metadata)},
		{
			name: "a post-renderer that labels the pods of one Deployment",
			spec: set("postRenderers", postRenderer("Deployment", "hubble-relay", "/spec/template/metadata/labels/team", "network")),
		},
		{
			name: "a post-renderer that puts the plain chart version into pod templates", only: "1.20",
			spec: set("postRenderers", postRenderer("(DaemonSet|Deployment)", "", "/spec/template/metadata/labels/helm.sh~1chart", "cilium-1.20.2")),
		},
		{
			name: "`encryption.enabled: false`, and `upgrade.serverSideApply: disabled`",
			edit: set("encryption.enabled", false), spec: set("upgrade.serverSideApply", "disabled"),
		},
		{
			name: "`hubble.ui.enabled: false`; by hand, `helm.sh/resource-policy: keep` on its Deployment",
			edit: set("hubble.ui.enabled", false), hand: byHand("annotate", "deployment/hubble-ui", "helm.sh/resource-policy=keep"),
		},
		{
			name: "nothing; by hand, an env variable that the chart sets", sample: true,
			hand: byHand("set", "env", "daemonset/cilium", "-c", "cilium-agent", "CILIUM_CLUSTERMESH_CONFIG=/elsewhere"),
		},
		{
			name: "nothing; by hand, an env variable of its own",
			hand: byHand("set", "env", "daemonset/cilium", "-c", "cilium-agent", "BY_HAND=yes"),
		},
		{name: "nothing; Kubernetes was 1.35 at the bootstrap", bootstrap: onKubernetes("v1.35.0")},
		{name: "nothing; Kubernetes was 1.32 at the bootstrap", bootstrap: onKubernetes("v1.32.0")},
		{name: "nothing; Kubernetes was 1.29 at the bootstrap", bootstrap: onKubernetes("v1.29.0")},
		{name: "nothing; no GatewayClass API at the bootstrap", bootstrap: withoutGatewayClasses},
		{name: "nothing; the GatewayClass API is gone since", hand: func(t *testing.T, c cell) {
			c.kubectl(t, "delete", "crd", gatewayClasses, "--wait")
		}},
	}
}

// postRenderer sets one field of those objects, as a HelmRelease has it.
func postRenderer(kind, name, path, value string) []any {
	patch := "- {op: add, path: \"" + path + "\", value: \"" + value + "\"}"
	return []any{map[string]any{"kustomize": map[string]any{"patches": []any{
		map[string]any{"target": map[string]any{"kind": kind, "name": name}, "patch": patch},
	}}}}
}

// byHand is a kubectl command in Cilium's namespace, after which the agents are waited for.
func byHand(args ...string) func(*testing.T, cell) {
	return func(t *testing.T, c cell) {
		c.kubectl(t, append([]string{"-n", "kube-system"}, args...)...)
		c.kubectl(t, "-n", "kube-system", "rollout", "status", "daemonset/cilium", "--timeout", "60s")
	}
}
