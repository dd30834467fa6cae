package handover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// loose says that a HelmRelease is suspended in a way that does not last: kustomize-controller takes back whatever a
// manager called kubectl has set and Git has not, at its next reconciliation. Empty where the suspension lasts.
func loose(in *Input) string {
	hr := heldRelease(in.Facts)
	if hr == nil || !hr.Suspend || len(hr.SuspendedBy) == 0 || slices.ContainsFunc(hr.SuspendedBy, func(by string) bool { return !takenBack(by) }) {
		return ""
	}
	by := Ref{Namespace: hr.Labels["kustomize.toolkit.fluxcd.io/namespace"], Name: hr.Labels["kustomize.toolkit.fluxcd.io/name"]}
	ks := liveKustomization(in.Facts, by)
	if ks == nil || ks.Suspend {
		return ""
	}
	return fmt.Sprintf("HelmRelease %s was suspended by %s: the next reconciliation of Kustomization %s takes that back, and Flux adopts Cilium at that moment. "+
		"The run takes the suspension over as flux, which lasts. Until then: flux suspend kustomization -n %s %s.",
		hr.ID(), strings.Join(hr.SuspendedBy, ", "), ks.ID(), ks.Namespace, ks.Name)
}

// takenBack tells whether kustomize-controller takes back what a manager of that name has set.
func takenBack(manager string) bool {
	return strings.HasPrefix(manager, "kubectl") || strings.HasPrefix(manager, "before-first-apply")
}

// setBy names the field managers that own spec.suspend, whatever it is.
func setBy(hr *facts.HelmRelease) string {
	if len(hr.SuspendedBy) == 0 {
		return ""
	}
	return ": spec.suspend is set by " + strings.Join(hr.SuspendedBy, ", ")
}

// acting: the run has removed spec.suspend, so that whoever has set it since works against the run, or wants it stopped.
func acting(_ *Plan, _ *Journal, f facts.Facts) (bool, string) {
	hr := heldRelease(f)
	if hr == nil || !hr.Suspend {
		return true, ""
	}
	if hr.Deleting {
		return false, doNotResume(hr)
	}
	return false, fmt.Sprintf("somebody else suspended HelmRelease %s%s. Find out who and why before it goes on: flux resume helmrelease -n %s %s",
		hr.ID(), setBy(hr), hr.Namespace, hr.Name)
}

// stillHeld: the run has set spec.suspend, so that whoever lets the HelmRelease go adopts Cilium before its time.
func stillHeld(_ *Plan, _ *Journal, f facts.Facts) (bool, string) {
	hr := heldRelease(f)
	if hr == nil || hr.Suspend {
		return true, ""
	}
	return false, fmt.Sprintf("somebody else let HelmRelease %s go, which has to wait, suspended%s", hr.ID(), setBy(hr))
}
