package lint_test

import (
	"slices"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
)

// TestTheStorysFaults says of each fault that is known of the story's manifests which rule finds it, and where.
func TestTheStorysFaults(t *testing.T) {
	const (
		release = base + "core/helmrelease.yaml"
		source  = base + "ocirepository.yaml"
		inside  = base + "core/ks.yaml"
	)
	found := run(t, "../repo/testdata/story").Findings
	for _, c := range []struct {
		fault, rule, file string
		line              int
	}{
		{"wait: true beside healthChecks", "CGL411", infra, 10},
		{"no failure strategy: install", "CGL211", release, 16},
		{"no failure strategy: upgrade", "CGL211", release, 20},
		{"no keep policy", "CGL221", release, 6},
		{"prunable", "CGL222", release, 3},
		{"deleting the Kustomization uninstalls", "CGL414", infra, 6},
		{"the default timeout", "CGL218", release, 6},
		{"v1beta2", "CGL113", source, 1},
		{"no chart's name in the URL", "CGL311", source, 8},
		{"not the official place", "CGL313", source, 8},
		{"sourceRef: OCIRepository", "CGL302", release, 13},
		{"two places of the version", "CGL304", source, 10},
		{"install.namespace", "CGL111", release, 17},
		{"upgrade.createNamespace", "CGL111", release, 22},
		{"crds: Skip", "CGL206", release, 19},
		{"depends on nothing", "CGL407", infra, 6},
		{"order by file", "CGL406", infra, 35},
		{"no namespace", "CGL114", inside, 3},
		{"no sourceRef", "CGL112", inside, 5},
		{"no retryInterval", "CGL416", inside, 5},
		{"no deletionPolicy", "CGL414", inside, 5},
		{"inside of what it applies", "CGL408", inside, 7},
		{"no layerSelector", "CGL314", source, 6},
		{"12h", "CGL318", source, 7},
		{"semver for one version", "CGL315", source, 10},
		{"values missing", "CGL602", release, 24},
		{"a CIDR that nobody reads", "CGL604", release, 28},
		{"SERVICE_CIDR is not consumed", "CGL503", settings, 10},
		{"literal variables in the bootstrap", "CGL509", "bootstrap/helmfile.d/values.yaml.gotmpl", 1},
		{"a reference across namespaces", "CGL305", release, 15},
		{"the source lies in no path", "CGL401", release, 14},
		{"the source is applied by nobody", "CGL405", source, 2},
	} {
		if !slices.ContainsFunc(found, func(f lint.Finding) bool { return f.Rule == c.rule && f.File == c.file && f.Line == c.line }) {
			t.Errorf("%s: %s does not tell it at %s:%d", c.fault, c.rule, c.file, c.line)
		}
	}
}
