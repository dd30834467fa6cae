package scaffold

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// timeouts are how long one Helm action may take, and how long Flux waits for health: a roll goes two nodes at a time.
func (m *maker) timeouts() (release, kustomization time.Duration) {
	nodes := 0
	for _, c := range m.clusters {
		nodes = max(nodes, c.Nodes)
	}
	release = max(15*time.Minute, time.Duration(nodes)*30*time.Second+3*time.Minute)
	return release, release + 5*time.Minute
}

// minutes words a duration as Flux's manifests do.
func minutes(d time.Duration) string { return fmt.Sprintf("%dm", int(d.Round(time.Minute).Minutes())) }

// helmRelease is the one HelmRelease of all clusters.
func (m *maker) helmRelease() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	release, _ := m.timeouts()
	line("# Cilium on %s: the values that its Helm releases have, with a variable where clusters differ.", words(m.names()))
	line("# Variables come from each cluster's %s; write them in block style and without quotes.", m.flux.Settings)
	line("apiVersion: %s", m.served("HelmRelease", "helm.toolkit.fluxcd.io/v2", "helm.toolkit.fluxcd.io/v2beta2", "helm.toolkit.fluxcd.io/v2beta1"))
	line("kind: HelmRelease")
	line("metadata:")
	line("  # Flux adopts by release name and storage namespace, which are these two: a HelmRelease of another name or")
	line("  # namespace does not fail, it makes a second release over the same objects.")
	line("  name: %s", m.flux.HelmRelease)
	line("  namespace: %s", m.flux.HelmReleaseNamespace)
	line("  annotations:")
	line("    # Deleting this object uninstalls Cilium. Losing its file must not.")
	line("    kustomize.toolkit.fluxcd.io/prune: disabled")
	line("spec:")
	m.releaseNames(line)
	line("  interval: 10m # how soon drift is seen")
	line("  timeout: %s # below the Kustomization's, so that a failing upgrade is told by its own name", minutes(release))
	line("  maxHistory: 10 # Flux's 5 would drop the bootstrap's record, the way back, after five upgrades")
	m.chart(line)
	m.strategies(line)
	m.seatbelts(line)
	m.drift(line)
	m.valuesFrom(line)
	line("  values:")
	b.WriteString(block(m.template.shared, 4))
	return b.String()
}

// releaseNames writes the names of Helm's record where the object's own are others.
func (m *maker) releaseNames(line func(string, ...any)) {
	if m.flux.HelmRelease == m.cilium.Release && m.flux.HelmReleaseNamespace == m.cilium.Namespace {
		return
	}
	line("  # Helm's record is found by these; all three are needed where this object is named or placed otherwise.")
	line("  releaseName: %s", m.cilium.Release)
	line("  targetNamespace: %s", m.cilium.Namespace)
	line("  storageNamespace: %s", m.cilium.Namespace)
}

func (m *maker) chart(line func(string, ...any)) {
	if m.ociSource() {
		line("  chartRef: # its version is the source's tag: the one place that says it")
		line("    kind: OCIRepository")
		line("    name: %s", m.flux.Source)
		return
	}
	if m.isOCI() {
		line("  # Not chartRef: that adds the digest to the chart's version, which from Cilium 1.20 on is a label of every pod:")
		line("  # adopting would restart them all.")
	}
	line("  chart:")
	line("    spec:")
	line("      chart: cilium")
	line("      version: ${%s} # the one place that says the version", versionVariable)
	line("      interval: 1h")
	line("      sourceRef:")
	line("        kind: HelmRepository")
	line("        name: %s", m.flux.Source)
}

func (m *maker) strategies(line func(string, ...any)) {
	if !m.knows("HelmRelease", "spec.install.strategy") || !m.knows("HelmRelease", "spec.upgrade.strategy") {
		line("  # No remediation: it uninstalls or rolls back the network. This Flux has no RetryOnFailure yet (2.7 has): a")
		line("  # failed upgrade waits for a person.")
		return
	}
	line("  # The default remediation uninstalls a failed install and rolls back a failed upgrade, which for the network is")
	line("  # worse than the failure. Which of the two strategies counts depends on what was tried last: give both.")
	for _, action := range []string{"install", "upgrade"} {
		line("  %s:", action)
		line("    strategy:")
		line("      name: RetryOnFailure")
		line("      retryInterval: 5m")
	}
}

func (m *maker) seatbelts(line func(string, ...any)) {
	if !m.knows("HelmRelease", "spec.commonMetadata") {
		return
	}
	line("  # A Helm uninstall, however it comes about, then removes its record and leaves Cilium running. Objects that a")
	line("  # later chart drops stay behind, too. It is metadata: no pod restarts for it.")
	line("  commonMetadata:")
	line("    annotations:")
	line("      helm.sh/resource-policy: keep")
}

func (m *maker) drift(line func(string, ...any)) {
	if !m.knows("HelmRelease", "spec.driftDetection") {
		return
	}
	line("  # What is changed by hand on Cilium's objects is put back.")
	line("  driftDetection:")
	line("    mode: enabled")
	line("    ignore:")
	line("      # Certificates are made anew by whoever issues them: new contents are no drift.")
	line("      - paths: [/data]")
	line("        target:")
	line("          kind: Secret")
	line("          name: (cilium-ca|hubble-.*-certs|clustermesh-apiserver-.*-certs?)")
}

func (m *maker) valuesFrom(line func(string, ...any)) {
	if len(m.tree.Secrets) == 0 {
		return
	}
	line("  # Not in Git, because they are secrets:")
	for _, s := range m.tree.Secrets {
		line("  #   %s", s.Path)
	}
	line("  valuesFrom:")
	line("    - kind: Secret")
	line("      name: %s", m.options.Secret)
	line("      valuesKey: values.yaml")
}

// isOCI tells whether the chart comes from a registry.
func (m *maker) isOCI() bool { return strings.HasPrefix(m.options.Chart, "oci://") }

// ociSource tells whether it may come by OCIRepository: not from 1.20 on, and not where one version is unknown.
func (m *maker) ociSource() bool {
	return m.isOCI() && !slices.ContainsFunc(m.clusters, func(c Cluster) bool { return !before(c.Version, 1, 20) })
}

// before tells whether version is older than major.minor; what is no version is not.
func before(version string, major, minor int) bool {
	var x, y int
	if n, _ := fmt.Sscanf(strings.TrimPrefix(version, "v"), "%d.%d", &x, &y); n != 2 {
		return false
	}
	return x < major || x == major && y < minor
}

func words(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}
