package lint

import (
	"fmt"
	"slices"
	"time"
)

// kustomizationRules are about the Kustomization that applies Cilium.
func kustomizationRules() []Rule {
	return []Rule{
		{
			ID: "CGL411", Severity: Error, Title: "health checks are evaluated", See: kustomizeAPI + "#wait",
			Reason: "With wait: true Flux waits for the objects that it applied, here the HelmRelease, and does not look at healthChecks at all: " +
				"agents may be down while the Kustomization is Ready.",
			Fix: "Write wait: false.", check: kustomizationRule(waitHidesChecks),
		},
		{
			ID: "CGL412", Severity: Warning, Title: "the health of agents and operator is checked", See: kustomizeAPI + "#health-checks",
			Reason: "Without health checks for DaemonSet cilium and Deployment cilium-operator the Kustomization is Ready whatever they are.",
			Fix:    "List both in healthChecks, and the HelmRelease.", check: kustomizationRule(checksMissing),
		},
		{
			ID: "CGL413", Severity: Warning, Title: "the Kustomization waits longer than the HelmRelease", See: kustomizeAPI + "#timeout",
			Reason: "Who gives up first hides why: the Kustomization fails over its health checks while Helm still rolls.",
			Fix:    "Write a timeout above the HelmRelease's.", check: kustomizationRule(timeouts),
		},
		{
			ID: "CGL414", Severity: Warning, Title: "deleting the Kustomization leaves Cilium", See: kustomizeAPI + "#deletion-policy",
			Reason: "With prune: true, deleting the Kustomization, or losing its file, deletes the HelmRelease, which uninstalls Cilium.",
			Fix:    "Write deletionPolicy: Orphan.", check: kustomizationRule(orphan),
		},
		{
			ID: "CGL415", Severity: Error, Title: "nothing is deleted to be changed", See: kustomizeAPI + "#force",
			Reason: "force: true deletes an object that cannot be patched and makes it anew: a HelmRelease that is deleted uninstalls Cilium.",
			Fix:    "Take force out.", check: kustomizationRule(noForce),
		},
		{
			ID: "CGL416", Severity: Info, Title: "a failure is tried again soon", See: kustomizeAPI + "#retry-interval",
			Reason: "Without retryInterval the next attempt comes after a whole interval.",
			Fix:    "Write retryInterval: 2m.", check: kustomizationRule(retrySoon),
		},
	}
}

func kustomizationRule(judge func(x *index, s *subject, report reporter)) func(*index, reporter) {
	return func(x *index, report reporter) {
		for _, s := range x.ciliumKustomizations() {
			judge(x, s, report)
		}
	}
}

func waitHidesChecks(_ *index, s *subject, report reporter) {
	if n := len(s.list("spec.healthChecks")); s.flag("spec.wait") && n > 0 {
		f := s.finding("spec.wait", "with wait: true the "+plural(n, "health check")+" below are not evaluated")
		f.Edits = set(s, "false", "spec.wait")
		report(f)
	}
}

func checksMissing(x *index, s *subject, report reporter) {
	if s.flag("spec.wait") && len(s.list("spec.healthChecks")) > 0 {
		return // another rule's
	}
	var missing []string
	for _, want := range [][2]string{{"DaemonSet", x.Cilium.DaemonSet}, {"Deployment", x.Cilium.Operator}} {
		if !slices.ContainsFunc(s.list("spec.healthChecks"), func(item any) bool {
			m, _ := item.(map[string]any)
			return m["kind"] == want[0] && m["name"] == want[1]
		}) {
			missing = append(missing, want[0]+" "+want[1])
		}
	}
	if len(missing) == 0 {
		return
	}
	f := s.finding("spec.healthChecks", "nothing checks the health of "+words(missing))
	if !s.has("spec.healthChecks") && !s.flag("spec.wait") {
		f.Edits = insert(s, "spec.healthChecks", "\n"+x.healthCheck("DaemonSet", x.Cilium.DaemonSet)+x.healthCheck("Deployment", x.Cilium.Operator))
	}
	report(f)
}

func (x *index) healthCheck(kind, name string) string {
	return fmt.Sprintf("- apiVersion: apps/v1\n  kind: %s\n  name: %s\n  namespace: %s\n", kind, name, x.Cilium.Namespace)
}

func timeouts(x *index, s *subject, report reporter) {
	interval := parseDuration(s.text("spec.interval"), 0)
	mine := parseDuration(s.text("spec.timeout"), interval)
	for _, r := range x.releases() {
		applied := slices.ContainsFunc(x.appliers(r), func(a applier) bool { return x.subjectOf(a) == s })
		if !applied {
			continue
		}
		helm := parseDuration(r.text("spec.timeout"), defaultHelm)
		if mine > helm {
			continue
		}
		f := s.finding("spec.timeout", fmt.Sprintf("it gives up after %s, the HelmRelease after %s", short(mine), short(helm)))
		f.Edits = put(s, "spec.timeout", short(max(helm, leastTimeout)+5*time.Minute))
		report(f)
		return
	}
}

// short writes a duration as one would in a manifest.
func short(d time.Duration) string {
	if d%time.Hour == 0 && d > 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	if d%time.Minute == 0 {
		return fmt.Sprintf("%dm", d/time.Minute)
	}
	return d.String()
}

func orphan(_ *index, s *subject, report reporter) {
	const field = "spec.deletionPolicy"
	policy := s.text(field)
	if policy == "Orphan" || policy == "" && !s.flag("spec.prune") || policy == "MirrorPrune" && !s.flag("spec.prune") {
		return
	}
	f := s.finding(field, "deleting this Kustomization deletes the HelmRelease, which uninstalls Cilium")
	f.Edits = put(s, field, "Orphan")
	report(f)
}

func noForce(_ *index, s *subject, report reporter) {
	if s.flag("spec.force") {
		f := s.finding("spec.force", "force: true may delete the HelmRelease to change it, which uninstalls Cilium")
		f.Edits = remove(s, "spec.force")
		report(f)
	}
}

func retrySoon(_ *index, s *subject, report reporter) {
	if !s.has("spec.retryInterval") {
		f := s.finding("spec.retryInterval", "a failure is tried again only after "+s.text("spec.interval"))
		f.Edits = insert(s, "spec.retryInterval", "2m")
		report(f)
	}
}
