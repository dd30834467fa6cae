package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// Story is the evidence of runs that are over, or have stopped: what was done to which cluster when, what became of its
// pods, what the checks say of it, and how to look at it again.
type Story struct {
	Head    `json:",inline"`
	Made    time.Time  `json:"made"`
	Tool    string     `json:"tool"` // that made the report: "flux-handover/v1.2.3"
	Summary Summary    `json:"summary"`
	Runs    []StoryRun `json:"runs"` // by cluster as given, then as they began
	// Next are the commands to go on with.
	Next []string `json:"next,omitempty"`
}

// StoryRun is one run: a handover, a rollback or a drill of one cluster.
type StoryRun struct {
	RunCluster `json:",inline"`

	Name string `json:"name"` // the plan's: "handover", "rollback", "drill stable"
	Tool string `json:"tool,omitempty"`
	// Revision is of Helm's newest record before the run, Chart the version that Flux was to apply, Method how Helm had
	// applied the release.
	Revision int    `json:"revision"`
	Chart    string `json:"chart,omitempty"`
	Method   string `json:"method,omitempty"`
	// Wrote are the objects that the run wrote to, Frozen those that are suspended since it stopped.
	Wrote  []Wrote        `json:"wrote"`
	Frozen []handover.Ref `json:"frozen,omitempty"`
	Each   []StoryPod     `json:"each"` // every pod of Cilium, before and after
	// Judged says what the results were judged from; Results are the checks'.
	Judged  string   `json:"judged"`
	Results []Result `json:"results"`
	// Again are the commands that check the same once more.
	Again []string `json:"again,omitempty"`

	released time.Time // when Flux last deployed, as its history has it
	current  int       // Helm's newest revision at the end; 0 where it was not seen
}

// Wrote is an object that a run wrote to, and whether it was there before.
type Wrote struct {
	Ref     handover.Ref `json:"ref"`
	Existed bool         `json:"existed"`
}

// Told is what one run is told from.
type Told struct {
	Journal *handover.Journal
	Expect  facts.Expect
	Server  string
	// End is how the cluster was when the run ended, beside how it was before; nil where nobody kept that.
	End    *facts.Facts
	Judged string // where End is from
	// Verdicts are what Checks say of End.
	Verdicts []check.Verdict
	Checks   []check.Check
	Evidence string   // the file that End is in; empty where there is none
	Again    []string // commands
}

// NewStory tells runs; next are the commands to go on with.
func NewStory(made time.Time, tool string, told []Told, next []string) Story {
	s := Story{Head: head("Report"), Made: made.UTC(), Tool: tool, Runs: []StoryRun{}, Next: next}
	var all []Result
	for _, t := range told {
		r := newStoryRun(t)
		s.Runs = append(s.Runs, r)
		all = append(all, r.Results...)
	}
	s.Summary = summarise(all)
	return s
}

func newStoryRun(t Told) StoryRun {
	j := t.Journal
	r := StoryRun{
		RunCluster: OfJournal(j, t.Expect), Name: j.Name, Tool: j.Tool, Revision: j.Revision, Chart: j.World.ChartVersion, Method: j.Method,
		Frozen: j.Frozen, Judged: t.Judged, Results: []Result{}, Again: t.Again, Wrote: []Wrote{}, Each: []StoryPod{},
	}
	if r.Name == "" {
		r.Name = handover.HandoverName
	}
	r.Server, r.Evidence = t.Server, t.Evidence
	for _, b := range j.Before {
		r.Wrote = append(r.Wrote, Wrote{Ref: b.Ref, Existed: b.Existed})
	}
	for _, v := range t.Verdicts {
		i := slices.IndexFunc(t.Checks, func(c check.Check) bool { return c.ID == v.Check })
		if i >= 0 {
			r.Results = append(r.Results, newResult(v, t.Checks[i]))
		}
	}
	r.pods(t)
	if t.End != nil {
		r.ended(t)
	}
	return r
}

// ended is what the end says of the release.
func (r *StoryRun) ended(t Told) {
	for _, record := range t.End.Live.Records {
		if record.Release == t.Expect.Cilium.Release && record.Namespace == t.Expect.Cilium.Namespace {
			r.current = max(r.current, record.Revision)
		}
	}
	for _, hr := range t.End.Live.HelmReleases {
		if len(hr.History) > 0 && hr.History[0].Name == t.Expect.Cilium.Release && hr.History[0].Namespace == t.Expect.Cilium.Namespace {
			r.released = hr.History[0].LastDeployed
		}
	}
}

// Names implements Doc: each run and how it went.
func (s Story) Names() []string {
	var all []string
	for _, r := range s.Runs {
		all = append(all, strings.ReplaceAll(fmt.Sprintf("%s/%s %s", r.Cluster, r.Name, r.Outcome), " ", "-"))
	}
	return all
}

// clusters are those that the story is of, each once.
func (s Story) clusters() []string {
	var all []string
	for _, r := range s.Runs {
		if !slices.Contains(all, r.Cluster) {
			all = append(all, r.Cluster)
		}
	}
	return all
}

// title is what the story is of.
func (s Story) title() string {
	names := []string{}
	for _, r := range s.Runs {
		name, _, _ := strings.Cut(r.Name, " ")
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "Handover of Cilium"
	}
	what := strings.Join(names, ", ")
	return strings.ToUpper(what[:1]) + what[1:] + " of Cilium: " + strings.Join(some(s.clusters(), maxColumns), ", ")
}

// some are the first of many, and how many more there are.
func some(all []string, limit int) []string {
	if len(all) <= limit {
		return all
	}
	return append(slices.Clone(all[:limit]), fmt.Sprintf("%d more", len(all)-limit))
}

// lead is the answer in one sentence.
func (s Story) lead() string {
	counts := map[RunOutcome]int{}
	var order []RunOutcome
	for _, r := range s.Runs {
		if counts[r.Outcome] == 0 {
			order = append(order, r.Outcome)
		}
		counts[r.Outcome]++
	}
	var parts []string
	for _, o := range order {
		parts = append(parts, fmt.Sprintf("%d %s", counts[o], o))
	}
	text := fmt.Sprintf("%s on %s: %s.", plural(len(s.Runs), "run"), plural(len(s.clusters()), "cluster"), strings.Join(parts, ", "))
	return text + " " + fatesInWords(s.fates()) + " " + s.judgedSentence()
}

func (s Story) judgedSentence() string {
	v := Verification{Summary: s.Summary}
	var parts []string
	for _, row := range []struct {
		n    int
		word string
	}{{v.Summary.Pass, "passed"}, {v.Summary.Fail, "failed"}, {v.Summary.Unknown, "could not tell"}, {v.Summary.Warn, "warned"}, {v.Summary.Skip, "skipped"}} {
		if row.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", row.n, row.word))
		}
	}
	if len(parts) == 0 {
		return "No check could be judged again."
	}
	return "Checks judged again: " + strings.Join(parts, ", ") + "."
}
