package report

import (
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// Outcomes of a drill on a cluster, beside those that facts.DrillOutcome has.
const (
	DrillRefused  facts.DrillOutcome = "refused"    // nothing was changed
	DrillUnseen   facts.DrillOutcome = "unknown"    // something could not be seen, and nothing was changed
	DrillLocked   facts.DrillOutcome = "locked"     // somebody else is at it
	DrillUndone   facts.DrillOutcome = "undone"     // what another process had left of it
	DrillNotDone  facts.DrillOutcome = "not undone" // something is not as it was yet
	DrillNotBegun facts.DrillOutcome = "not begun"  // since one before it was not undone, or refused
)

// Drills is what drills came to on some clusters.
type Drills struct {
	Head   `json:",inline"`
	Drills []DrillDone `json:"drills"`
	Next   []string    `json:"next,omitempty"` // commands to go on with
}

// DrillDone is what one drill came to on one cluster.
type DrillDone struct {
	Cluster  string                `json:"cluster"`
	Context  string                `json:"context,omitempty"`
	Name     string                `json:"name"`
	Check    check.ID              `json:"check,omitempty"` // the one that judges it
	Run      string                `json:"run,omitempty"`
	Outcome  facts.DrillOutcome    `json:"outcome"`
	At       time.Time             `json:"at,omitzero"`
	Took     time.Duration         `json:"took,omitempty"` // until what was to be seen was seen
	Lasted   time.Duration         `json:"lasted,omitempty"`
	Text     string                `json:"text,omitempty"`
	Refusals []handover.Refusal    `json:"refusals,omitempty"`
	Notes    []string              `json:"notes,omitempty"`
	Seen     []handover.PodEvent   `json:"seen,omitempty"` // changes of pods
	Steps    []handover.StepRecord `json:"steps,omitempty"`
	// Streams are the connections that were measured meanwhile; nil where none were.
	Streams *facts.Streams `json:"streams,omitempty"`
}

// NewDrills joins what drills came to; next are the commands to go on with.
func NewDrills(drills []DrillDone, next []string) Drills {
	return Drills{Head: head("Drills"), Drills: filled(drills), Next: next}
}

// Names implements Doc: each cluster, drill and outcome.
func (d Drills) Names() []string {
	var all []string
	for _, r := range d.Drills {
		all = append(all, r.Cluster+" "+r.Name+" "+strings.ReplaceAll(string(r.Outcome), " ", "-"))
	}
	return all
}

// Table implements Doc.
func (d Drills) Table(p *Page, wide bool) {
	var rows [][]string
	for _, r := range d.Drills {
		rows = append(rows, []string{r.Cluster, r.Name, p.Paint(r.judged(), string(r.Outcome)), brief(r.Took), brief(r.Lasted), string(r.Check)})
	}
	if len(rows) > 0 {
		p.Rows([]string{"CLUSTER", "DRILL", "OUTCOME", "SHOWN IN", "LASTED", "CHECK"}, rows)
	}
	for _, r := range d.Drills {
		r.details(p, wide)
	}
	if len(d.Next) > 0 {
		p.Line("")
		p.Line("How to go on:")
	}
	for _, command := range d.Next {
		p.Line("  %s", command)
	}
}

func brief(d time.Duration) string {
	if d <= 0 {
		return none
	}
	return span(d)
}

// judged is how well it went.
func (r DrillDone) judged() check.Outcome {
	switch r.Outcome {
	case facts.DrillShown, DrillUndone:
		return check.Pass
	case DrillNotBegun:
		return check.Skip
	case facts.DrillStopped:
		return check.Warn
	case DrillUnseen:
		return check.Unknown
	}
	return check.Fail
}

func (r DrillDone) details(p *Page, wide bool) {
	if r.Text != "" {
		p.Line("")
		p.Prose(0, r.Cluster+"  "+r.Name+": "+facts.Text(r.Text))
	}
	for _, refusal := range r.Refusals {
		p.Line("")
		p.Prose(0, r.Cluster+"  "+r.Name+"  "+refusal.ID+"  "+refusal.Reason)
		p.evidence(refusal.Evidence, 2, maxEvidence)
		p.hint(2, refusal.Hint)
	}
	for i, e := range r.Seen {
		if i == maxEvidence && !wide {
			p.Line("  %s %d more: -o wide", p.ellipsis(), len(r.Seen)-i)
			break
		}
		p.Line("  %s  %s  %s", e.Time.UTC().Format("15:04:05"), fold(e.Pod), p.cut(fold(e.Text)))
	}
	connections(p, r.Cluster, r.Streams)
	if !wide {
		return
	}
	for _, note := range r.Notes {
		p.Prose(2, "note  "+note)
	}
	for _, s := range r.Steps {
		if !s.Ended.IsZero() {
			p.Line("  %s  %s  %s", pad(s.ID, len("round-9")), pad(span(s.Ended.Sub(s.Began)), len("59.9 s")), fold(s.Text))
		}
	}
}

// DrillList is which drills there are.
type DrillList struct {
	Head   `json:",inline"`
	Drills []ListedDrill `json:"drills"`
}

// ListedDrill is one drill of a DrillList, and what it would be on each cluster that was looked at.
type ListedDrill struct {
	Name      string       `json:"name"`
	Proves    string       `json:"proves"`
	Danger    string       `json:"danger"`
	Dangerous bool         `json:"dangerous,omitempty"` // needs --allow-danger
	Takes     string       `json:"takes"`
	Check     check.ID     `json:"check"`
	Clusters  []DrillThere `json:"clusters,omitempty"`
}

// DrillThere is a drill on one cluster.
type DrillThere struct {
	Cluster string             `json:"cluster"`
	Ready   bool               `json:"ready"`
	Takes   time.Duration      `json:"takes,omitempty"` // by the cluster's own intervals
	Why     string             `json:"why,omitempty"`   // why it is not ready, or what it would find
	Last    *facts.DrillResult `json:"last,omitempty"`
}

// NewDrillList lists drills in their order; there is what each would be on clusters, by its name.
func NewDrillList(drills []handover.Drill, there map[string][]DrillThere) DrillList {
	l := DrillList{Head: head("DrillList"), Drills: []ListedDrill{}}
	for _, d := range drills {
		l.Drills = append(l.Drills, ListedDrill{
			Name: d.Name, Proves: d.Proves, Danger: d.Danger, Dangerous: d.Dangerous, Takes: d.Takes, Check: d.Check, Clusters: there[d.Name],
		})
	}
	return l
}

// OfDrillPlan is what a drill would be where its plan was made.
func OfDrillPlan(p *handover.Plan, last *facts.DrillResult) DrillThere {
	t := DrillThere{Cluster: p.Cluster, Ready: p.Ready, Takes: p.Drill.Takes, Why: p.Drill.Finding, Last: last}
	for i, r := range p.Refusals {
		if i == 0 {
			t.Why = r.ID + " " + r.Reason
		}
		for _, e := range r.Evidence {
			t.Why += ": " + e.Got
			break
		}
	}
	return t
}

// Names implements Doc.
func (l DrillList) Names() []string {
	var names []string
	for _, d := range l.Drills {
		names = append(names, d.Name)
	}
	return names
}

// Table implements Doc.
func (l DrillList) Table(p *Page, _ bool) {
	for i, d := range l.Drills {
		if i > 0 {
			p.Line("")
		}
		need := ""
		if d.Dangerous {
			need = "  " + p.Paint(check.Warn, "needs --allow-danger")
		}
		p.Line("%s  %s%s", pad(d.Name, len("health-operator")), d.Check, need)
		for _, row := range [][2]string{{"proves", d.Proves}, {"danger", d.Danger}, {"takes", d.Takes}} {
			p.Prose(2, pad(row[0], len("proves"))+"  "+row[1])
		}
		for _, t := range d.Clusters {
			p.Prose(2, pad(t.Cluster, len("proves"))+"  "+t.words(p))
		}
	}
}

func (t DrillThere) words(p *Page) string {
	text := p.Paint(check.Pass, "ready") + ", takes about " + t.Takes.String()
	switch {
	case !t.Ready:
		text = p.Paint(check.Fail, "refused") + ": " + t.Why
	case t.Why != "":
		text = p.Paint(check.Fail, "would show nothing") + ": " + t.Why
	}
	if t.Last == nil {
		return text + "; never tried"
	}
	return text + "; last " + string(t.Last.Outcome) + " " + t.Last.At.UTC().Format("2006-01-02 15:04")
}
