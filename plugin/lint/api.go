package lint

import "regexp"

var (
	ociURL  = regexp.MustCompile(`^oci://.+$`)
	helmURL = regexp.MustCompile(`^(http|https|oci)://.+$`)
	gitURL  = regexp.MustCompile(`^(http|https|ssh)://.+$`)
)

// apiTakes are the enumerations, patterns and required fields of Flux's APIs that manifests of Cilium come across, as
// the controllers of Flux 2.9 declare them. Fields and their types are held to the API's own Go types elsewhere.
func apiTakes() []takes {
	var all []takes
	need := func(group, kind string, fields ...string) {
		for _, f := range fields {
			all = append(all, takes{group: group, kind: kind, field: f, required: true})
		}
	}
	words := func(group, kind, field string, words ...string) {
		all = append(all, takes{group: group, kind: kind, field: field, words: words})
	}
	like := func(group, kind string, pattern *regexp.Regexp, fields ...string) {
		for _, f := range fields {
			all = append(all, takes{group: group, kind: kind, field: f, pattern: pattern})
		}
	}
	const hr, ks = "HelmRelease", "Kustomization"
	need(helmGroup, hr, "spec.interval")
	like(helmGroup, hr, duration, "spec.interval", "spec.timeout", "spec.chart.spec.interval", "spec.install.timeout", "spec.upgrade.timeout",
		"spec.rollback.timeout", "spec.uninstall.timeout", "spec.install.strategy.retryInterval", "spec.upgrade.strategy.retryInterval")
	words(helmGroup, hr, "spec.chartRef.kind", "OCIRepository", "HelmChart", "ExternalArtifact")
	words(helmGroup, hr, "spec.install.crds", "Skip", "Create", "CreateReplace")
	words(helmGroup, hr, "spec.upgrade.crds", "Skip", "Create", "CreateReplace")
	words(helmGroup, hr, "spec.install.strategy.name", "RemediateOnFailure", "RetryOnFailure")
	words(helmGroup, hr, "spec.upgrade.strategy.name", "RemediateOnFailure", "RetryOnFailure")
	words(helmGroup, hr, "spec.upgrade.remediation.strategy", "rollback", "uninstall")
	words(helmGroup, hr, "spec.upgrade.serverSideApply", "enabled", "disabled", "auto")
	words(helmGroup, hr, "spec.rollback.serverSideApply", "enabled", "disabled", "auto")
	words(helmGroup, hr, "spec.driftDetection.mode", "enabled", "warn", "disabled")
	words(helmGroup, hr, "spec.uninstall.deletionPropagation", "background", "foreground", "orphan")
	words(helmGroup, hr, "spec.chart.spec.reconcileStrategy", "ChartVersion", "Revision")
	words(helmGroup, hr, "spec.postRenderStrategy", "nohooks", "combined", "separate")
	words(helmGroup, hr, "spec.waitStrategy.name", "poller", "legacy")

	need(kustomizeGroup, ks, "spec.interval", "spec.prune", "spec.sourceRef")
	like(kustomizeGroup, ks, duration, "spec.interval", "spec.timeout", "spec.retryInterval")
	words(kustomizeGroup, ks, "spec.deletionPolicy", "MirrorPrune", "Delete", "WaitForTermination", "Orphan")
	words(kustomizeGroup, ks, "spec.sourceRef.kind", "OCIRepository", "GitRepository", "Bucket", "ExternalArtifact")
	words(kustomizeGroup, ks, "spec.postBuild.substituteStrategy", "WithVariables", "Always")
	words(kustomizeGroup, ks, "spec.decryption.provider", "sops")

	need(sourceGroup, "OCIRepository", "spec.interval", "spec.url")
	like(sourceGroup, "OCIRepository", ociURL, "spec.url")
	words(sourceGroup, "OCIRepository", "spec.provider", "generic", "aws", "azure", "gcp")
	words(sourceGroup, "OCIRepository", "spec.layerSelector.operation", "extract", "copy")
	words(sourceGroup, "OCIRepository", "spec.verify.provider", "cosign", "notation")
	need(sourceGroup, "HelmRepository", "spec.url")
	like(sourceGroup, "HelmRepository", helmURL, "spec.url")
	words(sourceGroup, "HelmRepository", "spec.type", "default", "oci")
	words(sourceGroup, "HelmRepository", "spec.provider", "generic", "aws", "azure", "gcp")
	need(sourceGroup, "GitRepository", "spec.interval", "spec.url")
	like(sourceGroup, "GitRepository", gitURL, "spec.url")
	need(sourceGroup, "HelmChart", "spec.chart", "spec.sourceRef", "spec.interval")
	like(sourceGroup, "", duration, "spec.interval", "spec.timeout")
	return all
}
