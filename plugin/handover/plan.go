package handover

import (
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// Strategy is a way to bring Cilium under Flux.
type Strategy string

// The strategies.
const (
	Adopt     Strategy = "adopt"     // Helm's record is there: Flux upgrades the release
	TakeOver  Strategy = "take-over" // there is no record: Flux installs over what runs and takes ownership
	Reinstall Strategy = "reinstall" // remove and install: the network is gone in between
)

// Strategies are all, the gentlest first.
func Strategies() []Strategy { return []Strategy{Adopt, TakeOver, Reinstall} }

// Weighed is what a plan thinks of one strategy.
type Weighed struct {
	Strategy Strategy `json:"strategy"`
	Possible bool     `json:"possible"`
	Chosen   bool     `json:"chosen,omitempty"`
	Why      string   `json:"why"`
}

// Object is one object that the working tree gives the cluster, as kustomize-controller would apply it. Nothing of it
// is masked.
type Object struct {
	Ref

	Body map[string]any
	By   string // the Kustomization that applies it, "namespace/name"
}

// Input is what a plan is made from.
type Input struct {
	Facts facts.Facts // with what Parts names, Rendered and Git
	// Source, HelmRelease and Kustomization are the tree's, nil where it has none.
	Source, HelmRelease, Kustomization *Object
	// Unrendered says why Facts.Rendered is not there; Helmfile is the fleet's, that bootstrapped.
	Unrendered, Helmfile string
	Strategy             Strategy // empty: the gentlest that is possible
	// Allow are the objects of which the user accepts by name what the adoption does to them, a restart of their pods
	// too: "DaemonSet/cilium".
	Allow []string
	Soak  time.Duration
}

// Plan is what a run would do to one cluster. It can be printed, saved and reviewed, and is the very thing that Runner
// executes.
type Plan struct {
	// Name is what the plan is: "handover", "rollback", "drill drift-object".
	Name     string   `json:"name"`
	Cluster  string   `json:"cluster"`
	Context  string   `json:"context,omitempty"`
	Server   string   `json:"server,omitempty"`
	UID      string   `json:"uid,omitempty"` // of Namespace kube-system: which cluster this is, whatever it is called
	Strategy Strategy `json:"strategy"`
	// Done: Flux has adopted the release already, and there is nothing to do.
	Done  bool `json:"done,omitempty"`
	Ready bool `json:"ready"`
	// Weighed says of each strategy whether it is possible.
	Weighed  []Weighed `json:"strategies"`
	Refusals []Refusal `json:"refusals"`
	// Notes are what a person should know, and what stops nothing.
	Notes []string `json:"notes,omitempty"`
	// Verdicts are the checks that the plan was judged by.
	Verdicts []check.Verdict `json:"-"`
	Impact   Impact          `json:"impact"`
	// Accepted are the objects that the user accepted by name, and that the plan's outcome concerns: pods of theirs are
	// replaced, or their contents change. All others are guarded.
	Accepted []string `json:"accepted,omitempty"`
	Steps    []Step   `json:"steps"`
	// Undo are the steps that put everything back, whatever became of Steps: a drill's.
	Undo []Step `json:"undo,omitempty"`
	// Release and Wiring are the HelmRelease and the Kustomization that are suspended when a run stops; empty where
	// there is nothing to suspend.
	Release Ref `json:"release,omitzero"`
	Wiring  Ref `json:"wiring,omitzero"`
	// Drill is what a drill's plan has besides.
	Drill *DrillPlan `json:"drill,omitempty"`
	// Touches are all objects that a run writes to, its own Lease and journal among them.
	Touches []Touch `json:"touches"`
	World   State   `json:"world"`
	// Digest is the SHA-256 of what the steps do, bodies included: a run that goes on has to have the same.
	Digest string `json:"digest"`
	// Next are the commands to go on with.
	Next []string `json:"next,omitempty"`

	also    []Right       // what a run reads besides
	replace []string      // of a run that is gone on with: the steps whose objects are not there
	intent  *facts.Intent // what was rendered, to say where the cluster's differs
}

// Impact is what the adoption would do to the release's objects.
type Impact struct {
	Summary impact.Summary  `json:"summary"`
	Changes []impact.Change `json:"changes"`
	// Unknown says what could not be known.
	Unknown []string `json:"unknown,omitempty"`
}

// Refusal is one reason why a plan must not be run.
type Refusal struct {
	// ID is a check's, or one of the plan's own: "HP101".
	ID       string           `json:"id"`
	Reason   string           `json:"reason"`
	Hint     string           `json:"hint"`
	Evidence []check.Evidence `json:"evidence,omitempty"`
	// Unknown: it is not known to be wrong, but could not be seen.
	Unknown bool `json:"unknown,omitempty"`
}

// Touch is one object that a run writes to.
type Touch struct {
	Ref   Ref      `json:"ref"`
	Verbs []string `json:"verbs"` // of the API: create, patch, update, delete
	As    []string `json:"as"`    // field managers
}

// State is the world that a plan was made for. A run refuses where it has changed.
type State struct {
	Revision     int    `json:"revision"`               // of Helm's newest record; 0: none
	Status       string `json:"status,omitempty"`       // its
	ChartVersion string `json:"chartVersion,omitempty"` // that Flux would apply, with the suffix of its digest
	Values       string `json:"values,omitempty"`       // digest of the values that Flux would compose
	Nodes        int    `json:"nodes"`
	Version      string `json:"version,omitempty"` // of the API server
	Tree         string `json:"tree,omitempty"`    // the commit that is checked out
	Pods         string `json:"pods,omitempty"`    // digest of the pods' UIDs and restarts
	// Places are the same, node by node, and for pods that are bound to no node by their workload: see placesOf.
	Places map[string]string `json:"places,omitempty"`
	Spec   string            `json:"spec,omitempty"` // digest of what else of the HelmRelease decides what is released
	// Chart is the one that was rendered: what its source has to have.
	Chart facts.Artifact `json:"chart,omitzero"`
	// Own: Helm's newest record is the newest release of the HelmRelease, which is held: Flux need not upgrade it.
	Own bool `json:"own,omitempty"`
}

// Step is one stretch of a run: writes, and what has to hold before it is over.
type Step struct {
	ID    string   `json:"id"`
	Title string   `json:"title"`
	Do    []Action `json:"do,omitempty"` // none: only wait
	Until []Want   `json:"until,omitempty"`
	// Before has to hold when the step begins, and is not waited for.
	Before []Want `json:"before,omitempty"`
	// Once has to hold before anything is done, and is waited for: what a run that goes on has let go is not yet at work.
	Once  []Want     `json:"once,omitempty"`
	Guard []check.ID `json:"guard,omitempty"` // stop when one fails meanwhile
	// While has to hold all the time; what cannot be seen is no reason to stop.
	While []Want `json:"while,omitempty"`
	// Patient are guards that may fail for a moment.
	Patient []check.ID    `json:"patient,omitempty"`
	Within  time.Duration `json:"within"` // stop when Until does not hold by then
	// Settle are objects that have to be current, as kstatus has it, before Until is judged.
	Settle []Ref `json:"settle,omitempty"`
	// Rolls are workloads whose pods the step replaces, as was accepted: meanwhile fewer of them are ready.
	Rolls []string `json:"rolls,omitempty"`
	// For is how long Until has to hold; 0: once is enough.
	For time.Duration `json:"for,omitempty"`
}

// The steps of a run, in their order.
const (
	StepPreflight = "preflight"
	StepBackup    = "backup"
	StepSource    = "source"
	StepHold      = "hold"
	StepWire      = "wire"
	StepAdopt     = "adopt"
	StepFields    = "fields"
	StepProof     = "proof"
	StepSoak      = "soak"
)

// The names of plans; a drill's is DrillName and its own.
const (
	HandoverName = "handover"
	RollbackName = "rollback"
	DrillName    = "drill "
)

// Step finds one by its ID, among those that undo too; nil where the plan has none.
func (p *Plan) Step(id string) *Step {
	for _, steps := range [][]Step{p.Steps, p.Undo} {
		if i := slices.IndexFunc(steps, func(s Step) bool { return s.ID == id }); i >= 0 {
			return &steps[i]
		}
	}
	return nil
}

// Right is something that a run has to be allowed to do.
type Right struct {
	Verb      string `json:"verb"`
	Group     string `json:"group,omitempty"`
	Resource  string `json:"resource"`
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
}
