package report

import (
	"fmt"
	"math"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// timeline is the picture of one run: its pods down, its time to the right, its steps as bands. Lengths are units of
// the picture's own; a browser scales it. Its texts are as they are in the journal; the template escapes them.
type timeline struct {
	ID            string // tells one picture of a page from another
	Title         string // for whoever cannot see it
	Width, Height float64
	Top, Bottom   float64 // of the bands
	Left          float64 // where time begins
	Bands         []timeBand
	Groups        []timeLabel
	Lanes         []timeLane
	Lines         []timeLine
	Ticks         []timeLabel
}

// timeBand is one step: from where to where, and how it went.
type timeBand struct {
	X, Width    float64
	Name, Took  string
	Hint        string // what a pointer shows
	Class       string // ok | stopped | open, and odd
	Adopt       bool
	began, over time.Time
}

// timeLabel is a text at a place.
type timeLabel struct {
	X, Y   float64
	Text   string
	Anchor string
}

// timeLine is a moment across all lanes.
type timeLine struct {
	X, Y, Bottom float64
	Text, Class  string
}

// timeLane is one pod, or several of which nothing became.
type timeLane struct {
	Y, Height float64
	Label     string
	Hint      string
	Spans     []timeSpan
	Dots      []timeSpan
}

// timeSpan is a stretch of a lane, or a dot on it.
type timeSpan struct {
	X, Width float64
	Class    string
	Hint     string
}

const (
	timeWidth  = 1180.0
	timeGutter = 270.0 // for the lanes' labels
	timeTop    = 44.0  // for the steps' names
	bandLeast  = 72.0
)

// newTimeline draws a run. Steps are as wide as their names need, and wider with the root of what they took: adopting
// takes seconds, watching takes minutes, and both are to be seen.
func newTimeline(r StoryRun, id string) *timeline {
	t := &timeline{ID: id, Width: timeWidth, Left: timeGutter, Top: timeTop, Title: "Timeline of " + r.heading()}
	t.bands(r)
	if len(t.Bands) == 0 {
		return nil
	}
	y := t.owner(r, timeTop+34)
	y = t.pods(r, y)
	t.Bottom = y + 4
	t.Height = t.Bottom + 24
	t.lines(r)
	t.ticks()
	return t
}

// bands lays the steps side by side.
func (t *timeline) bands(r StoryRun) {
	least := math.Min(bandLeast, (timeWidth-timeGutter-16)/float64(max(1, len(r.Steps))))
	free, weight := timeWidth-timeGutter-16-least*float64(len(r.Steps)), 0.0
	end := r.end()
	root := func(s handover.StepRecord) float64 {
		if s.Began.IsZero() {
			return 0
		}
		return math.Sqrt(math.Max(0, over(s, end).Sub(s.Began).Seconds()))
	}
	for _, s := range r.Steps {
		weight += root(s)
	}
	x := timeGutter
	for i, s := range r.Steps {
		width := least
		if weight > 0 {
			width += free * root(s) / weight
		}
		b := timeBand{X: x, Width: width, Name: cutText(s.ID, 20), Took: stepTook(s), Class: "ok", Adopt: s.ID == handover.StepAdopt, began: s.Began, over: over(s, end)}
		switch {
		case s.Began.IsZero():
			b.Class, b.over = "open", time.Time{}
		case s.Ended.IsZero():
			b.Class = "stopped"
		}
		if i%2 == 1 {
			b.Class += " odd"
		}
		b.Hint = fmt.Sprintf("%s: %s, %s %s. %s", b.Name, cutText(s.Title, maxCell), b.Took, clock(s.Began), cutText(s.Text, maxCell))
		t.Bands = append(t.Bands, b)
		x += width
	}
}

// over is when a step was over, or when the run that did not get over it ended.
func over(s handover.StepRecord, end time.Time) time.Time {
	if !s.Ended.IsZero() {
		return s.Ended
	}
	if end.Before(s.Began) {
		return s.Began
	}
	return end
}

// end is the last moment that the run knows of.
func (r StoryRun) end() time.Time {
	end := r.Ended
	later := func(t time.Time) {
		if t.After(end) {
			end = t
		}
	}
	if end.IsZero() {
		for _, s := range r.Steps {
			later(s.Began)
			later(s.Ended)
		}
		for _, e := range r.Seen {
			later(e.Time)
		}
	}
	return end
}

// at is where a moment is: within its step, else at the nearest end of one.
func (t *timeline) at(moment time.Time) float64 {
	x := timeGutter
	for _, b := range t.Bands {
		if b.began.IsZero() || moment.Before(b.began) {
			break
		}
		x = b.X + b.Width
		if moment.Before(b.over) {
			return b.X + b.Width*moment.Sub(b.began).Seconds()/b.over.Sub(b.began).Seconds()
		}
	}
	return x
}

// reached is how far the run came.
func (t *timeline) reached() float64 {
	x := timeGutter
	for _, b := range t.Bands {
		if !b.began.IsZero() {
			x = b.X + b.Width
		}
	}
	return x
}

// owner is the lane of who manages the release: the bootstrap's Helm, then Flux, or back.
func (t *timeline) owner(r StoryRun, y float64) float64 {
	turn, before, after := handover.StepAdopt, "Helm", "Flux"
	if r.Name == handover.RollbackName {
		turn, before, after = handover.StepLetGo, "Flux", "Helm"
	} else if r.Name != handover.HandoverName {
		return y
	}
	label := before
	if r.Revision > 0 {
		label = fmt.Sprintf("%s, revision %d", before, r.Revision)
	}
	lane := timeLane{Y: y, Height: 18, Label: "Helm release"}
	t.Groups = append(t.Groups, timeLabel{X: 12, Y: y - 6, Text: "Who manages the release"})
	x := t.reached()
	for _, b := range t.Bands {
		if b.Name == turn && !b.began.IsZero() {
			x = b.X
		}
	}
	lane.Spans = append(lane.Spans, timeSpan{X: timeGutter, Width: x - timeGutter, Class: "helm", Hint: label})
	if before == "Flux" {
		lane.Spans[0].Class = "flux"
	}
	if rest := t.reached() - x; rest > 0 {
		hint, class := after, "flux"
		if r.current > 0 {
			hint = fmt.Sprintf("%s, revision %d", after, r.current)
		}
		if after == "Helm" {
			class = "helm"
		}
		lane.Spans = append(lane.Spans, timeSpan{X: x, Width: rest, Class: class, Hint: hint})
	}
	t.Lanes = append(t.Lanes, lane)
	return y + lane.Height + 30
}

// lines are the moments that matter.
func (t *timeline) lines(r StoryRun) {
	for _, b := range t.Bands {
		if b.Adopt && !b.began.IsZero() {
			t.Lines = append(t.Lines, timeLine{X: b.X, Y: t.Top, Bottom: t.Bottom, Text: "Flux adopts " + clock(b.began), Class: "adopt"})
		}
	}
	if r.released.After(r.Began) && !r.released.After(r.end()) {
		t.Lines = append(t.Lines, timeLine{X: t.at(r.released), Y: t.Top, Bottom: t.Bottom, Text: "released " + clock(r.released), Class: "released"})
	}
	if r.Stop != "" && r.Outcome == RunStopped {
		t.Lines = append(t.Lines, timeLine{X: t.reached(), Y: t.Top, Bottom: t.Bottom, Text: "stopped " + clock(r.end()), Class: "stop"})
	}
}

// ticks are the times at the steps' beginnings, where there is room.
func (t *timeline) ticks() {
	free := 0.0
	for _, b := range t.Bands {
		if !b.began.IsZero() && b.X >= free {
			t.Ticks = append(t.Ticks, timeLabel{X: b.X, Y: t.Bottom + 15, Text: clock(b.began), Anchor: "start"})
			free = b.X + 66
		}
	}
	if end := t.reached(); len(t.Bands) > 0 && end >= free+66 {
		t.Ticks = append(t.Ticks, timeLabel{X: end, Y: t.Bottom + 15, Text: clock(t.last()), Anchor: "end"})
	}
}

func (t *timeline) last() time.Time {
	var last time.Time
	for _, b := range t.Bands {
		if b.over.After(last) {
			last = b.over
		}
	}
	return last
}
