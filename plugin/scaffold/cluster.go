package scaffold

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
)

// The files of a cluster's directory.
const (
	settingsFile = "cluster-settings.yaml"
	wiringFile   = "infrastructure.yaml"
	kustomizeIn  = "kustomization.yaml"
)

// cluster adds the files of c: its settings, its Flux Kustomization of Cilium, and what puts them together.
func (m *maker) cluster(c Cluster) {
	settings := m.settings(c)
	m.file(path.Join(c.Path, settingsFile), m.settingsText(settings), Settings, Additions{Settings: m.used(c)})
	m.file(path.Join(c.Path, wiringFile), m.wiring(c), Documents, Additions{})
	ours := []string{settingsFile, wiringFile}
	m.file(path.Join(c.Path, kustomizeIn), "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n  - "+
		strings.Join(ours, "\n  - ")+"\n", Resources, Additions{Resources: ours, Beside: ours})
}

// used are the settings that the tree's variables need.
func (m *maker) used(c Cluster) map[string]string {
	out := map[string]string{}
	for _, v := range m.template.variables {
		out[v.Name] = v.Texts[c.Name]
	}
	return out
}

// settings are all that c has and needs: a setting that is lost is lost to everything else that Flux substitutes.
func (m *maker) settings(c Cluster) map[string]string {
	out := maps.Clone(c.Settings)
	if out == nil {
		out = map[string]string{}
	}
	maps.Copy(out, m.used(c))
	return out
}

func (m *maker) settingsText(settings map[string]string) string {
	var b strings.Builder
	b.WriteString("# cilium-gitops:ignore-file CGL503 the settings are the whole cluster's, not Cilium's alone\n" +
		"# The variables of this cluster. Flux puts them into YAML as text: what is to stay a string there and looks like\n" +
		"# something else needs quotes there. Here, everything is a string.\n")
	fmt.Fprintf(&b, "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: %s # the Kustomization's: it looks nowhere else\ndata:\n",
		m.flux.Settings, m.flux.Namespace)
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		b.WriteString(settingLine(name, settings[name], 2))
	}
	return b.String()
}

// settingLine is one setting, quoted where YAML would not read a string.
func settingLine(name, text string, indent int) string {
	return indented(encode(rawMap(name, text)), indent)
}

// wiring is the Flux Kustomization of Cilium on c.
func (m *maker) wiring(c Cluster) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	_, timeout := m.timeouts()
	kind, name, _ := strings.Cut(m.options.Source, "/")
	line("# Cilium. What needs it says so by dependsOn: the order of files means nothing to Flux.")
	line("# cilium-gitops:ignore CGL407 the bootstrap installs the definitions of the Gateway API and of Prometheus' operator")
	line("apiVersion: %s", m.served("Kustomization", "kustomize.toolkit.fluxcd.io/v1", "kustomize.toolkit.fluxcd.io/v1beta2"))
	line("kind: Kustomization")
	line("metadata:")
	line("  name: %s", m.flux.Kustomization)
	line("  namespace: %s", m.flux.Namespace)
	m.wiringAnnotations(line, c)
	line("spec:")
	line("  interval: 10m")
	line("  retryInterval: 1m")
	line("  timeout: %s # above the HelmRelease's; a DaemonSet that does not become ready is reported after it", minutes(timeout))
	line("  path: ./%s", corePath)
	line("  prune: true")
	if m.knows("Kustomization", "spec.deletionPolicy") {
		line("  deletionPolicy: Orphan # deleting this Kustomization must not delete the HelmRelease, and with it the network")
	}
	line("  sourceRef:")
	line("    kind: %s", kind)
	line("    name: %s", name)
	line("  # wait: true would ignore the health checks and look only at what stands in the directory, not at the agents.")
	line("  wait: false")
	line("  healthChecks:")
	for _, check := range [][4]string{
		{"apps/v1", "DaemonSet", m.cilium.DaemonSet, m.cilium.Namespace},
		{"apps/v1", "Deployment", m.cilium.Operator, m.cilium.Namespace},
		{m.served("HelmRelease", "helm.toolkit.fluxcd.io/v2", "helm.toolkit.fluxcd.io/v2beta2", "helm.toolkit.fluxcd.io/v2beta1"),
			"HelmRelease", m.flux.HelmRelease, m.flux.HelmReleaseNamespace},
	} {
		line("    - apiVersion: %s\n      kind: %s\n      name: %s\n      namespace: %s", check[0], check[1], check[2], check[3])
	}
	line("  postBuild:")
	if m.template.quotes {
		line("    substitute:")
		line("      quote: '\"' # put around a variable it keeps what looks like a number or a switch a string")
	}
	line("    substituteFrom:")
	line("      - kind: ConfigMap")
	line("        name: %s", m.flux.Settings)
	b.WriteString(m.patchesOf(c))
	return b.String()
}

// wiringAnnotations keep whatever applies this Kustomization from substituting in its patches: that is for this one.
func (m *maker) wiringAnnotations(line func(string, ...any), c Cluster) {
	if !strings.Contains(m.patchesOf(c), "$") {
		return
	}
	line("  annotations:")
	line("    # The patches below are substituted once, by this Kustomization, not also by the one that applies it.")
	line("    kustomize.toolkit.fluxcd.io/substitute: disabled")
}

// patchesOf are the values of c that no variable can give.
func (m *maker) patchesOf(c Cluster) string {
	var ops []any
	for _, p := range m.template.patches {
		if p.Cluster == c.Name {
			ops = append(ops, map[string]any{"op": "add", "path": pointer(p), "value": p.Value})
		}
	}
	if len(ops) == 0 {
		return ""
	}
	return fmt.Sprintf("  # Values of %s alone: clusters differ here in shape, which no variable can express.\n"+
		"  patches:\n    - target:\n        kind: HelmRelease\n        name: %s\n      patch: |\n", c.Name, m.flux.HelmRelease) +
		block(ops, 8)
}

var pointerEscapes = strings.NewReplacer("~", "~0", "/", "~1")

// pointer is the JSON pointer of a patch.
func pointer(p Patch) string {
	text := "/spec/values"
	for _, key := range p.Path.Keys() {
		text += "/" + pointerEscapes.Replace(key)
	}
	return text
}

func (m *maker) fleetClusters() []fleet.Cluster {
	var all []fleet.Cluster
	for _, c := range m.clusters {
		all = append(all, c.Cluster)
	}
	return all
}

// fleetFile names the clusters; everything else is as the tools take it to be.
func (m *maker) fleetFile() string {
	var b strings.Builder
	b.WriteString("# Which clusters there are, by which kubeconfig context each is reached and where it lives in this repository.\n")
	fmt.Fprintf(&b, "apiVersion: cilium-gitops.dev/v1alpha1\nkind: %s\nclusters:\n", fleet.Kind)
	for _, c := range m.clusters {
		b.WriteString(fleetLines(c.Cluster))
	}
	usual := fleet.Default()
	if m.cilium != usual.Cilium {
		b.WriteString("cilium:\n" + block(map[string]any{
			"namespace": m.cilium.Namespace, "release": m.cilium.Release,
			"daemonSet": m.cilium.DaemonSet, "operator": m.cilium.Operator,
		}, 2))
	}
	if m.flux != usual.Flux {
		b.WriteString("flux:\n" + block(map[string]any{
			"namespace": m.flux.Namespace, "kustomization": m.flux.Kustomization, "helmRelease": m.flux.HelmRelease,
			"helmReleaseNamespace": m.flux.HelmReleaseNamespace, "source": m.flux.Source, "settings": m.flux.Settings,
		}, 2))
	}
	return b.String()
}

func fleetLines(c fleet.Cluster) string {
	return fmt.Sprintf("  - name: %s\n    context: %s\n    path: %s\n", quoted(c.Name), quoted(c.Context), quoted(c.Path))
}
