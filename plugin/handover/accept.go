package handover

import (
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// accept notes of which objects the user accepts by name what becomes of their pods or their contents.
func (p *Plan) accept(in *Input) {
	for _, c := range p.Impact.Changes {
		if !c.Expected && (c.Effect == impact.Restart || c.Lost > 0 || c.Keys > 0) && in.allowed(c.Ref) {
			p.Accepted = append(p.Accepted, c.Ref.String())
		}
	}
}

// begun is what is accepted by now: before the step that brings it about, nobody but a stranger can have done it.
func (p *Plan) begun(j *Journal) []string {
	at := StepAdopt
	if p.Name == RollbackName {
		at = StepHelm
	}
	if s := j.Step(at); s == nil || s.Begun == 0 {
		return nil
	}
	return p.Accepted
}

// again is what a step waits for, and with it the workloads that were to roll.
func (p *Plan) again(wants ...Want) []Want {
	if len(p.Accepted) > 0 {
		return append([]Want{Rolled}, wants...)
	}
	return wants
}

// patience is how long the workloads may take to be current.
func (p *Plan) patience() time.Duration {
	if len(p.Accepted) > 0 {
		return 15 * time.Minute
	}
	return 3 * time.Minute
}

// rolling is f with a baseline that lacks the workloads whose pods the step replaces, as was accepted: how many of them
// are ready is judged when the step is over.
func rolling(s *Step, f facts.Facts) facts.Facts {
	if f.Base == nil || len(s.Rolls) == 0 {
		return f
	}
	base := *f.Base
	without := func(all []facts.Workload) []facts.Workload {
		return slices.DeleteFunc(slices.Clone(all), func(w facts.Workload) bool {
			return slices.Contains(s.Rolls, nameOf(w)) && (!check.Vital(f, w) || wanted(f, w))
		})
	}
	base.DaemonSets, base.Deployments = without(base.DaemonSets), without(base.Deployments)
	base.StatefulSets = without(base.StatefulSets)
	f.Base = &base
	return f
}

// wanted tells whether a workload is still there and wanted on some node.
func wanted(f facts.Facts, was facts.Workload) bool {
	return slices.ContainsFunc(slices.Concat(f.Live.DaemonSets, f.Live.Deployments, f.Live.StatefulSets), func(is facts.Workload) bool {
		return nameOf(is) == nameOf(was) && is.Desired > 0
	})
}

// nameOf is a workload as Accepted names it.
func nameOf(w facts.Workload) string { return w.Key() }
