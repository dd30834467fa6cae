package handover

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// UndoDrill is the plan of a drill that is not undone, made anew: of the plan in the journal it takes which drill it is,
// the mark that it set, and what the field that it changed was, each bounded. Every action of the journal's plan has to be
// one of the plan that was made anew; a *Foreign is the error where one is not. f has what DrillParts names, as far as it
// could be seen; file is where the user's checkout has the HelmRelease.
func UndoDrill(f facts.Facts, j *Journal, file string) (*Plan, error) {
	if err := j.Sound(); err != nil {
		return nil, err
	}
	if err := j.based(f); err != nil {
		return nil, err
	}
	d, _ := DrillNamed(j.Plan.Drill.Name) // Sound knows it
	if !markText.MatchString(j.Plan.Drill.Value) {
		return nil, j.foreign("the mark %q of its drill is none that a drill sets", j.Plan.Drill.Value)
	}
	if d.Name == "git-change" && file == "" {
		return nil, errors.New("undo the commit: the working tree has no HelmRelease of Cilium for this cluster; name the checkout that the drill pushed from: --repo DIR")
	}
	p := &Plan{
		Name: j.Name, Cluster: f.Cluster, Context: f.Context, Server: f.Server, UID: f.Live.UID, Ready: true,
		Refusals: []Refusal{}, Steps: []Step{}, World: j.World, Release: j.Plan.Release, Wiring: j.Plan.Wiring,
		Drill: &DrillPlan{Name: d.Name, Value: j.Plan.Drill.Value, Shows: []string{StepSee}},
	}
	m := &drilling{in: DrillInput{Facts: f, Danger: true, File: file, Value: j.Plan.Drill.Value}, p: p, d: d, left: j.Plan}
	if err := m.names(j); err != nil {
		return nil, err
	}
	m.step(Step{ID: StepPreflight, Title: "preflight"})
	d.make(m)
	if m.strange != "" {
		return nil, j.foreign("%s", m.strange)
	}
	p.seal()
	p.Refusals = []Refusal{} // those of a drill that would begin
	for _, s := range slices.Concat(p.Steps, p.Undo) {
		p.Drill.Bound += s.Within
	}
	return p, j.onlyOf(p)
}

// markText matches the marks that drills set: a run's name.
var markText = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)

// names finds Cilium's HelmRelease and Kustomization: the live ones, and where they are gone those that the plan names, if
// they can be Cilium's.
func (m *drilling) names(j *Journal) error {
	f, names := m.in.Facts, m.in.Facts.Expect.Flux
	if m.hr = heldRelease(f); m.hr == nil {
		ref := m.p.Release
		if ref.Kind != "HelmRelease" || ref.Namespace != names.HelmReleaseNamespace || ref.Name != names.HelmRelease {
			return j.foreign("its plan is of %s, and Cilium's HelmRelease is %s/%s", ref, names.HelmReleaseNamespace, names.HelmRelease)
		}
		m.hr = &facts.HelmRelease{Namespace: ref.Namespace, Name: ref.Name}
	}
	if m.ks = owning(f); m.ks == nil {
		ref := m.p.Wiring
		if ref.Kind != "Kustomization" {
			return j.foreign("its plan asks %s for the health of Cilium, which is no Kustomization", ref)
		}
		m.ks = &facts.FluxKustomization{Namespace: ref.Namespace, Name: ref.Name}
	}
	m.p.Release, m.p.Wiring = releaseRefOf(m.hr), kustomizationRefOf(m.ks)
	return nil
}

// was is what ref has at a path before the drill breaks it. Of a drill that is undone it is what its plan would put back,
// where that is of the field's shape; ok tells whether there is anything to break.
func (m *drilling) was(ref Ref, body map[string]any, shape shape, path ...string) (was any, ok bool) {
	if m.left == nil {
		return field(body, path...), body != nil
	}
	step := StepUnbreak
	if slices.Equal(path, strategyPath) {
		step = StepUnshield
	}
	s := m.left.Step(step)
	if s == nil || len(s.Do) == 0 {
		m.strange = fmt.Sprintf("its plan has no step %s for %s", step, ref)
		return nil, false
	}
	var change map[string]any
	if json.Unmarshal(s.Do[0].Change, &change) != nil {
		m.strange = fmt.Sprintf("step %s of its plan would %s: its change is no JSON object", step, s.Do[0].words())
		return nil, false
	}
	was = field(change, path...)
	if why := shape(m.in.Facts, was); why != "" {
		m.strange = fmt.Sprintf("step %s of its plan would %s: %s", step, s.Do[0].words(), why)
		return nil, false
	}
	return was, true
}

// shape says why a value is none that a field of Cilium's can have had before a drill; empty where it may have.
type shape func(f facts.Facts, was any) string

// amount matches what rollingUpdate's fields may be as texts.
var amount = regexp.MustCompile(`^[0-9]{1,2}%$|^100%$`)

func strategyShape(_ facts.Facts, was any) string {
	s, ok := was.(map[string]any)
	if !ok || s["type"] != "RollingUpdate" && s["type"] != "OnDelete" {
		return "that is no update strategy of a DaemonSet"
	}
	for key, v := range s {
		rolling, isMap := v.(map[string]any)
		if key == "type" || key == "rollingUpdate" && v == nil {
			continue
		}
		if key != "rollingUpdate" || !isMap {
			return "that is no update strategy of a DaemonSet: " + key
		}
		for name, n := range rolling {
			number, isNumber := n.(float64)
			text, _ := n.(string)
			if name != "maxUnavailable" && name != "maxSurge" || !(isNumber && number >= 0) && !amount.MatchString(text) {
				return "that is no update strategy of a DaemonSet: " + name
			}
		}
	}
	return ""
}

// labelText matches the value of a label.
var labelText = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)

func labelShape(_ facts.Facts, was any) string {
	if text, ok := was.(string); !ok || !labelText.MatchString(text) {
		return "that is no value of a label that the chart sets"
	}
	return ""
}

func pausedShape(_ facts.Facts, was any) string {
	if was != nil && was != false {
		return "the operator would stay paused"
	}
	return ""
}

// operators is how many pods of the operator are wanted at most, where there are fewer nodes.
const operators = 10

func replicasShape(f facts.Facts, was any) string {
	n, ok := was.(float64)
	if !ok || n < 1 || n != float64(int(n)) || int(n) > max(len(f.Live.Nodes), operators) {
		return fmt.Sprintf("an operator has 1 to %d pods", max(len(f.Live.Nodes), operators))
	}
	return ""
}

// onlyOf holds a journal's plan to the one that was made anew: each of its actions has to be one of p's. Asking a
// controller of Flux's to reconcile changes nothing.
func (j *Journal) onlyOf(p *Plan) error {
	own := slices.Concat(p.Steps, p.Undo)
	for _, s := range slices.Concat(j.Plan.Steps, j.Plan.Undo) {
		i := slices.IndexFunc(own, func(o Step) bool { return o.ID == s.ID })
		if i < 0 {
			return j.foreign("its plan has a step %s, and this drill has none", s.ID)
		}
		for _, a := range s.Do {
			if a.Verb != Reconcile && !slices.ContainsFunc(own[i].Do, func(b Action) bool { return sameAction(a, b) }) {
				return j.foreign("step %s of its plan would %s%s, which this drill does not", s.ID, a.words(), detail(a))
			}
		}
	}
	for _, b := range j.Before {
		if !slices.ContainsFunc(own, func(s Step) bool {
			return slices.ContainsFunc(s.Do, func(a Action) bool { return a.Ref == b.Ref })
		}) {
			return j.foreign("it keeps what %s was, which this drill does not change", b.Ref)
		}
	}
	return nil
}

// sameAction compares what two actions do. Their reasons may be worded otherwise.
func sameAction(a, b Action) bool {
	same := func(x, y json.RawMessage) bool {
		var one, other any
		return len(x) == 0 && len(y) == 0 || json.Unmarshal(x, &one) == nil && json.Unmarshal(y, &other) == nil && reflect.DeepEqual(one, other)
	}
	return a.Verb == b.Verb && a.Ref == b.Ref && a.Manager == b.Manager && a.From == b.From && a.To == b.To && a.File == b.File &&
		a.Absent == b.Absent && slices.Equal(a.Objects, b.Objects) && slices.Equal(a.Same, b.Same) && same(a.Change, b.Change) && same(a.If, b.If)
}

// detail is what an action changes and where, for messages, bounded.
func detail(a Action) string {
	text := ""
	if a.File != "" {
		text += " in " + a.File
	}
	if len(a.Change) > 0 {
		text += ": " + string(a.Change)
	}
	return text[:min(len(text), 200)]
}

// Distrust forgets what a drill's journal says that it showed: who undoes a drill of another process has not seen it.
// What it says went wrong stays.
func (j *Journal) Distrust() {
	if j.Result != nil && j.Result.Outcome == facts.DrillShown {
		j.Result = nil
	}
}
