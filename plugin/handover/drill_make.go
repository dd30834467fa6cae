package handover

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// The steps of drills.
const (
	StepShield   = "shield"
	StepBreak    = "break"
	StepSee      = "see"
	StepUnbreak  = "unbreak"
	StepUnshield = "unshield"
	StepOwners   = "owners"
	StepResume   = "resume"
)

// The refusals of a drill.
const (
	refusedDrillBlind  = "HP601"
	refusedDrillWell   = "HP602"
	refusedDrillBusy   = "HP603"
	refusedDrillDanger = "HP604"
	refusedDrillDrift  = "HP605"
	refusedDrillGit    = "HP606"
)

// DrillJournalName is the ConfigMap that a drill's journal is kept in: that of the handover before it stays.
const DrillJournalName = "cilium-gitops-drill"

// calm is how long the HelmRelease has to be seen suspended before anything is broken: a reconciliation that had begun
// before is over by then.
const calm = 10 * time.Second

// drilling is the making of one drill's plan.
type drilling struct {
	in DrillInput
	p  *Plan
	d  Drill
	hr *facts.HelmRelease
	ks *facts.FluxKustomization
	// left is the plan that a drill's journal has, where it is to be undone; strange says what of it is no drill's.
	left    *Plan
	strange string
}

// MakeDrill plans a drill. It touches nothing; a plan that is not Ready says why.
func MakeDrill(d Drill, in DrillInput) *Plan {
	f := in.Facts
	p := &Plan{
		Name: DrillName + d.Name, Cluster: f.Cluster, Context: f.Context, Server: f.Server, UID: f.Live.UID,
		Weighed: []Weighed{}, Refusals: []Refusal{}, Steps: []Step{}, World: stateOf(&Input{Facts: f}),
		Drill: &DrillPlan{Name: d.Name, Value: in.Value, Shows: []string{StepSee}},
	}
	m := &drilling{in: in, p: p, d: d, hr: heldRelease(f), ks: owning(f)}
	m.refuse()
	if m.hr != nil && m.ks != nil {
		p.Release, p.Wiring = releaseRefOf(m.hr), kustomizationRefOf(m.ks)
		if last, ok := m.hr.Drills[d.Name]; ok {
			p.Drill.Last = &last
		}
		m.step(Step{ID: StepPreflight, Title: "preflight", Before: []Want{SameWorld, AllWell}, Within: time.Minute})
		d.make(m)
		p.seal()
		m.touches()
	}
	p.Ready = len(p.Refusals) == 0
	for _, s := range slices.Concat(p.Steps, p.Undo) {
		p.Drill.Bound += s.Within
	}
	return p
}

func (m *drilling) refuse() {
	var dark []check.Evidence
	for _, part := range DrillParts() {
		if !known(m.in.Facts, part) {
			dark = append(dark, check.Evidence{Where: string(part), Got: or(m.in.Facts.Blind[part], "not looked at")})
		}
	}
	if len(dark) > 0 {
		m.p.own(refusedDrillBlind, true, dark)
		return
	}
	if ok, why := allWell(m.p, nil, m.in.Facts); m.in.Busy != "" { // which explains what is not well
		m.p.own(refusedDrillBusy, false, []check.Evidence{{Where: m.in.Facts.Cluster, Got: m.in.Busy}})
	} else if !ok {
		m.p.own(refusedDrillWell, false, []check.Evidence{{Where: m.in.Facts.Cluster, Got: why, Want: "Cilium under Flux, and ready"}})
		m.p.Drill.Working = m.working()
	}
	if m.d.Dangerous && !m.in.Danger {
		m.p.own(refusedDrillDanger, false, []check.Evidence{{Where: "drill " + m.d.Name, Got: m.d.Danger}})
	}
}

// working tells whether what is not well is only being worked on: nothing has failed, and nothing is held.
func (m *drilling) working() bool {
	if m.hr == nil || m.ks == nil || m.hr.Suspend || m.hr.Deleting || m.ks.Suspend || m.ks.Deleting {
		return false
	}
	return conditionOf(m.hr.Conditions, "Ready").Status != "False" && Ready(m.ks).Status != "False"
}

func (m *drilling) step(s Step) { m.p.Steps = append(m.p.Steps, s) }

func (m *drilling) undo(s Step) { m.p.Undo = append(m.p.Undo, s) }

// touches are what the drill writes to, its lock, its journal and its result among it.
func (m *drilling) touches() {
	in := Input{Facts: m.in.Facts}
	m.p.Touches = m.p.touches(&in)
	for i := range m.p.Touches {
		if t := &m.p.Touches[i]; t.Ref.Kind == "ConfigMap" && isJournal(t.Ref.Name) {
			t.Ref.Name = DrillJournalName + strings.TrimPrefix(t.Ref.Name, JournalName)
		}
	}
	for _, s := range m.p.Undo {
		for _, a := range s.Do {
			if a.Verb == Forget {
				revisions := Ref{APIVersion: "apps/v1", Kind: "ControllerRevision", Namespace: a.Ref.Namespace}
				m.p.Touches = append(m.p.Touches, Touch{Ref: revisions, Verbs: []string{"list", "delete"}})
			}
		}
	}
	m.p.Touches = append(m.p.Touches, Touch{Ref: m.p.Release, Verbs: []string{"patch"}, As: []string{OwnManager}})
}

// timeout is how long the Kustomization may take to report what is not healthy.
func (m *drilling) timeout() time.Duration { return healthTimeout(m.ks) }

// healthTimeout is how long kustomize-controller may be at a Kustomization's health checks; it gives no less than half a minute.
func healthTimeout(ks *facts.FluxKustomization) time.Duration {
	for _, text := range []string{ks.Timeout, ks.Interval} {
		if d, err := time.ParseDuration(text); err == nil && d > 0 {
			return max(d, 30*time.Second)
		}
	}
	return 5 * time.Minute
}

func (m *drilling) reconcile(refs ...Ref) []Action {
	var all []Action
	for _, ref := range refs {
		all = append(all, Action{Verb: Reconcile, Ref: ref, Manager: FluxCLI, Why: "now"})
	}
	return all
}

// hold has Flux leave the release alone.
func (m *drilling) hold() {
	m.step(Step{
		ID: StepHold, Title: "hold", Until: []Want{Held}, For: calm, Guard: hardGuards, Within: slack,
		Do: []Action{{Verb: Suspend, Ref: m.p.Release, Manager: FluxCLI, Why: "or Flux would undo what is about to be broken"}},
	})
}

// resume gives the fields of subject back, and the release to Flux.
func (m *drilling) resume(subject Ref, more ...Action) {
	m.undo(Step{
		ID: StepOwners, Title: "owners", Within: slack,
		Do: append([]Action{{Verb: GiveBack, Ref: subject, Manager: DrillManager, Why: "who sets a field owns it: it goes back to whom it was"}}, more...),
	})
	m.undo(Step{
		ID: StepResume, Title: "resume", Until: []Want{AllWell}, Within: 5 * time.Minute,
		Do: append([]Action{{Verb: Resume, Ref: m.p.Release, Manager: FluxCLI, Why: "Flux manages the release again"}},
			m.reconcile(m.p.Release, m.p.Wiring)...),
	})
}

// checked tells whether the Kustomization evaluates subject's health, and finds fault where it does not.
func (m *drilling) checked(subject Ref) bool {
	switch {
	case m.left != nil: // it began
		return true
	case m.ks.Wait:
		m.p.Drill.Finding = fmt.Sprintf("Kustomization %s has wait: true, and ignores its health checks: it looks at what it applies, which is the HelmRelease, and not at %s", m.ks.ID(), subject)
	case !slices.Contains(m.ks.HealthChecks, subject.String()):
		m.p.Drill.Finding = fmt.Sprintf("Kustomization %s has no health check of %s", m.ks.ID(), subject)
	}
	return m.p.Drill.Finding == ""
}

// whole is an object as the cluster has it; nil, and refused, where it could not be had.
func (m *drilling) whole(ref Ref) map[string]any {
	var body map[string]any
	if m.left != nil {
		return nil // it is broken now
	}
	if json.Unmarshal(m.in.Objects[ref], &body) != nil || body == nil {
		m.p.own(refusedDrillBlind, true, []check.Evidence{{Where: ref.String(), Got: "could not be read"}})
		return nil
	}
	return body
}

// field is what an object has at a path; nil where it has nothing.
func field(body map[string]any, path ...string) any {
	var v any = body
	for _, key := range path {
		inner, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = inner[key]
	}
	return v
}

// change is a merge patch that sets one field; nil removes it.
func change(value any, path ...string) json.RawMessage {
	for i := len(path) - 1; i >= 0; i-- {
		value = map[string]any{path[i]: value}
	}
	raw, err := json.Marshal(value) // of what was decoded from JSON: cannot fail
	if err != nil {
		return nil
	}
	return raw
}
