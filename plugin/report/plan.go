package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// Plan is what flux handover would do to each of some clusters, and why it would not. Its first fields are those of
// all plans together; where there is one cluster, they are that cluster's.
type Plan struct {
	Head     `json:",inline"`
	Cluster  string            `json:"cluster"`            // of all of them, by comma
	Strategy handover.Strategy `json:"strategy,omitempty"` // absent where clusters differ
	Ready    bool              `json:"ready"`              // of each cluster: it can be run, or there is nothing left to do
	Refusals []PlanRefusal     `json:"refusals"`
	Impact   PlanImpact        `json:"impact"`
	Steps    []PlanStep        `json:"steps"`
	Plans    []*handover.Plan  `json:"plans"`
	// Soak and AllowRestart are what the plans were made with.
	Soak         time.Duration `json:"soak"`
	AllowRestart []string      `json:"allowRestart,omitempty"`
	Next         []string      `json:"next,omitempty"` // the command to go on with
}

// PlanRefusal is one reason why a cluster's plan must not be run.
type PlanRefusal struct {
	Cluster          string `json:"cluster"`
	handover.Refusal `json:",inline"`
}

// PlanImpact is what adoption would do to the objects of all clusters.
type PlanImpact struct {
	Summary impact.Summary `json:"summary"`
	Changes []ImpactChange `json:"changes"`
	Unknown []string       `json:"unknown,omitempty"`
}

// PlanStep is one step of a cluster's plan.
type PlanStep struct {
	Cluster       string `json:"cluster"`
	handover.Step `json:",inline"`
}

// NewPlan joins the plans of clusters; run is the command that would execute them, named where all are ready and there
// is something to do.
func NewPlan(plans []*handover.Plan, soak time.Duration, allow []string, run string) Plan {
	doc := Plan{
		Head: head("Plan"), Ready: len(plans) > 0, Refusals: []PlanRefusal{}, Steps: []PlanStep{}, Plans: filled(plans),
		Impact: PlanImpact{Changes: []ImpactChange{}}, Soak: soak, AllowRestart: allow,
	}
	var names []string
	for i := range plans {
		names = append(names, plans[i].Cluster)
		doc.add(plans[i], i == 0)
	}
	doc.Cluster = strings.Join(names, ",")
	if doc.Ready && slices.ContainsFunc(plans, func(p *handover.Plan) bool { return !p.Done }) {
		doc.Next = []string{run}
	}
	return doc
}

func (d *Plan) add(p *handover.Plan, first bool) {
	if first {
		d.Strategy = p.Strategy
	} else if d.Strategy != p.Strategy {
		d.Strategy = ""
	}
	d.Ready = d.Ready && p.Ready
	for _, r := range p.Refusals {
		d.Refusals = append(d.Refusals, PlanRefusal{Cluster: p.Cluster, Refusal: r})
	}
	d.Impact.Summary = d.Impact.Summary.Plus(p.Impact.Summary)
	for _, c := range p.Impact.Changes {
		d.Impact.Changes = append(d.Impact.Changes, ImpactChange{Cluster: p.Cluster, Change: c})
	}
	for _, text := range p.Impact.Unknown {
		d.Impact.Unknown = append(d.Impact.Unknown, p.Cluster+": "+text)
	}
	for _, s := range p.Steps {
		d.Steps = append(d.Steps, PlanStep{Cluster: p.Cluster, Step: s})
	}
}

// Names implements Doc: the objects that a run would write to.
func (d Plan) Names() []string {
	var all []string
	for _, p := range d.Plans {
		for _, t := range p.Touches {
			all = append(all, p.Cluster+"/"+t.Ref.String())
		}
	}
	return all
}

// Table implements Doc: each cluster, then how to go on.
func (d Plan) Table(p *Page, wide bool) {
	for i := range d.Plans {
		planOf{d.Plans[i]}.table(p, wide)
		p.Line("")
	}
	p.Line("%s", d.sentence())
	for _, command := range d.Next {
		p.Line("  %s", command)
	}
}

// doneWord is what clusters are in which nothing is to do.
func (d Plan) doneWord() string {
	if len(d.Plans) > 0 && d.Plans[0].Name == handover.RollbackName {
		return "with nothing to do"
	}
	return "handed over already"
}

// sentence is the answer in words.
func (d Plan) sentence() string {
	var ready, done, refused, unknown int
	for i := range d.Plans {
		switch p := (planOf{d.Plans[i]}); {
		case p.Done:
			done++
		case p.Ready:
			ready++
		case p.Unsure():
			unknown++
		default:
			refused++
		}
	}
	var parts []string
	for _, row := range []struct {
		n    int
		word string
	}{{ready, "ready"}, {done, d.doneWord()}, {refused, "refused"}, {unknown, "not known"}} {
		if row.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", row.n, row.word))
		}
	}
	text := plural(len(d.Plans), "cluster") + ": " + strings.Join(parts, ", ") + "."
	switch {
	case len(d.Next) > 0:
		return text + " Nothing was changed. Run it:"
	case d.Ready:
		return text + " There is nothing to do."
	}
	return text + " Nothing was changed."
}
