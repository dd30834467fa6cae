package report

import (
	"fmt"
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// Table implements Doc.
func (s Story) Table(p *Page, wide bool) {
	var rows [][]string
	for _, r := range s.Runs {
		rows = append(rows, []string{r.Cluster, r.Name, r.paint(p), r.at(), r.pods3(), r.checked(p), stamp(r.Began), r.took()})
	}
	p.Rows([]string{"CLUSTER", "RUN", "OUTCOME", "STEP", "PODS", "CHECKS", "BEGAN", "TOOK"}, rows)
	for _, r := range s.Runs {
		r.table(p, wide)
	}
	p.Line("")
	p.Line("%s", s.lead())
	if len(s.Next) > 0 {
		p.Line("")
		p.Line("How to go on:")
	}
	for _, command := range s.Next {
		p.Line("  %s", command)
	}
}

func (r StoryRun) table(p *Page, wide bool) {
	if wide || r.Outcome == RunStopped || r.Outcome == RunGoing || r.Outcome == RunUndoing {
		p.Line("")
		r.steps(p)
	}
	if r.Stop != "" {
		p.Line("")
		p.Prose(0, r.Cluster+": "+r.Stop)
	}
	v := Verification{Results: r.Results}
	for _, b := range v.collect() {
		p.Line("")
		b.write(p, layoutOf([]block{b}), map[string]check.ID{})
	}
	for i, pod := range r.podsOf(wide) {
		if i == maxEvidence && !wide {
			p.Line("  %s more: -o wide", p.ellipsis())
			break
		}
		p.Line("  %s", fold(fmt.Sprintf("%s  %s  on %s  %s %s %s", pod.Workload, pod.Name, orNone(pod.Node), pod.Fate, clock(pod.At), pod.Text)))
	}
	if slices.ContainsFunc(r.Results, func(res Result) bool { return res.ID == "CG406" && res.Outcome == check.Pass }) { // else it is among the findings
		p.Line("")
		connections(p, r.Cluster, r.Streams)
	}
	if len(r.Again) > 0 {
		p.Line("")
		p.Line("%s, to check it again:", fold(r.Cluster))
	}
	for _, command := range r.Again {
		p.Line("  %s", command)
	}
}

// podsOf are all pods, or those of which something became.
func (r StoryRun) podsOf(all bool) []StoryPod {
	var some []StoryPod
	for _, pod := range r.Each {
		if all || pod.Fate != PodUntouched && pod.Fate != PodUnseen {
			some = append(some, pod)
		}
	}
	return some
}

// pods3 is a run's pods in three words.
func (r StoryRun) pods3() string {
	fates := r.fates()
	before := there(fates)
	switch {
	case before == 0:
		return none
	case fates[PodUnseen] > 0:
		return fmt.Sprintf("%d of %d %s", fates[PodUnseen], before, PodUnseen)
	}
	return fmt.Sprintf("%d of %d untouched", fates[PodUntouched], before)
}

// checked is how the checks of a run went.
func (r StoryRun) checked(p *Page) string {
	if len(r.Results) == 0 {
		return none
	}
	return p.cell(map[check.Phase]Summary{check.Handover: summarise(r.Results)}, check.Handover)
}

func orNone(s string) string {
	if s == "" {
		return none
	}
	return s
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}

func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("15:04:05Z")
}

// took is how long a step took, or how far it got.
func stepTook(s handover.StepRecord) string {
	switch {
	case s.Began.IsZero():
		return "not reached"
	case s.Ended.IsZero():
		return "not ended"
	}
	return span(s.Ended.Sub(s.Began))
}

// who is which run this is, in one line.
func (r StoryRun) who() string {
	text, strategy := identity(r.Cluster, r.Context, r.Server, r.UID), ""
	if r.Name == handover.HandoverName {
		strategy = string(r.Strategy)
	}
	for _, part := range [][2]string{{"run", r.Run}, {"by", r.Holder}, {"with", r.Tool}, {"strategy", strategy}, {"commit", r.Tree}, {"chart", r.Chart}} {
		if part[1] != "" {
			text += "  " + part[0] + " " + fold(part[1])
		}
	}
	return facts.Text(text)
}

// how is what the run did, in one sentence.
func (r StoryRun) how() string {
	text := fmt.Sprintf("The %s %s.", r.Name, map[RunOutcome]string{
		RunFinished: "came to its end", RunStopped: "stopped", RunRolledBack: "came to its end: Cilium is under its Helm release again",
		RunGoing: "had not ended when this was written", RunUndoing: "had not put everything back when this was written",
	}[r.Outcome])
	if !r.Began.IsZero() {
		text += " It began at " + stamp(r.Began)
		if !r.Ended.IsZero() {
			text += " and took " + span(r.Ended.Sub(r.Began))
		}
		text += "."
	}
	if r.Revision > 0 && r.current > r.Revision {
		text += fmt.Sprintf(" Helm's release went from revision %d to %d.", r.Revision, r.current)
	}
	return text + " " + fatesInWords(r.fates())
}
