package scaffold

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// source is the file of the chart's source and its text. It stands next to the HelmRelease, in its namespace and in
// its Kustomization: a source elsewhere may be forbidden, or applied by nobody.
func (m *maker) source() (name, text string) {
	if m.ociSource() {
		return "ocirepository.yaml", m.ociRepository()
	}
	return "helmrepository.yaml", m.helmRepository()
}

func (m *maker) ociRepository() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("# One OCIRepository is one chart: its URL ends in the chart's name.")
	line("apiVersion: %s", m.served("OCIRepository", "source.toolkit.fluxcd.io/v1", "source.toolkit.fluxcd.io/v1beta2"))
	line("kind: OCIRepository")
	m.sourceHead(line)
	line("spec:")
	line("  interval: 1h")
	line("  url: %s", m.options.Chart)
	m.insecure(line, "OCIRepository")
	line("  ref:")
	line("    tag: ${%s} # exact, and the one place that says the version", versionVariable)
	line("  layerSelector: # a chart's layer, as it is")
	line("    mediaType: application/vnd.cncf.helm.chart.content.v1.tar+gzip")
	line("    operation: copy")
	return b.String()
}

func (m *maker) helmRepository() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	address := m.options.Chart
	if m.isOCI() {
		address = strings.TrimSuffix(strings.TrimSuffix(address, "/"), "/cilium")
		line("# The URL of a Helm repository does not end in the chart's name, other than an OCIRepository's.")
	} else {
		line("# A Helm repository leaves the chart's version as the bootstrap had it; with an OCIRepository Flux adds the digest")
		line("# to it.")
	}
	line("apiVersion: %s", m.served("HelmRepository", "source.toolkit.fluxcd.io/v1", "source.toolkit.fluxcd.io/v1beta2"))
	line("kind: HelmRepository")
	m.sourceHead(line)
	line("spec:")
	line("  interval: 1h")
	if m.isOCI() {
		line("  type: oci")
	}
	line("  url: %s", address)
	m.insecure(line, "HelmRepository")
	return b.String()
}

func (m *maker) sourceHead(line func(string, ...any)) {
	line("metadata:")
	line("  name: %s", m.flux.Source)
	line("  namespace: %s # the HelmRelease's: --no-cross-namespace-refs forbids another", m.flux.HelmReleaseNamespace)
}

func (m *maker) insecure(line func(string, ...any), kind string) {
	if m.isOCI() && (m.options.Insecure || loopback(m.options.Chart)) && m.knows(kind, "spec.insecure") {
		line("  insecure: true # without TLS")
	}
}

// loopback tells whether address is on this machine, where registries have no TLS.
func loopback(address string) bool {
	u, err := url.Parse(address)
	if err != nil {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Hostname() == "localhost" || err == nil && ip.IsLoopback()
}

func coreKustomization(source string) string {
	return fmt.Sprintf(`# Source and HelmRelease are applied together: a file of this directory that is not named here is applied by nobody.
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - %s
  - helmrelease.yaml
`, source)
}
