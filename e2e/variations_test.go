//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
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
	return slices.Concat(valueVariations(), otherVariations(), orderVariations(), spireVariations())
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

// orderVariations have the same in another order, or nothing at all where nothing was.
func orderVariations() []variation {
	env := func(names ...string) []any {
		var all []any
		for _, name := range names {
			all = append(all, map[string]any{"name": name, "value": "1"})
		}
		return all
	}
	volumes := func(names ...string) []any {
		var all []any
		for _, name := range names {
			all = append(all, map[string]any{"name": name, "emptyDir": map[string]any{}})
		}
		return all
	}
	const first = "/spec/template/spec/initContainers/"
	return []variation{
		{
			name: "`extraEnv`: the same two, in another order", sample: true,
			bootstrap: withValues("extraEnv", env("A", "B")), edit: set("extraEnv", env("B", "A")),
		},
		{
			name:      "`extraVolumes`: the same two, in another order",
			bootstrap: withValues("extraVolumes", volumes("a", "b")), edit: set("extraVolumes", volumes("b", "a")),
		},
		{
			name: "a post-renderer that swaps two init containers of the agents",
			spec: set("postRenderers", patching("DaemonSet", "cilium", `- {op: move, from: "`+first+`1", path: "`+first+`0"}`)),
		},
		{
			name: "a post-renderer that adds `securityContext: {}` to a container", sample: true,
			spec: set("postRenderers", patching("DaemonSet", "cilium", `- {op: add, path: "`+first+`0/securityContext", value: {}}`)),
		},
		{
			name: "a post-renderer that adds `resources: {}` to a container",
			spec: set("postRenderers", patching("Deployment", "hubble-relay", `- {op: add, path: "/spec/template/spec/containers/0/resources", value: {}}`)),
		},
	}
}

// spireVariations have workloads in a namespace of their own, among them a StatefulSet with a volume.
func spireVariations() []variation {
	const spire = "authentication.mutual.spire."
	installed := func(t *testing.T, c cell) {
		c.volume(t)
		withValues("authentication", map[string]any{
			"enabled": true, "mutual": map[string]any{"spire": map[string]any{"enabled": true, "install": map[string]any{"enabled": true}}},
		})(t, c)
	}
	requests := map[string]any{"requests": map[string]any{"memory": "64Mi"}}
	return []variation{
		{name: "nothing; with SPIRE", bootstrap: installed},
		{name: "`commonLabels: {a: b}`; with SPIRE", bootstrap: installed, edit: set("commonLabels.a", "b")},
		{
			name: "SPIRE's server with other `resources`", sample: true, bootstrap: installed,
			edit: set(spire+"install.server.resources", requests),
		},
		{
			name: "SPIRE's server with a larger volume, which nobody may change", sample: true, bootstrap: installed,
			edit: set(spire+"install.server.dataStorage.size", "2Gi"),
		},
	}
}

// withValues does the bootstrap again with one more value.
func withValues(path string, value any) func(*testing.T, cell) {
	return func(t *testing.T, c cell) {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		c.uninstall(t)
		c.again(t, "--set-json", path+"="+string(text))
	}
}

// volume gives the cluster a volume for the one claim that SPIRE's server makes.
func (c cell) volume(t *testing.T) {
	t.Helper()
	c.apply(t, map[string]any{
		"apiVersion": "v1", "kind": "PersistentVolume", "metadata": map[string]any{"name": "spire-data"},
		"spec": map[string]any{
			"capacity": map[string]any{"storage": "2Gi"}, "accessModes": []any{"ReadWriteOnce"},
			"persistentVolumeReclaimPolicy": "Delete", "hostPath": map[string]any{"path": "/var/lib/spire"},
		},
	})
}

// postRenderer sets one field of those objects, as a HelmRelease has it.
func postRenderer(kind, name, path, value string) []any {
	return patching(kind, name, "- {op: add, path: \""+path+"\", value: \""+value+"\"}")
}

// patching applies a JSON patch to those objects, as a HelmRelease has it.
func patching(kind, name, patch string) []any {
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
