package lint

import (
	"fmt"
	"regexp"
	"strings"
)

// exactVersion matches one version, not a range.
var exactVersion = regexp.MustCompile(`^v?[0-9]+\.[0-9]+\.[0-9]+([-+][0-9A-Za-z.+-]+)?$`)

// chartRules are about how a HelmRelease refers to its chart.
func chartRules() []Rule {
	return []Rule{
		{
			ID: "CGL301", Severity: Error, Title: "the chart is taken from one place", See: helmReleases + "#chart-template",
			Reason: "The API takes either chart or chartRef, and not both.",
			Fix:    "Keep one of them.", check: releaseRule(oneChart),
		},
		{
			ID: "CGL302", Severity: Error, Title: "an OCIRepository is referred to by chartRef", See: helmReleases + "#chart-reference",
			Reason: "chart.spec.sourceRef takes a HelmRepository, a GitRepository or a Bucket; the API server refuses anything else. An OCIRepository holds " +
				"one chart in one version, and is referred to by chartRef.",
			Fix: "Write chartRef: {kind: OCIRepository, name: ..} instead of chart, and the version in the OCIRepository's ref.tag; or use the HelmRepository " +
				"https://helm.cilium.io/.",
			check: releaseRule(ociInChart),
		},
		{
			ID: "CGL303", Severity: Warning, Title: "the chart's version is pinned", See: helmReleases + "#chart-template",
			Reason: "With a range, or none, Flux takes the newest chart when it appears: an upgrade of the network that nobody merged.",
			Fix:    "Write one version, or a variable with one.", check: releaseRule(pinned),
		},
		{
			ID: "CGL304", Severity: Warning, Title: "the version is written in one place", See: kustomizeAPI + "#post-build-variable-substitution",
			Reason: "CILIUM_VERSION in the settings and a version in a manifest drift apart: one is changed, the other decides.",
			Fix:    "Write ${CILIUM_VERSION}, in an object that the Kustomization with the substitution applies.", check: oneVersion,
		},
		{
			ID: "CGL305", Severity: Warning, Title: "HelmRelease and source share a namespace", See: "https://fluxcd.io/flux/installation/configuration/multitenancy/",
			Reason: "Where Flux runs with --no-cross-namespace-refs, a reference into another namespace is AccessDenied, and the HelmRelease stalls.",
			Fix:    "Put the source into the HelmRelease's namespace.", check: releaseRule(crossNamespace),
		},
		{
			ID: "CGL306", Severity: Warning, Title: "adopting the chart restarts nothing", See: helmReleases + "#chart-reference",
			Reason: "From 1.20 on Cilium's chart writes its version into every pod template, and Flux appends the digest to the version of a chart from an " +
				"OCIRepository: at adoption all agents, operators and relays restart.",
			Fix:   "Use the HelmRepository https://helm.cilium.io/ with chart, or plan for the restart.",
			check: releaseRule(digestRestarts),
		},
	}
}

func oneChart(_ *index, s *subject, report reporter) {
	chart, ref := s.has("spec.chart"), s.has("spec.chartRef")
	switch {
	case chart && ref:
		report(s.finding("spec.chartRef", "chart and chartRef are both written"))
	case !chart && !ref:
		report(s.finding("spec", "neither chart nor chartRef is written"))
	}
}

func ociInChart(_ *index, s *subject, report reporter) {
	const field = "spec.chart.spec.sourceRef.kind"
	switch kind := s.text(field); kind {
	case "", "HelmRepository", "GitRepository", "Bucket":
	default:
		report(s.finding(field, "chart.spec.sourceRef.kind: "+kind+" is refused by the API server; it belongs in chartRef"))
	}
}

func pinned(x *index, s *subject, report reporter) {
	if s.has("spec.chart") {
		version := text(s.get("spec.chart.spec.version"))
		if !exactVersion.MatchString(version) && decided(version) {
			report(s.finding("spec.chart.spec.version", "the chart's version is "+orNone(version)+": the newest that fits is taken"))
		}
		return
	}
	for _, r := range x.sources("OCIRepository") {
		if !refersTo(s, r) || r.text("spec.ref.digest") != "" {
			continue
		}
		tag, semver := text(r.get("spec.ref.tag")), text(r.get("spec.ref.semver"))
		version := semver
		if version == "" {
			version = tag
		}
		if !exactVersion.MatchString(version) && decided(version) {
			report(r.finding("spec.ref", "the chart's version is "+orNone(version)+": the newest that fits is taken"))
		}
	}
}

func orNone(s string) string {
	if s == "" {
		return "not written"
	}
	return s
}

// refersTo tells whether a HelmRelease's chart comes from that source.
func refersTo(release, source *subject) bool {
	for _, ref := range []string{"spec.chartRef", "spec.chart.spec.sourceRef"} {
		namespace := release.text(ref + ".namespace")
		if namespace == "" {
			namespace = release.Namespace
		}
		if release.text(ref+".kind") == source.Kind && release.text(ref+".name") == source.Name && namespace == source.Namespace {
			return true
		}
	}
	return false
}

// oneVersion finds literal versions beside the variable that is meant to hold them.
func oneVersion(x *index, report reporter) {
	const variable = "CILIUM_VERSION"
	versions := map[string]bool{}
	for _, c := range x.Clusters {
		for _, v := range c.Git.Variables {
			if v.Name == variable && v.From != "" {
				versions[v.Value] = true
			}
		}
	}
	if len(versions) == 0 {
		return
	}
	tell := func(s *subject, field string) {
		if s.Doc == nil {
			return
		}
		written := scalarAt(s, field)
		if exactVersion.MatchString(written) {
			f := s.finding(field, fmt.Sprintf("%s is written here, and as %s in the settings", written, variable))
			if versions[written] && field != "spec.ref.semver" && x.substituted(s) {
				f.Edits = set(s, "${"+variable+"}", field)
			}
			report(f)
		}
	}
	for _, s := range x.releases() {
		tell(s, "spec.chart.spec.version")
	}
	for _, s := range x.sources("OCIRepository") {
		tell(s, "spec.ref.tag")
		tell(s, "spec.ref.semver")
	}
}

// substituted tells whether what applies s puts variables in, everywhere.
func (x *index) substituted(s *subject) bool {
	appliers := x.appliers(s)
	for _, a := range appliers {
		found := false
		for _, v := range a.Git.Variables {
			for _, id := range v.For {
				found = found || v.Name == "CILIUM_VERSION" && id == a.GitKustomization.ID()
			}
		}
		if !found {
			return false
		}
	}
	return len(appliers) > 0
}

func crossNamespace(_ *index, s *subject, report reporter) {
	for _, ref := range []string{"spec.chartRef", "spec.chart.spec.sourceRef"} {
		if ns := s.text(ref + ".namespace"); ns != "" && s.Namespace != "" && ns != s.Namespace {
			report(s.finding(ref+".namespace", fmt.Sprintf("the source is in %s, the HelmRelease in %s", ns, s.Namespace)))
		}
	}
}

func digestRestarts(x *index, s *subject, report reporter) {
	if s.text("spec.chartRef.kind") != "OCIRepository" {
		return
	}
	for _, r := range x.sources("OCIRepository") {
		version := strings.TrimPrefix(text(r.get("spec.ref.tag"))+text(r.get("spec.ref.semver")), "v")
		if refersTo(s, r) && exactVersion.MatchString(version) && atLeast(version, 1, 20, 0) {
			report(s.finding("spec.chartRef", "chart "+version+" from an OCIRepository gets a label with its digest in every pod template"))
		}
	}
}

// atLeast tells whether a version is that one or a later one.
func atLeast(version string, major, minor, patch int) bool {
	var is [3]int
	if _, err := fmt.Sscanf(strings.TrimPrefix(version, "v"), "%d.%d.%d", &is[0], &is[1], &is[2]); err != nil {
		return false
	}
	for i, want := range [3]int{major, minor, patch} {
		if is[i] != want {
			return is[i] > want
		}
	}
	return true
}
