package handover

import "time"

// The marks of drills: in a template, and on objects.
const (
	drillMark  = "cilium-gitops.dev/drill"
	childLabel = "app.kubernetes.io/name"
)

// bounded is how long the operator may be gone.
const bounded = 5 * time.Minute

var (
	markPath     = []string{"spec", "template", "metadata", "annotations", drillMark}
	strategyPath = []string{"spec", "updateStrategy"}
	onDelete     = map[string]any{"type": "OnDelete"}
)

// drillAgent makes the DaemonSet's pods outdated, and lets none be replaced. The order is the safety: its strategy is
// OnDelete before the template is marked, and until it is seen that no pod differs from the template any more. Each
// write insists on it, so that no process, however late, can leave a rolling update together with the mark.
func drillAgent(m *drilling) {
	agent := agentRef(m.in.Facts)
	m.p.Drill.Subject, m.p.Drill.Takes = agent, m.timeout()+time.Minute
	body := m.whole(agent)
	was, ok := m.was(agent, body, strategyShape, strategyPath...)
	if !m.checked(agent) || !ok {
		return
	}
	shield := map[string]any{"type": "OnDelete", "rollingUpdate": nil}
	m.hold()
	m.step(Step{
		ID: StepShield, Title: "shield", Until: []Want{Shielded}, While: []Want{Held}, Guard: hardGuards, Within: time.Minute,
		Do: []Action{{
			Verb: Patch, Ref: agent, Manager: DrillManager, Why: "no pod is replaced unless somebody deletes it",
			Change: change(shield, strategyPath...), If: change(was, strategyPath...),
		}},
	})
	m.step(Step{
		ID: StepBreak, Title: "break", Until: []Want{Outdated}, While: []Want{Held, Shielded}, Guard: hardGuards, Within: time.Minute,
		Do: []Action{{
			Verb: Patch, Ref: agent, Manager: DrillManager, Why: "every pod differs from the template now",
			Change: change(m.in.Value, markPath...), If: change(onDelete, strategyPath...),
		}},
	})
	m.see(Held, Shielded)
	m.undo(Step{
		ID: StepUnbreak, Title: "unbreak", Until: []Want{UpToDate}, Within: 3 * time.Minute,
		Do: []Action{{Verb: Patch, Ref: agent, Manager: DrillManager, Why: "no pod differs any more", Change: change(nil, markPath...)}},
	})
	m.undo(Step{
		ID: StepUnshield, Title: "unshield", Until: []Want{RollsAgain}, Within: slack,
		Do: []Action{{
			Verb: Patch, Ref: agent, Manager: DrillManager, Why: "as it was",
			Change: change(was, strategyPath...), If: change(nil, markPath...),
		}},
	})
	m.resume(agent, Action{Verb: Forget, Ref: agent, Change: change(m.in.Value, markPath...), Why: "the marked template is nothing to go back to"})
}

// see asks the Kustomization, and waits until it says what is wrong.
func (m *drilling) see(while ...Want) {
	m.step(Step{
		ID: StepSee, Title: "see", Until: []Want{Unhealthy}, While: append(while, NotFine), Guard: hardGuards, Within: m.timeout() + slack,
		Do: m.reconcile(m.p.Wiring),
	})
}

// drillRollout pauses the operator's Deployment: its roll-out makes no progress, and its pods run on.
func drillRollout(m *drilling) {
	operator := operatorRef(m.in.Facts)
	m.p.Drill.Subject, m.p.Drill.Takes = operator, m.timeout()+time.Minute
	body := m.whole(operator)
	was, ok := m.was(operator, body, pausedShape, "spec", "paused")
	if !m.checked(operator) || !ok {
		return
	}
	m.hold()
	m.step(Step{
		ID: StepBreak, Title: "break", Within: time.Minute,
		Do: []Action{{
			Verb: Patch, Ref: operator, Manager: DrillManager, Why: "its roll-out makes no progress",
			Change: change(true, "spec", "paused"), If: change(was, "spec", "paused"),
		}},
	})
	m.see(Held)
	m.undo(Step{
		ID: StepUnbreak, Title: "unbreak", Until: []Want{AsReady}, Within: slack,
		Do: []Action{{Verb: Patch, Ref: operator, Manager: DrillManager, Why: "as it was", Change: change(was, "spec", "paused")}},
	})
	m.resume(operator)
}

// drillOperator takes the operator away for a while.
func drillOperator(m *drilling) {
	operator := operatorRef(m.in.Facts)
	within := min(m.timeout()+slack, bounded)
	m.p.Drill.Subject, m.p.Drill.Takes = operator, within+time.Minute
	body := m.whole(operator)
	was, ok := m.was(operator, body, replicasShape, "spec", "replicas")
	if !m.checked(operator) || !ok {
		return
	}
	m.hold()
	m.step(Step{
		ID: StepBreak, Title: "break", Until: []Want{NoOperator}, While: []Want{Held, SameAgents}, Within: time.Minute,
		Do: []Action{{
			Verb: Patch, Ref: operator, Manager: DrillManager, Why: "no operator",
			Change: change(0, "spec", "replicas"), If: change(was, "spec", "replicas"),
		}},
	})
	m.step(Step{
		ID: StepSee, Title: "see", Until: []Want{Unhealthy}, While: []Want{Held, SameAgents, NotFine}, Within: within,
		Do: m.reconcile(m.p.Wiring),
	})
	m.undo(Step{
		ID: StepUnbreak, Title: "unbreak", Until: []Want{AsReady}, Within: 3 * time.Minute,
		Do: []Action{{Verb: Patch, Ref: operator, Manager: DrillManager, Why: "as many as there were", Change: change(was, "spec", "replicas")}},
	})
	m.resume(operator)
}
