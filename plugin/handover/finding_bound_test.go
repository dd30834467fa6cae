package handover_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// stopsHeld runs, which has to stop at that step with the HelmRelease held and nothing upgraded, and gives the reason.
func stopsHeld(t *testing.T, m *model, step string) string {
	t.Helper()
	err := m.run(t)
	var stop *handover.Stop
	if !errors.As(err, &stop) || stop.Step != step || !stop.Frozen {
		t.Fatalf("got %v, want a stop at step %s with Flux's objects suspended", err, step)
	}
	hr := m.objects[releaseRef]
	if hr != nil && !hr.Suspend || m.upgrades > 0 || slices.Contains(m.writes, "resume "+releaseRef.String()+" as flux") {
		t.Fatalf("the HelmRelease was let go: %+v, %d upgrades, %q", hr, m.upgrades, m.writes)
	}
	return stop.Reason
}

// otherwise is what the cluster can have otherwise than what was planned, and what is said of it.
var otherwise = map[string]struct {
	change func(*facts.Intent)
	says   []string
}{
	"values": {func(i *facts.Intent) {
		i.Values, i.Leaves = "sha256:other", map[values.Path]string{"cluster.id": "1", "operator.replicas": "3"}
	}, []string{"values differ at operator.replicas", "sha256:9d1c planned, sha256:other in the cluster"}},
	"post-renderers": {func(i *facts.Intent) {
		i.Spec = map[string]string{"chart": "c1", "upgrade": "u1", "postRenderers": "p"}
	}, []string{"differs at spec: postRenderers"}},
	"another source": {func(i *facts.Intent) { i.Artifact.Of = "OCIRepository/flux-system/charts" },
		[]string{"taken from OCIRepository/flux-system/charts, and HelmRepository/kube-system/cilium-charts was planned"}},
}

// TestFinding_C2_ClusterIsCompared: what Flux would release of the cluster's objects is compared before the HelmRelease is
// let go, and the run stops with it held, whether Flux has the commit or not.
func TestFinding_C2_ClusterIsCompared(t *testing.T) {
	for name, row := range otherwise {
		for _, wired := range []bool{false, true} {
			m := newModel(t)
			m.wired = wired
			row.change(&m.intent)
			reason := stopsHeld(t, m, handover.StepAdopt)
			for _, want := range append(row.says, "kubectl cilium-gitops diff --from git --to cluster", "flux handover rollback") {
				if !strings.Contains(reason, want) {
					t.Errorf("%s, wired %t: %q does not say %q", name, wired, reason, want)
				}
			}
			// Going on does not get around it, and ends well when the cluster has what was planned.
			stopsHeld(t, m, handover.StepAdopt)
			m.intent = planned()
			if err := m.run(t); err != nil || m.upgrades != 1 {
				t.Errorf("%s, wired %t: as planned again: %v, %d upgrades", name, wired, err, m.upgrades)
			}
		}
	}
}

// TestFinding_C2_Converges: what cannot be seen, or is not there yet, is waited for, and is no pass.
func TestFinding_C2_Converges(t *testing.T) {
	m := newModel(t)
	m.unseen = `compose the values: configmaps "cilium-values" not found`
	if reason := stopsHeld(t, m, handover.StepAdopt); !strings.Contains(reason, `"cilium-values" not found`) {
		t.Error(reason)
	}
	m = newModel(t)
	m.wired, m.intent.Values = true, "sha256:older"
	looks := 0
	m.events = func(m *model) {
		if looks++; looks > 3 && m.objects[releaseRef] != nil {
			m.intent = planned() // kustomize-controller has applied the ConfigMap
		}
	}
	if err := m.run(t); err != nil || m.upgrades != 1 {
		t.Errorf("%v, %d upgrades", err, m.upgrades)
	}
}

// stoppedInProof is a cluster whose run stopped after the adoption.
func stoppedInProof(t *testing.T) *model {
	t.Helper()
	m := newModel(t)
	m.fault = func(_ int, what string) fault {
		if j, err := m.Load(t.Context()); err == nil && j != nil && what == "save" {
			if s := j.Step(handover.StepProof); s != nil && !s.Began.IsZero() && s.Ended.IsZero() {
				m.fault = nil
				return lost
			}
		}
		return none
	}
	if err := m.run(t); err == nil || m.upgrades != 1 || !m.objects[releaseRef].Suspend {
		t.Fatalf("not stopped in the proof: %v, %d upgrades", err, m.upgrades)
	}
	return m
}

// TestFinding_C2_GoingOnAfterTheAdoption: a run that stopped after the adoption lets the HelmRelease go only while the
// cluster has what was planned.
func TestFinding_C2_GoingOnAfterTheAdoption(t *testing.T) {
	m := stoppedInProof(t)
	resumes := func() (n int) {
		for _, w := range m.writes {
			if strings.HasPrefix(w, "resume "+releaseRef.String()) {
				n++
			}
		}
		return n
	}
	before := resumes()
	m.intent.Values = "sha256:other"
	if err := m.run(t); err == nil || !strings.Contains(err.Error(), "sha256:other in the cluster") || resumes() != before {
		t.Fatalf("let go: %v, %d resumes before and %d after", err, before, resumes())
	}
	m.intent = planned()
	if err := m.run(t); err != nil || m.objects[releaseRef].Suspend {
		t.Error(err)
	}
}

// TestFinding_C2_ReleasedIsCompared: what Flux says that it has released is part of the proof.
func TestFinding_C2_ReleasedIsCompared(t *testing.T) {
	m := newModel(t)
	m.events = func(m *model) {
		if hr := m.objects[releaseRef]; hr != nil && !hr.Suspend {
			m.intent.Values = "sha256:raced"
		}
	}
	m.fault = func(_ int, what string) fault {
		if what == "resume HelmRelease" {
			m.intent.Values = "sha256:raced" // somebody edits it in the very moment
		}
		return none
	}
	err := m.run(t)
	if err == nil || !strings.Contains(err.Error(), "Flux released values sha256:raced, and sha256:9d1c were planned") {
		t.Errorf("got %v", err)
	}
}

// TestFinding_C2_Inputs: what values and variables come from is compared before anything is planned to be done.
func TestFinding_C2_Inputs(t *testing.T) {
	from := facts.Input{
		GitPlace: facts.GitPlace{File: "core/values.yaml", Line: 3}, Ref: "ConfigMap/kube-system/cilium-values",
		For: "HelmRelease/kube-system/cilium", By: "flux-system/cilium-core", Differs: []string{"values.yaml"},
	}
	for _, wired := range []bool{false, true} {
		m := newModel(t)
		m.wired = wired
		m.spoil = func(in *handover.Input) { takes(in, from) }
		p := handover.Make(m.input())
		i := slices.IndexFunc(p.Refusals, func(r handover.Refusal) bool { return r.ID == "HP120" })
		if wired {
			if i >= 0 {
				t.Errorf("step wire brings it: %+v", p.Refusals[i])
			}
			continue
		}
		if i < 0 || p.Ready {
			t.Fatalf("not pushed, and ready: %+v", p.Refusals)
		}
		if e := p.Refusals[i].Evidence[0]; !strings.Contains(e.Where, "core/values.yaml:3 ConfigMap/kube-system/cilium-values") || !strings.Contains(e.Got, "values.yaml") {
			t.Errorf("%+v", e)
		}
	}
	// Another Kustomization's object, and variables whoever applies them, are not waited for.
	for id, other := range map[string]facts.Input{
		"HP120": {Ref: from.Ref, For: from.For, By: "flux-system/apps", Missing: true},
		"HP121": {Ref: "Secret/flux-system/net", For: "Kustomization/flux-system/cilium-core", By: "flux-system/cilium-core", Differs: []string{"HOST"}},
	} {
		m := newModel(t)
		m.wired = true
		m.spoil = func(in *handover.Input) { takes(in, other) }
		if p := handover.Make(m.input()); p.Ready || !slices.ContainsFunc(p.Refusals, func(r handover.Refusal) bool { return r.ID == id }) {
			t.Errorf("%s: ready %t, %+v", id, p.Ready, p.Refusals)
		}
	}
}

var ociRef = handover.Ref{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "OCIRepository", Namespace: "kube-system", Name: "cilium-charts"}

// fromOCI has the chart come from an OCIRepository, which has fetched that.
func fromOCI(m *model, revision string) {
	m.chart.Kind, m.chart.Revision = "OCIRepository", revision
	m.source = ociRef
	artifact := facts.Artifact{Of: "OCIRepository/kube-system/cilium-charts", Version: "1.18.2", Manifest: "sha256:0c34"}
	m.intent.Artifact = artifact
	m.spoil = func(in *handover.Input) {
		in.Source.Ref = ociRef
		r, i := *in.Facts.Rendered, *in.Facts.Rendered.Intent
		i.Artifact, r.Intent = artifact, &i
		in.Facts.Rendered = &r
	}
}

// TestFinding_H12_SourceHasTheRenderedChart: a source that has another chart than the rendered one, tag moved or range
// resolved otherwise, stops the run before the HelmRelease is placed.
func TestFinding_H12_SourceHasTheRenderedChart(t *testing.T) {
	m := newModel(t)
	fromOCI(m, "1.18.1@sha256:beef")
	reason := stopsHeld(t, m, handover.StepSource)
	for _, want := range []string{"1.18.1 sha256:beef", "1.18.2 sha256:0c34 was rendered", "flux reconcile source oci cilium-charts -n kube-system"} {
		if !strings.Contains(reason, want) {
			t.Errorf("%q does not say %q", reason, want)
		}
	}
	if m.objects[releaseRef] != nil {
		t.Error("the HelmRelease was placed")
	}
	if !slices.Contains(m.writes, "reconcile "+ociRef.String()+" as flux") {
		t.Errorf("the source was not asked to fetch: %q", m.writes)
	}
	m.chart.Revision = "1.18.2@sha256:0c34"
	if err := m.run(t); err != nil || m.upgrades != 1 {
		t.Errorf("with the rendered chart: %v", err)
	}
}

// TestFinding_H12_MovesBeforeAdopt: the chart is compared again before the HelmRelease is let go.
func TestFinding_H12_MovesBeforeAdopt(t *testing.T) {
	m := newModel(t)
	fromOCI(m, "1.18.2@sha256:0c34")
	m.intent.Artifact.Manifest = "sha256:beef"
	if reason := stopsHeld(t, m, handover.StepAdopt); !strings.Contains(reason, "sha256:beef, and 1.18.2 sha256:0c34 was rendered") {
		t.Error(reason)
	}
}

// TestFinding_H12_AnsweredRequest: what a source had before it was asked is not taken for what it has.
func TestFinding_H12_AnsweredRequest(t *testing.T) {
	m := newModel(t)
	p := handover.Make(m.input())
	f := m.facts()
	f.Seen = []facts.Part{facts.Sources}
	s := m.chart
	f.Live.Sources = []facts.Source{s}
	if ok, why := handover.SourceReady.Holds(p, nil, f); ok {
		t.Errorf("never asked: %s", why)
	}
	s.RequestedAt, s.HandledReconcileAt = "now", "before"
	f.Live.Sources = []facts.Source{s}
	if ok, why := handover.SourceReady.Holds(p, nil, f); ok {
		t.Errorf("not answered: %s", why)
	}
	s.HandledReconcileAt = "now"
	f.Live.Sources = []facts.Source{s}
	if ok, why := handover.SourceReady.Holds(p, nil, f); !ok {
		t.Error(why)
	}
}

// TestFinding_H12_HelmChart: of a HelmRepository the chart's bytes are compared as soon as Flux has fetched them.
func TestFinding_H12_HelmChart(t *testing.T) {
	for digest, fine := range map[string]bool{"sha256:0c34": true, "sha256:beef": false} {
		m := newModel(t)
		m.made = &facts.Source{Kind: "HelmChart", Namespace: "kube-system", Name: "kube-system-cilium", Revision: "1.18.2", Digest: digest}
		err := m.run(t)
		if fine != (err == nil) {
			t.Errorf("%s: %v", digest, err)
		}
		if err != nil && (!strings.Contains(err.Error(), "1.18.2 sha256:beef, and sha256:0c34 was rendered") || !m.objects[releaseRef].Suspend) {
			t.Errorf("%s: %v", digest, err)
		}
	}
}

// TestFinding_H12_ExactVersion: a range is refused where nothing pins it, and accepted where a digest does.
func TestFinding_H12_ExactVersion(t *testing.T) {
	for _, row := range []struct {
		kind, version string
		refused       bool
	}{
		{"HelmRepository", "1.18.x", true}, {"HelmRepository", "", true}, {"HelmRepository", ">=1.18.0", true}, {"HelmRepository", "1.18", true},
		{"HelmRepository", "1.18.2", false}, {"HelmRepository", "v1.18.2-rc.1+a", false}, {"OCIRepository", "1.18.x", false}, {"GitRepository", "", false},
	} {
		in := newModel(t).input()
		tree(&in).Chart = facts.GitChart{Kind: row.kind, Name: "cilium", Version: row.version}
		p := handover.Make(in)
		if got := slices.ContainsFunc(p.Refusals, func(r handover.Refusal) bool { return r.ID == "HP122" }); got != row.refused {
			t.Errorf("%s %q: refused %t: %+v", row.kind, row.version, got, p.Refusals)
		}
	}
}

// TestFinding_M24_Applied: a commit that kustomize-controller has attempted is not yet one that it has applied.
func TestFinding_M24_Applied(t *testing.T) {
	m := newModel(t)
	m.wired, m.building = true, true
	if reason := stopsHeld(t, m, handover.StepWire); !strings.Contains(reason, "has not applied commit 4f1c2d yet") {
		t.Error(reason)
	}
	m.building = false
	if err := m.run(t); err != nil || m.upgrades != 1 {
		t.Error(err)
	}
}

// TestFinding_M24_Evidence is what shows that a commit is applied, and what does not.
func TestFinding_M24_Evidence(t *testing.T) {
	const commit = "main@sha1:4f1c2d"
	reconciling := func(message string, generation int64) []facts.Condition {
		return []facts.Condition{
			{Type: "Ready", Status: "Unknown", Reason: "Progressing"},
			{Type: "Reconciling", Status: "True", Reason: "Progressing", Message: message, ObservedGeneration: generation},
		}
	}
	ready := []facts.Condition{{Type: "Ready", Status: "True"}}
	for name, row := range map[string]struct {
		ks   facts.FluxKustomization
		want bool
	}{
		"fetching":              {facts.FluxKustomization{Conditions: reconciling("Fetching manifests for revision "+commit+" with a timeout of 5m0s", 2)}, false},
		"building":              {facts.FluxKustomization{AttemptedRevision: commit, Conditions: reconciling("Building manifests for revision "+commit+" with a timeout of 5m0s", 2)}, false},
		"detecting drift":       {facts.FluxKustomization{AttemptedRevision: commit, Conditions: reconciling("Detecting drift for revision "+commit+" with a timeout of 5m0s", 2)}, false},
		"health checks":         {facts.FluxKustomization{AttemptedRevision: commit, Conditions: reconciling("Running health checks for revision "+commit+" with a timeout of 5m0s", 2)}, true},
		"of an older spec":      {facts.FluxKustomization{AttemptedRevision: commit, Conditions: reconciling("Running health checks for revision "+commit+" with a timeout of 5m0s", 1)}, false},
		"of another commit":     {facts.FluxKustomization{Conditions: reconciling("Running health checks for revision main@sha1:4f1c2d9 with a timeout of 5m0s", 2)}, false},
		"applied before":        {facts.FluxKustomization{AppliedRevision: commit, ObservedGeneration: 2, RequestedAt: "now", HandledReconcileAt: "before", Conditions: ready}, false},
		"never asked":           {facts.FluxKustomization{AppliedRevision: commit, ObservedGeneration: 2, Conditions: ready}, false},
		"an older spec applied": {facts.FluxKustomization{AppliedRevision: commit, ObservedGeneration: 1, RequestedAt: "now", HandledReconcileAt: "now", Conditions: ready}, false},
		"applied":               {facts.FluxKustomization{AppliedRevision: commit, ObservedGeneration: 2, RequestedAt: "now", HandledReconcileAt: "now", Conditions: ready}, true},
	} {
		m := newModel(t)
		m.wired = true
		p := handover.Make(m.input())
		if err := m.run(t); err != nil {
			t.Fatal(err)
		}
		m.objects[releaseRef].Suspend = true
		f := m.facts()
		f.Seen = handover.Wired.Parts()
		row.ks.Namespace, row.ks.Name, row.ks.Generation = "flux-system", "cilium-core", 2
		f.Live.Kustomizations = []facts.FluxKustomization{row.ks}
		if ok, why := handover.Wired.Holds(p, nil, f); ok != row.want {
			t.Errorf("%s: %t, %s", name, ok, why)
		}
	}
}

// TestFinding_C2_ResumeOfOtherValues: a run whose adoption has begun is not gone on with where the tree, with what the
// cluster adds to it, comes to other values by now.
func TestFinding_C2_ResumeOfOtherValues(t *testing.T) {
	m := stoppedInProof(t)
	j, err := m.Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in := m.input()
	if _, err := handover.Again(in, j); err != nil {
		t.Fatal(err)
	}
	in.Facts.Rendered.Intent.Values = "sha256:another"
	if _, err := handover.Again(in, j); err == nil || !strings.Contains(err.Error(), "values sha256:another, and it began with sha256:9d1c") {
		t.Errorf("got %v", err)
	}
}

// TestFinding_C2_ReleasedBefore: what a HelmRelease released before the run, and was held since, says nothing of this one.
func TestFinding_C2_ReleasedBefore(t *testing.T) {
	m := newModel(t)
	p := handover.Make(m.input())
	f := m.facts()
	f.Seen = handover.AsReleased.Parts()
	for version, want := range map[int64]bool{1: true, 2: false} {
		f.Live.HelmReleases = []facts.HelmRelease{{
			Namespace: "kube-system", Name: "cilium", ConfigDigest: "sha256:old", History: []facts.Snapshot{{Version: version, ChartVersion: "1.18.1"}},
		}}
		if ok, why := handover.AsReleased.Holds(p, &handover.Journal{Revision: 1}, f); ok != want {
			t.Errorf("revision %d after revision 1: %t, %s", version, ok, why)
		}
	}
}
