package lint

import (
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

const (
	helmReleases = "https://fluxcd.io/flux/components/helm/helmreleases/"
	kustomizeAPI = "https://fluxcd.io/flux/components/kustomize/kustomizations/"
)

// adoptionRules are about whether the bootstrap's release becomes Flux's, and how.
func adoptionRules() []Rule {
	return []Rule{
		{
			ID: "CGL201", Severity: Error, Title: "the HelmRelease names the release that the bootstrap made",
			See: helmReleases + "#release-name",
			Reason: "helm-controller adopts what Helm stored under the release name in the storage namespace, and nothing else. With other names it makes " +
				"a second release over the same objects, without a word; deleting either then takes Cilium away.",
			Fix:   "Put the HelmRelease cilium into kube-system, or write releaseName: cilium, targetNamespace: kube-system and storageNamespace: kube-system.",
			check: releaseRule(adoptionKey),
		},
		{
			ID: "CGL202", Severity: Error, Title: "one HelmRelease alone owns Cilium", See: helmReleases + "#release-name",
			Reason: "Two HelmReleases over the same objects take them from one another at every reconcile.",
			Fix:    "Take all but one out of the cluster's tree.", check: oneOwner,
		},
		{
			ID: "CGL203", Severity: Warning, Title: "the values are Git's alone", See: helmReleases + "#values",
			Reason: "preserveValues lays the HelmRelease over whatever the last release had: what is not in Git is kept, and nobody sees it.",
			Fix:    "Take preserveValues out and write all values down.",
			check:  forbid("keeps values that are not in Git", "spec.upgrade.preserveValues"),
		},
		{
			ID: "CGL204", Severity: Warning, Title: "adoption does not change how objects are applied",
			See: helmReleases + "#upgrade-configuration",
			Reason: "auto goes on as the bootstrap began. Forcing server-side apply over a release that was made without it leaves two owners of every field: " +
				"what is later taken out of the values stays in the cluster.",
			Fix: "Take serverSideApply out; change it, if at all, as a step of its own.", check: releaseRule(applyMethod),
		},
		{
			ID: "CGL205", Severity: Warning, Title: "suspend is not written as false", See: helmReleases + "#suspend",
			Reason: "With suspend: false in Git, `flux suspend` is undone by the next reconcile of the Kustomization above: in an emergency nothing holds Flux.",
			Fix:    "Take the line out: false is the default.", check: suspendFalse,
		},
		{
			ID: "CGL206", Severity: Info, Title: "no setting stands there without effect", See: helmReleases + "#crds",
			Reason: "Cilium's chart ships no CRDs: its operator makes them. A crds policy, or createNamespace: false, only looks like a decision.",
			Fix:    "Take it out.", check: releaseRule(moot),
		},
		{
			ID: "CGL207", Severity: Warning, Title: "drift detection is asked for where Flux reads it", See: helmReleases + "#drift-detection",
			Reason: "The annotation helm.toolkit.fluxcd.io/driftDetection knows one value, disabled, on objects that Helm renders. It marks nothing for adoption.",
			Fix:    "Take the annotation out, and write spec.driftDetection.mode.", check: driftAnnotation,
		},
		{
			ID: "CGL208", Severity: Warning, Title: "what is suspended does not hold others up", See: helmReleases + "#suspend",
			Reason: "A suspended HelmRelease never becomes current: a Kustomization that waits for it hangs until its timeout, then fails.",
			Fix:    "Take the HelmRelease out of the health checks, and write wait: false, for as long as it is suspended.", check: releaseRule(suspendedWaits),
		},
	}
}

func adoptionKey(x *index, s *subject, report reporter) {
	release, namespace := x.Cilium.Release, x.Cilium.Namespace
	name, target, storage := s.text("spec.releaseName"), s.text("spec.targetNamespace"), s.text("spec.storageNamespace")
	if name == "" {
		name = s.Name
		if target != "" {
			name = target + "-" + s.Name
		}
	}
	if target == "" {
		target = s.Namespace
	}
	if storage == "" {
		storage = s.Namespace
	}
	if s.Namespace == "" && len(s.clusters) == 0 {
		return // where it is applied decides
	}
	at := func(field string) string {
		if s.has("spec." + field) {
			return "spec." + field
		}
		return "metadata.name"
	}
	switch {
	case name != release:
		report(s.finding(at("releaseName"), fmt.Sprintf("the release is called %s, not %s: Flux would install a second one", name, release)))
	case storage != namespace:
		report(s.finding(at("storageNamespace"), fmt.Sprintf("Helm's record is looked for in %s, not in %s: Flux would install a second release", storage, namespace)))
	case target != namespace:
		report(s.finding(at("targetNamespace"), fmt.Sprintf("the release goes to namespace %s, not to %s", target, namespace)))
	}
}

func oneOwner(x *index, report reporter) {
	for _, c := range x.Clusters {
		owners := map[string]facts.GitRelease{}
		for _, r := range c.Git.Releases {
			first, twice := owners[r.ReleaseName]
			if !twice {
				owners[r.ReleaseName] = r
				continue
			}
			report(Finding{
				Place: placeOf(r.GitPlace), Clusters: []string{c.Name}, Object: "HelmRelease/" + r.Namespace + "/" + r.Name,
				Message: fmt.Sprintf("HelmRelease %s/%s owns the release %s, too (%s:%d)", first.Namespace, first.Name, r.ReleaseName, first.File, first.Line),
			})
		}
	}
}

func applyMethod(_ *index, s *subject, report reporter) {
	for _, field := range []string{"spec.upgrade.serverSideApply", "spec.install.serverSideApply"} {
		value := s.get(field)
		if value == nil || value == "auto" {
			continue
		}
		f := s.finding(field, fmt.Sprintf("%s is %v: fields of the bootstrap's would get a second owner", field, value))
		f.Edits = remove(s, field)
		report(f)
	}
}

func suspendFalse(x *index, report reporter) {
	for _, s := range append(x.releases(), x.ciliumKustomizations()...) {
		if suspended, ok := s.get("spec.suspend").(bool); ok && !suspended {
			f := s.finding("spec.suspend", "suspend: false undoes `flux suspend` at every reconcile")
			f.Edits = remove(s, "spec.suspend")
			report(f)
		}
	}
}

func moot(_ *index, s *subject, report reporter) {
	for _, field := range []string{"spec.install.crds", "spec.upgrade.crds", "spec.install.createNamespace"} {
		if !s.has(field) || field == "spec.install.createNamespace" && s.flag(field) {
			continue
		}
		f := s.finding(field, fmt.Sprintf("%s: %v has no effect on Cilium", field, s.get(field)))
		f.Edits = remove(s, field)
		report(f)
	}
}

func driftAnnotation(x *index, report reporter) {
	const key = `helm\.toolkit\.fluxcd\.io/driftDetection`
	for _, s := range x.subjects {
		for _, field := range []string{"metadata.annotations." + key, "metadata.labels." + key} {
			if value := s.text(field); value != "" && (value != "disabled" || s.Kind == "HelmRelease") {
				f := s.finding(field, fmt.Sprintf("driftDetection: %s means nothing here", value))
				f.Edits = remove(s, field)
				report(f)
			}
		}
	}
}

func suspendedWaits(x *index, s *subject, report reporter) {
	if !s.flag("spec.suspend") {
		return
	}
	for _, a := range x.appliers(s) {
		waits := a.Wait
		for _, check := range a.HealthChecks {
			waits = waits || check == s.ref()
		}
		if waits {
			report(s.finding("spec.suspend", "it is suspended, and Kustomization "+a.ID()+" waits for it to become ready"))
		}
	}
}
