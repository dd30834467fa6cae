package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// RunOutcome is how the run of one cluster went.
type RunOutcome string

// The outcomes of a run, by what a person has to do.
const (
	RunFinished   RunOutcome = "finished"
	RunNothing    RunOutcome = "nothing to do" // it is as it is to be already
	RunGoing      RunOutcome = "running"
	RunRolledBack RunOutcome = "rolled-back"
	RunUndoing    RunOutcome = "undoing"   // a drill puts everything back
	RunStopped    RunOutcome = "stopped"   // by a guard, an error or the user; nothing goes on by itself
	RunRefused    RunOutcome = "refused"   // before anything was changed
	RunLocked     RunOutcome = "locked"    // somebody else is at it
	RunUnseen     RunOutcome = "unknown"   // something could not be seen, and nothing was changed
	RunNot        RunOutcome = "not begun" // since one before it did not go well
	RunNone       RunOutcome = "none"      // no handover is recorded
)

// Run is where the handover of some clusters stands, at its end or in its midst.
type Run struct {
	Head     `json:",inline"`
	Clusters []RunCluster `json:"clusters"`
	Next     []string     `json:"next,omitempty"` // commands to choose from
}

// RunCluster is where one cluster's stands.
type RunCluster struct {
	Cluster  string            `json:"cluster"`
	Context  string            `json:"context,omitempty"`
	Server   string            `json:"server,omitempty"`
	UID      string            `json:"uid,omitempty"`
	Outcome  RunOutcome        `json:"outcome"`
	Name     string            `json:"name,omitempty"` // what ran: "handover", "rollback", "drill drift-object"
	Run      string            `json:"run,omitempty"`
	Holder   string            `json:"holder,omitempty"`
	Strategy handover.Strategy `json:"strategy,omitempty"`
	Began    time.Time         `json:"began,omitzero"`
	Ended    time.Time         `json:"ended,omitzero"`
	Stop     string            `json:"stop,omitempty"`
	// Warning is what must not be done meanwhile, whatever else is said.
	Warning string                `json:"warning,omitempty"`
	Steps   []handover.StepRecord `json:"steps"`
	// Pods are Cilium's before the run, Untouched those of them that were the same at the end; nil before there is one.
	Pods      int  `json:"pods,omitempty"`
	Untouched *int `json:"untouched,omitempty"`
	// Nodes are those of before that are still there at the end; of their pods alone Pods and Untouched are.
	Nodes       int `json:"nodes,omitempty"`
	NodesLeft   int `json:"nodesLeft,omitempty"`
	NodesJoined int `json:"nodesJoined,omitempty"`
	// Seen are the changes of pods that were seen meanwhile.
	Seen []handover.PodEvent `json:"seen,omitempty"`
	// Streams are the connections that were measured meanwhile; nil where none were.
	Streams  *facts.Streams `json:"streams,omitempty"`
	Tree     string         `json:"tree,omitempty"`
	Backup   string         `json:"backup,omitempty"`
	Evidence string         `json:"evidence,omitempty"`
}

// NewRun joins what became of clusters; next are the commands to choose from.
func NewRun(clusters []RunCluster, next []string) Run {
	return Run{Head: head("Run"), Clusters: filled(clusters), Next: next}
}

// OfJournal is what a journal says of one cluster, which goes by those names.
func OfJournal(j *handover.Journal, names facts.Expect) RunCluster {
	c := RunCluster{
		Cluster: j.Cluster, Context: j.Context, UID: j.UID, Name: j.Name, Run: j.Run, Holder: j.Holder, Strategy: j.Strategy,
		Began: j.Began, Ended: j.Ended, Stop: j.Stop, Steps: filled(j.Steps), Seen: j.Seen, Streams: j.Streams, Tree: j.Tree, Backup: j.Backup,
		Outcome: map[handover.RunPhase]RunOutcome{
			handover.Running: RunGoing, handover.Frozen: RunStopped, handover.Finished: RunFinished, handover.RolledBack: RunRolledBack,
			handover.Undoing: RunUndoing,
		}[j.Phase],
	}
	if j.Base == nil {
		return c
	}
	then := facts.Facts{Expect: names, Base: j.Base, Live: *j.Base}
	c.Pods = check.Since(then).Before
	if j.Proof != nil {
		then.Live = *j.Proof
		now := check.Since(then)
		c.Pods, c.Untouched, c.Nodes = now.Before, &now.Same, now.Nodes
		c.NodesLeft, c.NodesJoined = now.NodesLeft, now.NodesJoined
	}
	return c
}

// step is the step that the run is at: the last that began; empty before the first.
func (c RunCluster) step() (at int, step handover.StepRecord) {
	for i, s := range c.Steps {
		if !s.Began.IsZero() {
			at, step = i+1, s
		}
	}
	return at, step
}

// Names implements Doc: each cluster and how it went.
func (d Run) Names() []string {
	var all []string
	for _, c := range d.Clusters {
		all = append(all, c.Cluster+" "+strings.ReplaceAll(string(c.Outcome), " ", "-"))
	}
	return all
}

// Table implements Doc.
func (d Run) Table(p *Page, wide bool) {
	var rows [][]string
	for _, c := range d.Clusters {
		rows = append(rows, []string{c.Cluster, c.paint(p), c.at(), c.pods(), c.took(), c.Run})
	}
	if len(rows) > 0 {
		p.Rows([]string{"CLUSTER", "OUTCOME", "STEP", "PODS", "TOOK", "RUN"}, rows)
	}
	for _, c := range d.Clusters {
		if c.Warning != "" {
			p.Line("")
			p.Prose(0, c.Cluster+": "+c.Warning)
		}
		c.details(p, wide)
	}
	if len(d.Next) > 0 {
		p.Line("")
		p.Line("How to go on:")
	}
	for _, command := range d.Next {
		p.Line("  %s", command)
	}
}

func (c RunCluster) paint(p *Page) string {
	switch c.Outcome {
	case RunFinished, RunNothing:
		return p.Paint(check.Pass, string(c.Outcome))
	case RunStopped, RunRefused, RunLocked:
		return p.Paint(check.Fail, string(c.Outcome))
	case RunUnseen:
		return p.Paint(check.Unknown, string(c.Outcome))
	case RunGoing, RunUndoing, RunRolledBack:
		return p.Paint(check.Warn, string(c.Outcome))
	case RunNot, RunNone:
	}
	return string(c.Outcome)
}

func (c RunCluster) at() string {
	at, step := c.step()
	if at == 0 {
		return none
	}
	return fmt.Sprintf("%d/%d %s", at, len(c.Steps), step.ID)
}

func (c RunCluster) pods() string {
	switch {
	case c.Pods == 0:
		return none
	case c.Untouched == nil:
		return fmt.Sprint(c.Pods)
	}
	if c.NodesLeft+c.NodesJoined > 0 {
		return fmt.Sprintf("%d of %d on %d nodes untouched, %d nodes joined, %d left", *c.Untouched, c.Pods, c.Nodes, c.NodesJoined, c.NodesLeft)
	}
	return fmt.Sprintf("%d of %d untouched", *c.Untouched, c.Pods)
}

func (c RunCluster) took() string {
	if c.Began.IsZero() || c.Ended.IsZero() {
		return none
	}
	return span(c.Ended.Sub(c.Began))
}

// details are a cluster's steps, where they are asked for or where it did not go well, and what is kept.
func (c RunCluster) details(p *Page, wide bool) {
	stopped := c.Outcome == RunStopped || c.Outcome == RunGoing || c.Outcome == RunUndoing
	if (stopped || wide) && len(c.Steps) > 0 {
		p.Line("")
		c.steps(p)
	}
	if c.Stop != "" {
		p.Line("")
		p.Prose(0, c.Cluster+": "+c.Stop)
	}
	for i, e := range c.Seen {
		if i == maxEvidence && !wide {
			p.Line("  %s %d more: -o wide", p.ellipsis(), len(c.Seen)-i)
			break
		}
		p.Line("  %s  %s  %s", e.Time.UTC().Format("15:04:05"), fold(e.Pod), p.cut(fold(e.Text)))
	}
	connections(p, c.Cluster, c.Streams)
	if c.Backup != "" {
		p.Line("%s  backup    %s", c.Cluster, fold(c.Backup))
	}
	if c.Evidence != "" {
		p.Line("%s  evidence  %s", c.Cluster, fold(c.Evidence))
	}
}

func (c RunCluster) steps(p *Page) {
	var rows [][]string
	for i, s := range c.Steps {
		word, when, took := p.stepWord(c.Outcome, s), "", ""
		if !s.Began.IsZero() {
			when = s.Began.UTC().Format("15:04:05Z")
		}
		if !s.Ended.IsZero() {
			took = span(s.Ended.Sub(s.Began))
		}
		rows = append(rows, []string{fmt.Sprintf("  %d", i+1), s.ID, word, when, took, s.Text})
	}
	p.Rows([]string{"  " + c.Cluster, "STEP", "", "BEGAN", "TOOK", ""}, rows)
}

func (p *Page) stepWord(run RunOutcome, s handover.StepRecord) string {
	switch {
	case s.Began.IsZero():
		return none
	case !s.Ended.IsZero():
		return p.Paint(check.Pass, "ok")
	case run == RunGoing, run == RunUndoing:
		return p.Paint(check.Warn, "running")
	}
	return p.Paint(check.Fail, "stopped")
}

// span words how long something took.
func span(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
