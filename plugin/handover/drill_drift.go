package handover

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
)

// rounds is how often stable reconciles.
const rounds = 3

// soon is how long a reconciliation that finds nothing to do may take, storms of other work aside; prompt is the
// story's measure from commit to cluster.
const (
	soon   = 3 * time.Minute
	prompt = 5 * time.Minute
)

func drillStable(m *drilling) {
	m.p.Drill.Takes, m.p.Drill.Shows = time.Minute, nil
	for i := range rounds {
		id := StepSee
		if i < rounds-1 {
			id = fmt.Sprintf("round-%d", i+1)
		}
		m.p.Drill.Shows = append(m.p.Drill.Shows, id)
		m.step(Step{
			ID: id, Title: fmt.Sprintf("reconciliation %d of %d", i+1, rounds), Until: []Want{AllWell, Reconciled}, While: []Want{Unmoved}, Guard: hardGuards, Within: soon + m.timeout(),
			Do: m.reconcile(m.p.Wiring, m.p.Release),
		})
	}
}

// drillObject plays somebody at kubectl who labels the HelmRelease. It is no change of values: Flux would apply that.
func drillObject(m *drilling) {
	label := []string{"metadata", "labels", drillMark}
	m.p.Drill.Subject, m.p.Drill.Takes = m.p.Release, time.Minute
	m.step(Step{
		ID: StepBreak, Title: "break", Within: time.Minute,
		Do: []Action{{Verb: Patch, Ref: m.p.Release, Manager: HandManager, Why: "as somebody at kubectl would", Change: change(m.in.Value, label...)}},
	})
	m.step(Step{
		ID: StepSee, Title: "see", Until: []Want{Reverted}, While: []Want{Unmoved}, Guard: hardGuards, Within: soon + m.timeout(),
		Do: m.reconcile(m.p.Wiring),
	})
	m.undo(Step{
		ID: StepUnbreak, Title: "unbreak", Until: []Want{Reverted, AllWell}, Within: soon,
		Do: []Action{
			{Verb: Patch, Ref: m.p.Release, Manager: HandManager, Why: "where it is still there", Change: change(nil, label...)},
			{Verb: GiveBack, Ref: m.p.Release, Manager: HandManager, Why: "as it was"},
		},
	})
}

// drillChild plays somebody who changes a label of the operator's Deployment, which the chart sets.
func drillChild(m *drilling) {
	operator := operatorRef(m.in.Facts)
	label := []string{"metadata", "labels", childLabel}
	m.p.Drill.Subject, m.p.Drill.Takes = operator, time.Minute
	body, release := m.whole(operator), m.whole(m.p.Release)
	value, ok := m.was(operator, body, labelShape, label...)
	if !ok || release == nil && m.left == nil {
		return
	}
	was, _ := value.(string)
	m.drift(release, operator, "/"+strings.Join(label[:2], "/")+"/"+strings.ReplaceAll(childLabel, "/", "~1"))
	if was == "" {
		m.p.own(refusedDrillDrift, false, []check.Evidence{{Where: operator.String() + " label " + childLabel, Got: "(absent)", Want: "what the chart sets"}})
	}
	m.step(Step{
		ID: StepBreak, Title: "break", Within: time.Minute,
		Do: []Action{{
			Verb: Patch, Ref: operator, Manager: DrillManager, Why: "as somebody at the cluster would",
			Change: change("drill-"+m.in.Value, label...), If: change(was, label...),
		}},
	})
	m.step(Step{
		ID: StepSee, Title: "see", Until: []Want{Restored}, While: []Want{Unmoved}, Guard: hardGuards, Within: soon,
		Do: m.reconcile(m.p.Release),
	})
	m.undo(Step{
		ID: StepUnbreak, Title: "unbreak", Until: []Want{Restored, AllWell}, Within: soon,
		Do: []Action{
			{Verb: Patch, Ref: operator, Manager: DrillManager, Why: "where it is not restored", Change: change(was, label...)},
			{Verb: GiveBack, Ref: operator, Manager: DrillManager, Why: "as it was"},
		},
	})
}

// drift refuses where drift detection would not put the field of ref back, and notes what it leaves alone.
func (m *drilling) drift(release map[string]any, ref Ref, pointer string) {
	if m.hr.DriftDetection != "enabled" {
		m.p.own(refusedDrillDrift, false, []check.Evidence{{
			Where: m.p.Release.String() + " spec.driftDetection.mode", Got: or(m.hr.DriftDetection, "(absent)"), Want: "enabled",
		}})
	}
	var rules []struct {
		Paths  []string          `json:"paths"`
		Target map[string]string `json:"target"`
	}
	raw, err := json.Marshal(field(release, "spec", "driftDetection", "ignore"))
	if err != nil || json.Unmarshal(raw, &rules) != nil {
		return
	}
	for _, rule := range rules {
		kind, name := or(rule.Target["kind"], "every kind"), or(rule.Target["name"], "every name")
		for _, path := range rule.Paths {
			m.p.Notes = append(m.p.Notes, fmt.Sprintf("drift is ignored of %s %s: %s", kind, name, or(path, "whole objects")))
			if aims(rule.Target, ref) && (path == "" || pointer == path || strings.HasPrefix(pointer, path+"/")) {
				m.p.own(refusedDrillDrift, false, []check.Evidence{{Where: m.p.Release.String() + " spec.driftDetection.ignore", Got: kind + " " + or(path, "whole objects"), Want: "not " + ref.String()}})
			}
		}
	}
}

// aims tells whether a rule's target may be ref: its texts are regular expressions, and one that cannot be read may be
// anything.
func aims(target map[string]string, ref Ref) bool {
	for key, is := range map[string]string{"kind": ref.Kind, "name": ref.Name, "namespace": ref.Namespace} {
		if target[key] == "" {
			continue
		}
		re, err := regexp.Compile("^(?:" + target[key] + ")$")
		if err == nil && !re.MatchString(is) {
			return false
		}
	}
	return true
}

// drillGit has the user's checkout bring a label about, and take it back.
func drillGit(m *drilling) {
	m.p.Drill.Subject, m.p.Drill.Takes = m.p.Release, 2*prompt
	if m.in.Checkout != "" || m.in.File == "" {
		m.p.own(refusedDrillGit, false, []check.Evidence{{Where: or(m.in.File, "--repo"), Got: or(m.in.Checkout, "it has no HelmRelease of Cilium for this cluster")}})
	}
	commit := func(value any, why string) Action {
		return Action{Verb: Commit, Ref: m.p.Release, File: m.in.File, Change: change(value, "metadata", "labels", drillMark), Why: why}
	}
	m.step(Step{ID: StepBreak, Title: "commit", Within: slack, Do: []Action{commit(m.in.Value, "a label of the HelmRelease")}})
	m.step(Step{ID: StepSee, Title: "see", Until: []Want{Applied}, While: []Want{Unmoved}, Guard: hardGuards, Within: prompt})
	undo := Step{ID: StepUnbreak, Title: "revert", Until: []Want{Reverted, AllWell}, Within: prompt, Do: []Action{commit(nil, "as it was")}}
	kind, id, _ := strings.Cut(m.ks.Source, "/")
	if namespace, name, ok := strings.Cut(id, "/"); ok && kind == "GitRepository" {
		undo.Do = append(undo.Do, m.reconcile(Ref{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: kind, Namespace: namespace, Name: name})...)
	} else {
		m.p.own(refusedDrillGit, false, []check.Evidence{{Where: "Kustomization/" + m.ks.ID() + " spec.sourceRef", Got: m.ks.Source, Want: "a GitRepository"}})
	}
	m.undo(undo)
}
