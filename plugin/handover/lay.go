package handover

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// The objects that a run keeps in Flux's namespace: its lock and its journal.
const (
	LeaseName   = "cilium-gitops-handover"
	JournalName = "cilium-gitops-handover"
	// JournalParts is how many ConfigMaps more a journal may have, of a cluster of thousands of nodes: JournalPart.
	JournalParts = 8
)

// JournalPart is the name of the ConfigMap with that number, from 1 on, of a journal's.
func JournalPart(journal string, n int) string { return fmt.Sprintf("%s-%d", journal, n) }

// isJournal tells whether a ConfigMap is a handover's journal, or a part of it.
func isJournal(name string) bool {
	for n := range JournalParts {
		if name == JournalPart(JournalName, n+1) {
			return true
		}
	}
	return name == JournalName
}

// DefaultSoak is how long a cluster is watched after its adoption.
const DefaultSoak = 10 * time.Minute

// slack is what a step is given beyond what Flux gives itself.
const slack = 2 * time.Minute

// hardGuards stop a run at once: what they say cannot be mended by waiting. softGuards may fail for a moment.
var (
	hardGuards = []check.ID{"CG401", "CG405"}
	softGuards = []check.ID{"CG402", "CG403", "CG404"}
)

// lay puts the steps together. What they do depends on the tree alone; which steps there are, on the world at the
// beginning, which a run that goes on has from its journal.
func (p *Plan) lay(in *Input, j *Journal) {
	if r := in.Facts.Rendered; r != nil {
		p.intent = r.Intent
	}
	wanted := func(id string, now bool) bool {
		if j == nil {
			return now
		}
		return j.Step(id) != nil
	}
	p.Steps = append(p.Steps,
		Step{ID: StepPreflight, Title: "preflight", Before: []Want{SameWorld}, Within: time.Minute},
		Step{ID: StepBackup, Title: "baseline and backup", Within: slack},
	)
	if in.Source != nil && wanted(StepSource, true) {
		p.Steps = append(p.Steps, p.source(in))
	}
	p.Steps = append(p.Steps, p.hold(in))
	if in.Kustomization != nil && wanted(StepWire, pushed(in) && wires(in)) {
		p.Steps = append(p.Steps, p.wire(in))
	}
	p.Steps = append(p.Steps, p.adopt(in))
	if r := in.Facts.Rendered; wanted(StepFields, r != nil && r.Method == facts.ServerSide) {
		p.Steps = append(p.Steps, p.fields(in, j))
	}
	p.Steps = append(p.Steps,
		Step{
			ID: StepProof, Title: "proof", Settle: workloads(in.Facts), Until: p.again(Released, Whole), While: []Want{Acting, AsReleased}, Guard: hardGuards, Patient: softGuards,
			Rolls: p.Accepted, Within: p.patience(),
		},
		Step{
			ID: StepSoak, Title: "soak", Until: []Want{Released}, While: []Want{Acting, AsReleased}, Guard: hardGuards, Patient: softGuards,
			For: in.Soak, Within: in.Soak + slack,
		},
	)
	p.Release = in.HelmRelease.Ref
	if in.Kustomization != nil && shared(in) == "" {
		p.Wiring = in.Kustomization.Ref
	}
	p.seal()
	p.Touches = p.touches(in)
}

// source places what the chart comes from, and waits until Flux has fetched it.
func (p *Plan) source(in *Input) Step {
	o := in.Source
	s := Step{ID: StepSource, Title: "source", Until: []Want{SourceReady}, Guard: hardGuards, Within: 3 * time.Minute}
	s.Do = []Action{applying(o.Ref, labelled(o), KustomizeController, "as Flux will apply it from Git")}
	if settles(o) {
		s.Do = append(s.Do, Action{Verb: Reconcile, Ref: o.Ref, Manager: FluxCLI, Why: "what it has may be older than what was rendered"})
		s.While = []Want{SameChart}
		s.Settle = []Ref{o.Ref}
	}
	return s
}

// settles tells whether an object's controller ever says that it is ready. A HelmRepository of type oci is static.
func settles(o *Object) bool {
	spec, _ := o.Body["spec"].(map[string]any)
	return o.Kind != "HelmRepository" || spec["type"] != "oci"
}

// hold places the HelmRelease suspended. It is made by flux, all of it, so that there is no moment in which it exists
// and is not suspended; then kustomize-controller owns it as if it had applied it from Git, and flux nothing but the
// suspension, which Git does not have and therefore does not undo.
func (p *Plan) hold(in *Input) Step {
	o := in.HelmRelease
	body := labelled(o)
	held := suspended(body)
	first := applying(o.Ref, held, FluxCLI, "created suspended")
	first.Absent = true
	return Step{
		ID: StepHold, Title: "hold", Until: []Want{Held}, Guard: hardGuards, Within: time.Minute,
		Do: []Action{
			first,
			{Verb: Suspend, Ref: o.Ref, Manager: FluxCLI, Why: "whoever made it"},
			applying(o.Ref, body, KustomizeController, "as Flux will apply it from Git"),
			applying(o.Ref, only(body, map[string]any{"suspend": true}), FluxCLI, "the suspension alone stays ours"),
		},
	}
}

// wire lets Flux apply the HelmRelease from Git, which stays held meanwhile. A Kustomization that applies more is asked to
// reconcile, and nothing else: whether it exists, what it says and whether it is suspended is not this run's.
func (p *Plan) wire(in *Input) Step {
	o := in.Kustomization
	s := Step{ID: StepWire, Title: "wire", Until: []Want{Wired}, While: []Want{StillHeld}, Guard: hardGuards, Within: 3 * time.Minute}
	if sharesInTree(in) != "" {
		s.Do = []Action{{Verb: Reconcile, Ref: o.Ref, Manager: FluxCLI, Why: "now"}}
		return s
	}
	s.Do = []Action{
		applying(o.Ref, labelled(o), KustomizeController, "as Flux will apply it from Git"),
		{Verb: Resume, Ref: o.Ref, Manager: FluxCLI, Why: "where it was suspended"},
		{Verb: Reconcile, Ref: o.Ref, Manager: FluxCLI, Why: "now"},
	}
	return s
}

// adopt lets the HelmRelease go.
func (p *Plan) adopt(in *Input) Step {
	return Step{
		ID: StepAdopt, Title: "adopt", Before: []Want{StillHeld, Unmoved, Held}, Until: []Want{Released}, While: []Want{Acting, AsReleased},
		Guard: hardGuards, Patient: []check.ID{"CG402", "CG404"}, Rolls: p.Accepted, Within: timeout(in) + slack,
		Do: []Action{{Verb: Resume, Ref: in.HelmRelease.Ref, Manager: FluxCLI, Why: "from here on Flux manages the release"}},
	}
}

// fields ends the co-ownership that a server-side bootstrap leaves behind.
func (p *Plan) fields(in *Input, j *Journal) Step {
	var objects []Ref
	if j != nil {
		objects = j.Objects
	} else {
		for _, o := range in.Facts.Rendered.After {
			objects = append(objects, Ref{APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name})
		}
	}
	return Step{
		ID: StepFields, Title: "fields", Once: []Want{Released}, Until: []Want{OneOwner}, While: []Want{Acting, AsReleased},
		Guard: hardGuards, Patient: softGuards, Rolls: p.Accepted, Within: slack,
		Do: []Action{{
			Verb: HandFields, From: HelmCLI, Manager: HelmController, Objects: objects,
			Why: "else what is removed in Git stays in the cluster",
		}},
	}
}

// timeout is how long the HelmRelease gives an upgrade; Flux's default is five minutes.
func timeout(in *Input) time.Duration {
	if r := in.Facts.Git.Cilium(); r != nil {
		for _, text := range []string{r.Upgrade.Timeout, r.Timeout} {
			if d, err := time.ParseDuration(text); err == nil && d > 0 {
				return d
			}
		}
	}
	return 5 * time.Minute
}

// pushed tells whether Flux has the very commit that is checked out, from the source of the tree's Kustomization.
func pushed(in *Input) bool {
	ks := in.Facts.Git.Kustomization(in.Kustomization.Namespace + "/" + in.Kustomization.Name)
	if ks == nil || in.Facts.Git.Revision == "" {
		return false
	}
	return slices.ContainsFunc(in.Facts.Live.Sources, func(s facts.Source) bool {
		return s.Ref() == ks.Source && strings.HasSuffix(s.Revision, ":"+in.Facts.Git.Revision)
	})
}

// labelled is an object with the labels by which Flux knows who applies it.
func labelled(o *Object) map[string]any {
	namespace, name, ok := strings.Cut(o.By, "/")
	if !ok {
		return o.Body
	}
	body := maps.Clone(o.Body)
	meta, _ := body["metadata"].(map[string]any)
	meta = maps.Clone(meta)
	labels, _ := meta["labels"].(map[string]any)
	labels = maps.Clone(labels)
	if labels == nil {
		labels = map[string]any{}
	}
	labels["kustomize.toolkit.fluxcd.io/name"], labels["kustomize.toolkit.fluxcd.io/namespace"] = name, namespace
	meta["labels"], body["metadata"] = labels, meta
	return body
}

func suspended(body map[string]any) map[string]any {
	body = maps.Clone(body)
	spec, _ := body["spec"].(map[string]any)
	spec = maps.Clone(spec)
	if spec == nil {
		spec = map[string]any{}
	}
	spec["suspend"], body["spec"] = true, spec
	return body
}

// only is an object of body's name with that spec and nothing else.
func only(body, spec map[string]any) map[string]any {
	meta, _ := body["metadata"].(map[string]any)
	return map[string]any{
		"apiVersion": body["apiVersion"], "kind": body["kind"], "spec": spec,
		"metadata": map[string]any{"name": meta["name"], "namespace": meta["namespace"]},
	}
}

// workloads are Cilium's, of which it is asked whether they are current.
func workloads(f facts.Facts) []Ref {
	var all []Ref
	own := f.Workloads()
	for _, w := range slices.Concat(f.Live.DaemonSets, f.Live.Deployments, f.Live.StatefulSets) {
		if own.Has(w.Key()) {
			all = append(all, Ref{APIVersion: "apps/v1", Kind: w.Kind, Namespace: w.Namespace, Name: w.Name})
		}
	}
	return all
}
