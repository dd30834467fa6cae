package check

import (
	"fmt"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// drilled is a row for each drill: the check of its last result. They have one judge.
var drilled = []struct {
	id               ID
	name             string
	title, hint, why string
	mild             bool // that it showed nothing is worth knowing, and no fault of the tree's
}{{
	id: "CG501", name: "health-agent", title: "Flux has reported agents that were not as they should be",
	hint: "Have the Kustomization evaluate DaemonSet/kube-system/cilium: wait: false, and the DaemonSet under healthChecks.",
	why:  "A health check that nobody has seen fail may look at nothing. The drill makes the DaemonSet's pods outdated without replacing one, and waits for HealthCheckFailed with its name in it.",
}, {
	id: "CG502", name: "health-rollout", title: "Flux has reported an operator whose roll-out hung",
	hint: "Have the Kustomization evaluate Deployment/kube-system/cilium-operator: wait: false, and the Deployment under healthChecks.",
	why:  "The drill pauses the operator's Deployment, which replaces no pod, and waits for HealthCheckFailed with its name in it.",
}, {
	id: "CG503", name: "health-operator", title: "Flux has reported an operator that was gone", mild: true,
	hint: "0 of 0 pods are healthy to Flux. Keep drift detection enabled, which brings the operator back, or call it unhealthy by spec.healthCheckExprs of the Kustomization (docs/drills.md).",
	why:  "The drill scales the operator to nothing for a few minutes. A health check compares what runs with what is asked for, and is content when nothing is asked for.",
}, {
	id: "CG601", name: "drift-object", title: "Flux has reverted what was changed by hand on the HelmRelease",
	hint: "See whether its Kustomization reconciles, and is not told to leave the object alone: flux get kustomizations -A.",
	why:  "Helm-controller applies whatever the HelmRelease says; only the Kustomization that owns it reverts a change of the object itself. The drill sets a label, never a value.",
}, {
	id: "CG602", name: "drift-child", title: "Flux has put back what was changed by hand on an object of Cilium's",
	hint: "Set driftDetection.mode: enabled in the HelmRelease, and see what its ignore rules leave out.",
	why:  "Without drift detection a changed or deleted object of the chart stays so, while the HelmRelease is Ready. The drill changes a label of the operator's Deployment.",
}, {
	id: "CG603", name: "stable", title: "reconciling again and again has changed nothing",
	hint: "See what differs each time: flux events --for HelmRelease/cilium -n kube-system; kubectl cilium-gitops diff --what impact.",
	why:  "Three forced reconciliations of the Kustomization and the HelmRelease replaced no pod and made no revision of Helm's. Values that are made anew each time, such as certificates, would.",
}, {
	id: "CG604", name: "git-change", title: "what was committed has reached the cluster within five minutes",
	hint: "Shorten the interval of the GitRepository, or have the forge notify Flux by a Receiver: flux get sources git -A.",
	why:  "The drill commits a label of the HelmRelease, pushes it, waits until the cluster has it, and takes it back by a second commit.",
}}

func drillChecks() []Check {
	var all []Check
	for _, d := range drilled {
		all = append(all, Check{
			ID: d.id, Phase: Validation, AC: "AC-" + string(d.id[2]), Title: d.title, Hint: d.hint,
			About:  d.why + fmt.Sprintf(" It is held by flux handover drill %s, and always puts everything back.", d.name),
			Manual: `kubectl -n kube-system get helmrelease cilium -o jsonpath='{.metadata.annotations.cilium-gitops\.dev/drills}'`,
			Needs:  []facts.Part{facts.HelmReleases},
			Judge:  func(f facts.Facts) Verdict { return judgeDrill(f, d.name, d.mild) },
		})
	}
	return all
}

// judgeDrill judges the last result of a drill, whenever that was: its age is said.
func judgeDrill(f facts.Facts, name string, mild bool) Verdict {
	hr, ok := ciliumHelmRelease(f)
	if !ok {
		return notHandedOver(f)
	}
	result, ok := hr.Drills[name]
	command := "flux handover drill " + name
	if f.Context != "" {
		command += " --context " + f.Context
	}
	if !ok {
		return skip("never tried: %s", command)
	}
	when := age(f.Taken.Sub(result.At))
	evidence := Evidence{"HelmRelease " + hr.ID() + " drill " + name, string(result.Outcome) + " " + when + ": " + orAbsent(result.Text), string(facts.DrillShown)}
	switch {
	case result.Outcome == facts.DrillShown && result.Took > 0:
		return pass("shown %s, in %s: %s", when, result.Took.Round(100*time.Millisecond), result.Text)
	case result.Outcome == facts.DrillShown:
		return pass("shown %s: %s", when, result.Text)
	case result.Outcome == facts.DrillNotShown && mild:
		return warn("the last drill did not show it", evidence)
	case result.Outcome == facts.DrillNotShown:
		return fail("the last drill did not show it", evidence)
	}
	return unknown("what the last drill came to cannot be read", evidence)
}

// age words how long ago something was.
func age(d time.Duration) string {
	switch {
	case d < 0:
		return "in the future"
	case d < time.Hour:
		return count(int(d/time.Minute), "minute") + " ago"
	case d < 48*time.Hour:
		return count(int(d/time.Hour), "hour") + " ago"
	}
	return count(int(d/(24*time.Hour)), "day") + " ago"
}
