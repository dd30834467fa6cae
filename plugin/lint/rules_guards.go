package lint

import (
	"regexp"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// guardRules are about what holds when something goes wrong: seatbelts and drift.
func guardRules() []Rule {
	return []Rule{
		{
			ID: "CGL221", Severity: Warning, Title: "an uninstall would leave Cilium's objects", See: "https://helm.sh/docs/howto/charts_tips_and_tricks/#tell-helm-not-to-uninstall-a-resource",
			Reason: "Deleting the HelmRelease, by hand, by pruning or by a changed name, uninstalls Cilium. With the keep policy on every object Helm only forgets them.",
			Fix:    "Write spec.commonMetadata.annotations: {helm.sh/resource-policy: keep}.", check: releaseRule(keepPolicy),
		},
		{
			ID: "CGL222", Severity: Warning, Title: "the HelmRelease is not pruned", See: kustomizeAPI + "#prune",
			Reason: "A file that is missing from one commit is enough for Flux to delete the HelmRelease, and so to uninstall Cilium.",
			Fix:    "Annotate the HelmRelease with kustomize.toolkit.fluxcd.io/prune: disabled.", check: releaseRule(pruneDisabled),
		},
		{
			ID: "CGL223", Severity: Warning, Title: "drift is looked for", See: helmReleases + "#drift-detection",
			Reason: "Without it a DaemonSet that somebody deleted or changed stays so, and the HelmRelease says Ready.",
			Fix:    "Write spec.driftDetection.mode: enabled (or warn), and ignore the certificates' Secrets.", check: releaseRule(driftDetected),
		},
		{
			ID: "CGL224", Severity: Warning, Title: "Cilium's certificates are no drift", See: helmReleases + "#ignore-rules",
			Reason: "The chart makes certificates while it renders; what the cluster has then differs from what Helm keeps, and is corrected for ever.",
			Fix:    "Ignore /data of the Secrets cilium-ca, hubble-* and clustermesh-* in spec.driftDetection.ignore.", check: releaseRule(certificatesIgnored),
		},
		{
			ID: "CGL225", Severity: Info, Title: "no seatbelt is one in name only", See: helmReleases + "#uninstall-configuration",
			Reason: "deletionPropagation: orphan keeps the pods of a DaemonSet that is deleted all the same, and keepHistory keeps Helm's records; Cilium goes.",
			Fix:    "Rely on the keep policy, deletionPolicy: Orphan and prune: disabled instead.", check: releaseRule(falseSeatbelt),
		},
	}
}

func keepPolicy(_ *index, s *subject, report reporter) {
	const field = `spec.commonMetadata.annotations.helm\.sh/resource-policy`
	if s.text(field) == "keep" {
		return
	}
	f := s.finding(field, "an uninstall of the release would delete Cilium")
	f.Edits = put(s, field, "keep")
	report(f)
}

func pruneDisabled(x *index, s *subject, report reporter) {
	const field = `metadata.annotations.kustomize\.toolkit\.fluxcd\.io/prune`
	if s.text(field) == "disabled" {
		return
	}
	applied := x.appliers(s)
	if len(applied) > 0 && !slices.ContainsFunc(applied, func(a applier) bool { return a.Prune }) {
		return
	}
	f := s.finding(field, "the HelmRelease may be pruned, which uninstalls Cilium")
	f.Edits = put(s, field, "disabled")
	report(f)
}

func driftDetected(_ *index, s *subject, report reporter) {
	const field = "spec.driftDetection.mode"
	switch s.text(field) {
	case "enabled", "warn":
	default:
		f := s.finding(field, "drift of Cilium's objects is neither corrected nor told")
		if s.has("spec.driftDetection") {
			f.Edits = put(s, field, "enabled")
		} else {
			f.Edits = insert(s, "spec.driftDetection", "\nmode: enabled\nignore:\n  - paths: [\"/data\"]\n    target:\n      kind: Secret\n      name: "+certificates+"\n")
		}
		report(f)
	}
}

// certificates matches the names of the Secrets whose contents the chart makes anew.
const certificates = "(cilium-ca|hubble-.*|clustermesh-.*)"

func certificatesIgnored(x *index, s *subject, report reporter) {
	if mode := s.text("spec.driftDetection.mode"); mode != "enabled" && mode != "warn" {
		return
	}
	if !slices.ContainsFunc(x.values(s), func(v given) bool { return makesCertificates(v.Tree) }) {
		return
	}
	var open []string
	for _, secret := range []string{"cilium-ca", "hubble-server-certs", "hubble-relay-client-certs"} {
		if !slices.ContainsFunc(s.list("spec.driftDetection.ignore"), func(rule any) bool { return ignores(rule, x.Cilium.Namespace, secret) }) {
			open = append(open, secret)
		}
	}
	if len(open) == 0 {
		return
	}
	f := s.finding("spec.driftDetection", "the certificates in "+words(open)+" count as drift")
	if !s.has("spec.driftDetection.ignore") {
		f.Edits = insert(s, "spec.driftDetection.ignore", "\n- paths: [\"/data\"]\n  target:\n    kind: Secret\n    name: "+certificates+"\n")
	}
	report(f)
}

// makesCertificates tells whether the chart's templates make certificates.
func makesCertificates(t values.Tree) bool {
	if t.Text("hubble.enabled") == "false" || t.Text("hubble.tls.enabled") == "false" {
		return false
	}
	method := t.Text("hubble.tls.auto.method")
	return method == "" || method == "helm"
}

// ignores tells whether a rule of what is no drift covers a Secret's data.
func ignores(rule any, namespace, secret string) bool {
	m, _ := rule.(map[string]any)
	paths, _ := m["paths"].([]any)
	data := slices.ContainsFunc(paths, func(p any) bool { text, _ := p.(string); return text == "" || strings.HasPrefix("/data", text) })
	target, _ := m["target"].(map[string]any)
	match := func(key, value string) bool {
		pattern, _ := target[key].(string)
		if pattern == "" {
			return true
		}
		re, err := regexp.Compile("^(?:" + pattern + ")$")
		return err == nil && re.MatchString(value)
	}
	return data && match("kind", "Secret") && match("name", secret) && match("namespace", namespace)
}

func falseSeatbelt(_ *index, s *subject, report reporter) {
	if s.text("spec.uninstall.deletionPropagation") == "orphan" {
		report(s.finding("spec.uninstall.deletionPropagation", "deletionPropagation: orphan does not keep Cilium from being uninstalled"))
	}
	if s.flag("spec.uninstall.keepHistory") {
		report(s.finding("spec.uninstall.keepHistory", "keepHistory does not keep Cilium from being uninstalled"))
	}
}
