package lint

import (
	"fmt"
	"path"
	"regexp"
	"strings"
	"time"
)

// chartLayer is the layer of an OCI artifact that holds a Helm chart.
const chartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

// slow is an interval at which a change is noticed too late to be called soon.
const slow = 6 * time.Hour

var digest = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// sourceRules are about the objects that Cilium's chart is fetched by.
func sourceRules() []Rule {
	const oci = "https://fluxcd.io/flux/components/source/ocirepositories/"
	return []Rule{
		{
			ID: "CGL311", Severity: Error, Title: "an OCIRepository's URL ends in the chart's name", See: oci + "#url",
			Reason: "An OCIRepository is one chart: its URL is the chart's own. A folder of charts cannot be pulled.",
			Fix:    "Write oci://quay.io/cilium/charts/cilium", check: ociURLs,
		},
		{
			ID: "CGL312", Severity: Error, Title: "a HelmRepository's URL does not hold the chart's name", See: "https://fluxcd.io/flux/components/source/helmrepositories/",
			Reason: "The chart's name is appended to the URL of a HelmRepository of type oci: written twice, nothing is found.",
			Fix:    "Write url: oci://quay.io/cilium/charts and chart: cilium.", check: helmURLs,
		},
		{
			ID: "CGL313", Severity: Error, Title: "the chart is where it is looked for", See: "https://docs.cilium.io/en/stable/installation/k8s-install-helm/",
			Reason: "Cilium publishes its chart at https://helm.cilium.io/, every version, and at oci://quay.io/cilium/charts/cilium, from 1.18.6 on. " +
				"ghcr.io/cilium holds no charts.",
			Fix: "Use the HelmRepository https://helm.cilium.io/, or oci://quay.io/cilium/charts/cilium for versions that it has.", check: officialPlace,
		},
		{
			ID: "CGL314", Severity: Warning, Title: "the chart's layer is copied, not unpacked", See: oci + "#layer-selector",
			Reason: "Without a layer selector the first layer is unpacked, whatever it is; Helm wants the chart's archive as it was pushed.",
			Fix:    "Write layerSelector: {mediaType: " + chartLayer + ", operation: copy}.", check: layer,
		},
		{
			ID: "CGL315", Severity: Info, Title: "one version is asked for by its tag", See: oci + "#semver-example",
			Reason: "semver with a single version lists all tags of the repository each time, to find the one that is written there.",
			Fix:    "Write ref.tag.", check: semverExact,
		},
		{
			ID: "CGL316", Severity: Info, Title: "the chart's signature is checked", See: oci + "#verification",
			Reason: "Cilium signs its OCI charts; without verify whatever the registry serves is run on every node.",
			Fix: "Write verify: {provider: cosign, matchOIDCIdentity: [{issuer: ^https://token.actions.githubusercontent.com$, " +
				"subject: ^https://github.com/cilium/cilium/.*$}]}.",
			check: verified,
		},
		{
			ID: "CGL317", Severity: Error, Title: "a digest is a manifest's", See: oci + "#digest-example",
			Reason: "ref.digest wants sha256: and 64 hex digits, of the manifest in the registry; the checksum in a chart repository's index is another thing.",
			Fix:    "Ask the registry: crane digest REPOSITORY:TAG", check: digests,
		},
		{
			ID: "CGL318", Severity: Info, Title: "a change is noticed soon", See: oci + "#interval",
			Reason: "A new version in Git waits for the source's next interval.",
			Fix:    "Write an interval of an hour or less.", check: intervals,
		},
	}
}

func ociURLs(x *index, report reporter) {
	for _, s := range x.sources("OCIRepository") {
		url := strings.TrimSuffix(s.text("spec.url"), "/")
		if base := path.Base(url); base == "charts" || base == "helm" {
			f := s.finding("spec.url", url+" is a folder of charts; an OCIRepository needs the chart's own URL")
			if strings.HasPrefix(url, "oci://quay.io/cilium/") {
				f.Edits = set(s, url+"/cilium", "spec.url")
			}
			report(f)
		}
	}
}

func helmURLs(x *index, report reporter) {
	for _, s := range x.sources("HelmRepository") {
		url := strings.TrimSuffix(s.text("spec.url"), "/")
		if strings.HasPrefix(url, "oci://") && path.Base(url) == "cilium" {
			f := s.finding("spec.url", url+" holds the chart's name, which is appended")
			f.Edits = set(s, strings.TrimSuffix(url, "/cilium"), "spec.url")
			report(f)
		}
	}
}

func officialPlace(x *index, report reporter) {
	for _, s := range append(x.sources("OCIRepository"), x.sources("HelmRepository")...) {
		url := s.text("spec.url")
		version := text(s.get("spec.ref.tag"))
		if version == "" {
			version = text(s.get("spec.ref.semver"))
		}
		switch {
		case strings.HasPrefix(url, "oci://ghcr.io/cilium/"):
			report(s.finding("spec.url", url+" is not where Cilium publishes its chart"))
		case strings.HasPrefix(url, "oci://quay.io/cilium/") && exactVersion.MatchString(version) && !atLeast(version, 1, 18, 6):
			report(s.finding("spec.url", "quay.io/cilium/charts begins at 1.18.6: "+version+" is most likely not there"))
		}
	}
}

func layer(x *index, report reporter) {
	for _, s := range x.sources("OCIRepository") {
		media, operation := s.text("spec.layerSelector.mediaType"), s.text("spec.layerSelector.operation")
		if media == chartLayer && operation == "copy" {
			continue
		}
		f := s.finding("spec.layerSelector", "the layer of the chart is not selected")
		if !s.has("spec.layerSelector") {
			f.Edits = insert(s, "spec.layerSelector", "\nmediaType: "+chartLayer+"\noperation: copy\n")
		}
		report(f)
	}
}

func semverExact(x *index, report reporter) {
	for _, s := range x.sources("OCIRepository") {
		if version := text(s.get("spec.ref.semver")); exactVersion.MatchString(version) {
			f := s.finding("spec.ref.semver", fmt.Sprintf("semver %s is one version: a tag", version))
			if s.Doc != nil && !s.has("spec.ref.tag") {
				f.Edits = one(s.Doc.Rename("tag", "spec", "ref", "semver"))
			}
			report(f)
		}
	}
}

func verified(x *index, report reporter) {
	for _, s := range x.sources("OCIRepository") {
		if strings.HasPrefix(s.text("spec.url"), "oci://quay.io/cilium/") && !s.has("spec.verify") {
			report(s.finding("spec.verify", "the chart's signature is not checked"))
		}
	}
}

func digests(x *index, report reporter) {
	for _, s := range x.sources("OCIRepository") {
		if d := s.text("spec.ref.digest"); d != "" && decided(d) && !digest.MatchString(d) {
			report(s.finding("spec.ref.digest", d+" is no digest: sha256: and 64 hex digits"))
		}
	}
}

func intervals(x *index, report reporter) {
	for _, kind := range []string{"OCIRepository", "HelmRepository"} {
		for _, s := range x.sources(kind) {
			if d := parseDuration(s.text("spec.interval"), 0); d >= slow {
				f := s.finding("spec.interval", "a change is noticed only every "+s.text("spec.interval"))
				f.Edits = set(s, "1h", "spec.interval")
				report(f)
			}
		}
	}
}
