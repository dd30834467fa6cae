package handover

import (
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

const pruneAnnotation = "kustomize.toolkit.fluxcd.io/prune"

// profileRules are what makes a HelmRelease dangerous for a network: what Flux does to the release when something
// fails, or when the HelmRelease goes.
func profileRules() []rule {
	return []rule{{
		id: "HP105", reason: "a failed install would be uninstalled, and with it the network",
		hint:  "Set install.strategy.name: RetryOnFailure, and leave install.remediation away.",
		finds: onRelease(func(_ *Input, r *facts.GitRelease) []check.Evidence { return remediation(r, "install", r.Install) }),
	}, {
		id: "HP106", reason: "a failed upgrade would be rolled back or uninstalled; right after an adoption there is nothing to roll back to",
		hint:  "Set upgrade.strategy.name: RetryOnFailure, and leave upgrade.remediation away.",
		finds: onRelease(upgradeRemediation),
	}, {
		id: "HP107", reason: "the HelmRelease replaces objects by force: deleted and made anew",
		hint: "Leave force, rollback.force and rollback.recreate away.",
		finds: onRelease(func(_ *Input, r *facts.GitRelease) []check.Evidence {
			return flags(r, map[string]bool{"install.replace": r.Install.Replace, "upgrade.force": r.Upgrade.Force, "rollback.force": r.Rollback.Force, "rollback.recreate": r.Rollback.Recreate})
		}),
	}, {
		id: "HP108", reason: "a failed upgrade would delete what it created, though agents may use it already",
		hint: "Leave cleanupOnFail away.",
		finds: onRelease(func(_ *Input, r *facts.GitRelease) []check.Evidence {
			return flags(r, map[string]bool{"upgrade.cleanupOnFail": r.Upgrade.CleanupOnFail, "rollback.cleanupOnFail": r.Rollback.CleanupOnFail})
		}),
	}, {
		id: "HP109", reason: "values of the old release would be kept beside those of Git",
		hint: "Leave upgrade.preserveValues away, and give Git all the values that run.",
		finds: onRelease(func(_ *Input, r *facts.GitRelease) []check.Evidence {
			return flags(r, map[string]bool{"upgrade.preserveValues": r.Upgrade.PreserveValues})
		}),
	}, {
		id: "HP110", reason: "deleting the Kustomization would uninstall Cilium",
		hint:  "Set deletionPolicy: Orphan in the Kustomization, and annotate the HelmRelease " + pruneAnnotation + ": disabled.",
		finds: onRelease(pruned),
	}, {
		id: "HP111", reason: "Git says whether it is suspended: nobody could hold or release it",
		hint:  "Leave spec.suspend away in Git.",
		finds: onRelease(suspendWritten),
	}, {
		id: "HP112", reason: "the HelmRelease releases to another cluster",
		hint: "Leave spec.kubeConfig away.",
		finds: onRelease(func(_ *Input, r *facts.GitRelease) []check.Evidence {
			return flags(r, map[string]bool{"kubeConfig": r.KubeConfig})
		}),
	}, {
		id: "HP113", reason: "a release that was applied by patches would be applied server-side: fields would be co-owned for ever",
		hint:  "Leave upgrade.serverSideApply away for the adoption, and change it later, on its own.",
		finds: onRelease(otherMethod),
	}}
}

// flags is evidence of each field that is set.
func flags(r *facts.GitRelease, set map[string]bool) []check.Evidence {
	var out []check.Evidence
	for _, name := range sortedKeys(set) {
		if set[name] {
			out = append(out, check.Evidence{Where: at(r) + " spec." + name, Got: "set", Want: "(absent)"})
		}
	}
	return out
}

// remediation finds an action that is remediated: Flux's default without a strategy, when there are retries.
func remediation(r *facts.GitRelease, name string, a facts.GitAction) []check.Evidence {
	if a.Strategy == "RetryOnFailure" {
		return nil
	}
	last := a.RemediateLastFailure != nil && *a.RemediateLastFailure
	if a.Retries == 0 && !last {
		return nil
	}
	where := at(r) + " spec." + name + ".remediation"
	return []check.Evidence{{Where: where, Got: fmt.Sprintf("retries %d, remediateLastFailure %t", a.Retries, last), Want: "strategy RetryOnFailure"}}
}

func upgradeRemediation(_ *Input, r *facts.GitRelease) []check.Evidence {
	out := remediation(r, "upgrade", r.Upgrade)
	if r.Upgrade.RemediateBy == "uninstall" {
		out = append(out, check.Evidence{Where: at(r) + " spec.upgrade.remediation.strategy", Got: "uninstall", Want: "(absent)"})
	}
	return out
}

// pruned finds a HelmRelease that goes with the Kustomization that applies it.
func pruned(in *Input, r *facts.GitRelease) []check.Evidence {
	if strings.EqualFold(r.Annotations[pruneAnnotation], "disabled") {
		return nil
	}
	ks := in.Facts.Git.Kustomization(r.By)
	if ks == nil || !ks.Prune || ks.DeletionPolicy == "Orphan" {
		return nil
	}
	return []check.Evidence{
		{Where: fmt.Sprintf("%s:%d Kustomization %s spec.deletionPolicy", ks.File, ks.Line, ks.ID()), Got: or(ks.DeletionPolicy, "(absent)"), Want: "Orphan"},
		{Where: at(r) + " " + pruneAnnotation, Got: "(absent)", Want: "disabled"},
	}
}

func suspendWritten(in *Input, r *facts.GitRelease) []check.Evidence {
	out := when(r.SuspendWritten, at(r)+" spec.suspend", fmt.Sprint(r.Suspend), "(absent)")
	if ks := in.Facts.Git.Kustomization(r.By); ks != nil && ks.SuspendWritten {
		out = append(out, check.Evidence{Where: fmt.Sprintf("%s:%d Kustomization %s spec.suspend", ks.File, ks.Line, ks.ID()), Got: fmt.Sprint(ks.Suspend), Want: "(absent)"})
	}
	return out
}

func otherMethod(in *Input, r *facts.GitRelease) []check.Evidence {
	runs := in.Facts.Live.Release
	wrong := runs != nil && runs.ApplyMethod != facts.ServerSide && r.Upgrade.ServerSideApply == "enabled"
	return when(wrong, at(r)+" spec.upgrade.serverSideApply", "enabled", "(absent): the bootstrap applied client-side")
}

func or(s, instead string) string {
	if s == "" {
		return instead
	}
	return s
}
