package report

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// paged is a document with a page of its own, beyond a sheet.
type paged interface {
	page() ([]byte, error)
}

//go:embed story.html
var storyPage string

// storyView is what the page is made from.
type storyView struct {
	Title, Lead, Foot string
	Tiles             []tile
	Runs              []runView
	Next              []string
}

// tile is one figure of the page's head.
type tile struct{ Figure, Label, Class string }

// runView is one run on the page.
type runView struct {
	ID, Heading, Outcome, Class, How, Who, Stop, Frozen string
	Timeline                                            *timeline
	Judged                                              string
	Results                                             []resultView
	Tables                                              []tableView
	Kept, Again                                         []string
}

// resultView is one verdict on the page.
type resultView struct {
	Class string
	Cells []string
}

// tableView is a table that can be folded.
type tableView struct {
	Title  string
	Open   bool
	Header []string
	Rows   [][]string
}

// page writes the story as one page that asks for nothing beyond itself.
func (s Story) page() ([]byte, error) {
	page, err := template.New("story").Funcs(template.FuncMap{"clean": facts.Text}).Parse(storyPage)
	if err != nil {
		return nil, err
	}
	view := storyView{
		Title: s.title(), Lead: s.lead(), Tiles: s.tiles(), Next: s.Next,
		Foot: fmt.Sprintf("Written at %s by %s from the journals of the runs. Times are UTC.", stamp(s.Made), s.Tool),
	}
	for i, r := range s.Runs {
		view.Runs = append(view.Runs, r.view(fmt.Sprintf("run-%d", i+1)))
	}
	var out bytes.Buffer
	err = page.Execute(&out, view)
	return out.Bytes(), err
}

// tiles are the figures that a reader looks for first.
func (s Story) tiles() []tile {
	sum, good := s.fates(), 0
	before := there(sum)
	for _, r := range s.Runs {
		if r.Outcome == RunFinished || r.Outcome == RunRolledBack {
			good++
		}
	}
	of := func(n, all int) (string, string) {
		class := "pass"
		if n < all || all == 0 {
			class = "fail"
		}
		return fmt.Sprintf("%d of %d", n, all), class
	}
	var tiles []tile
	add := func(label string, n, all int) {
		figure, class := of(n, all)
		tiles = append(tiles, tile{figure, label, class})
	}
	add("runs came to their end", good, len(s.Runs))
	add("pods of Cilium untouched", sum[PodUntouched], before)
	add("checks pass, judged again", s.Summary.Pass, s.Summary.ran())
	if n := sum[PodUnseen]; n > 0 && sum[PodUntouched]+n == before {
		tiles[1].Class = "unknown"
	}
	if s.Summary.Fail == 0 && s.Summary.Pass < s.Summary.ran() || s.Summary.ran() == 0 {
		tiles[2].Class = "unknown"
	}
	return tiles
}

func (r StoryRun) view(id string) runView {
	v := runView{
		ID: id, Heading: r.Cluster + ": " + r.Name, Outcome: string(r.Outcome), Class: r.class(), How: r.how(), Who: r.who(), Stop: r.Stop, Timeline: newTimeline(r, id),
		Judged: r.Judged, Kept: r.kept(), Again: r.Again,
	}
	if len(r.Frozen) > 0 {
		v.Frozen = refs(r)
	}
	rows := r.verdictRows()
	for i, result := range r.Results {
		v.Results = append(v.Results, resultView{result.Outcome.String(), rows[i]})
	}
	v.Tables = append(v.Tables, tableView{fmt.Sprintf("Steps (%d)", len(r.Steps)), true, stepHeader, r.stepRows()})
	if len(r.Each) > 0 {
		v.Tables = append(v.Tables, tableView{fmt.Sprintf("Pods before and after (%d)", len(r.Each)), len(r.podsOf(false)) > 0 && len(r.Each) <= roomyPods, podHeader, r.podRows()})
	}
	if len(r.Wrote) > 0 {
		v.Tables = append(v.Tables, tableView{fmt.Sprintf("Objects written to (%d)", len(r.Wrote)), false, wroteHeader, r.wroteRows()})
	}
	return v
}

// class is how a run went, for its colour.
func (r StoryRun) class() string {
	switch r.Outcome {
	case RunFinished, RunRolledBack, RunNothing:
		return check.Pass.String()
	case RunGoing, RunUndoing, RunUnseen:
		return check.Unknown.String()
	case RunStopped, RunRefused, RunLocked, RunNot, RunNone:
	}
	return check.Fail.String()
}
