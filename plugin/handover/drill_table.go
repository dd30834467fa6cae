package handover

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Drill is one thing that can be broken on purpose, and is always put back.
type Drill struct {
	Name string
	// Proves is what it shows, Danger what can suffer meanwhile, Takes how long, in words: a cluster's own intervals
	// say it exactly, and stand in its plan.
	Proves, Danger, Takes string
	// Dangerous drills do harm while they last, and have to be asked for.
	Dangerous bool
	// Check is the one that judges the last result.
	Check check.ID
	make  func(*drilling)
}

// Drills are all there are, in the order in which they are best tried: the gentlest first.
func Drills() []Drill {
	return []Drill{{
		Name: "stable", Check: "CG603", make: drillStable,
		Proves: "reconciling again and again replaces no pod and makes no revision",
		Danger: "none: nothing is changed", Takes: "three reconciliations",
	}, {
		Name: "drift-object", Check: "CG601", make: drillObject,
		Proves: "what a person changes on the HelmRelease is reverted by its Kustomization",
		Danger: "none: a label of the HelmRelease", Takes: "a reconciliation",
	}, {
		Name: "drift-child", Check: "CG602", make: drillChild,
		Proves: "what a person changes on Cilium's objects is put back by drift detection",
		Danger: "none: a label of Deployment cilium-operator, not of its pods", Takes: "a reconciliation",
	}, {
		Name: "health-agent", Check: "CG501", make: drillAgent,
		Proves: "Flux reports a DaemonSet of agents that is not as it should be",
		Danger: "no pod is touched: updates of the DaemonSet wait for somebody to delete its pods. Meanwhile Flux does not manage the release, and a pod that starts has to be replaced once more",
		Takes:  "the Kustomization's timeout, and a minute",
	}, {
		Name: "health-rollout", Check: "CG502", make: drillRollout,
		Proves: "Flux reports an operator whose roll-out hangs",
		Danger: "no pod is touched: Deployment cilium-operator is paused. Meanwhile Flux does not manage the release",
		Takes:  "the Kustomization's timeout, and a minute",
	}, {
		Name: "health-operator", Check: "CG503", make: drillOperator, Dangerous: true,
		Proves: "Flux reports an operator that is gone",
		Danger: "no operator for up to five minutes: no new identities, addresses for nodes, or load-balancer addresses. What runs, runs on",
		Takes:  "up to five minutes, and a minute",
	}, {
		Name: "git-change", Check: "CG604", make: drillGit,
		Proves: "what is committed and pushed reaches the cluster within five minutes",
		Danger: "two commits on the branch that Flux reads: a label of the HelmRelease, and without it again. Every cluster that reads the file gets it",
		Takes:  "the intervals of the source and the Kustomization, twice",
	}}
}

// DrillPlan is what a drill's plan has besides.
type DrillPlan struct {
	Name string `json:"name"`
	// Subject is the object that is broken.
	Subject Ref `json:"subject,omitzero"`
	// Finding says why the drill need not be run to know that it would show nothing.
	Finding string `json:"finding,omitempty"`
	// Shows are the steps that show what the drill is for: where they fail, it has not.
	Shows []string `json:"shows,omitempty"`
	// Takes is about how long it lasts, Bound how long at most until everything is put back.
	Takes time.Duration `json:"takes"`
	Bound time.Duration `json:"bound"`
	// Value is what is set, where it is waited for to appear.
	Value string `json:"value,omitempty"`
	// Working: Flux is at work on what the drill is about; what is not well may be so when it is done.
	Working bool `json:"-"`
	// Last is what the drill came to last.
	Last *facts.DrillResult `json:"-"`
	// Accept: pods that came while the DaemonSet was marked may be replaced once more.
	Accept bool `json:"accept,omitempty"`
}

// DrillInput is what a drill is planned from.
type DrillInput struct {
	Facts facts.Facts // with what DrillParts names
	// Objects are those that DrillObjects names, whole, as the cluster has them; nil where one does not exist.
	Objects map[Ref]json.RawMessage
	// Busy says what has to come to its end first.
	Busy string
	// Danger: the user accepts what a dangerous drill does.
	Danger bool
	// File is where the user's checkout has the HelmRelease, from its root; Checkout says what is wrong with it for
	// pushing from it. Only git-change asks.
	File, Checkout string
	// Value tells this drill's marks from another's.
	Value string
}

// DrillParts are what a drill has to know.
func DrillParts() []facts.Part { return BaseParts() }

// DrillObjects are those that a drill has to see whole.
func DrillObjects(f facts.Facts) []Ref {
	all := []Ref{agentRef(f), operatorRef(f)}
	if hr := heldRelease(f); hr != nil {
		all = append(all, releaseRefOf(hr))
	}
	return all
}

// DrillNamed finds a drill.
func DrillNamed(name string) (Drill, bool) {
	all := Drills()
	i := slices.IndexFunc(all, func(d Drill) bool { return d.Name == name })
	if i < 0 {
		return Drill{}, false
	}
	return all[i], true
}

func agentRef(f facts.Facts) Ref {
	return Ref{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: f.Expect.Cilium.Namespace, Name: f.Expect.Cilium.DaemonSet}
}

func operatorRef(f facts.Facts) Ref {
	return Ref{APIVersion: "apps/v1", Kind: "Deployment", Namespace: f.Expect.Cilium.Namespace, Name: f.Expect.Cilium.Operator}
}

func releaseRefOf(hr *facts.HelmRelease) Ref {
	return Ref{APIVersion: or(hr.APIVersion, "helm.toolkit.fluxcd.io/v2"), Kind: "HelmRelease", Namespace: hr.Namespace, Name: hr.Name}
}

func kustomizationRefOf(ks *facts.FluxKustomization) Ref {
	return Ref{APIVersion: or(ks.APIVersion, "kustomize.toolkit.fluxcd.io/v1"), Kind: "Kustomization", Namespace: ks.Namespace, Name: ks.Name}
}

// owning is the Kustomization that applies the HelmRelease, by Flux's own labels on it; nil where none does.
func owning(f facts.Facts) *facts.FluxKustomization {
	hr := heldRelease(f)
	if hr == nil {
		return nil
	}
	return liveKustomization(f, Ref{
		Namespace: hr.Labels["kustomize.toolkit.fluxcd.io/namespace"], Name: hr.Labels["kustomize.toolkit.fluxcd.io/name"],
	})
}
