package report

import (
	"fmt"
	"math"
	"strings"
)

// How many pods have a lane of their own, by how high it is; of more, those of which nothing became share one.
const (
	roomyPods  = 36
	closePods  = 420
	shownApart = 120 // pods of one workload of which something became
)

// podGroup is the pods of one workload.
type podGroup struct {
	name string
	pods []StoryPod
}

// pods draws a lane for each pod, by workload, those of which something became first. It gives where it ended.
func (t *timeline) pods(r StoryRun, y float64) float64 {
	var groups []podGroup
	for _, p := range r.Each {
		if len(groups) == 0 || groups[len(groups)-1].name != p.Workload {
			groups = append(groups, podGroup{name: p.Workload})
		}
		last := &groups[len(groups)-1]
		last.pods = append(last.pods, p)
	}
	for _, g := range groups {
		t.Groups = append(t.Groups, timeLabel{X: 12, Y: y - 6, Text: fmt.Sprintf("%s, %s", cutText(g.name, 34), plural(len(g.pods), "pod"))})
		switch {
		case len(r.Each) <= roomyPods:
			y = t.each(g.pods, y, 15, 3)
		case len(r.Each) <= closePods:
			changed, calm := apart(g.pods)
			y = t.each(changed, y, 15, 3)
			y = t.each(calm, y, 3, 1)
		default:
			changed, calm := apart(g.pods)
			y = t.each(changed[:min(len(changed), shownApart)], y, 15, 3)
			y = t.together(append(changed[min(len(changed), shownApart):], calm...), y)
		}
		y += 26
	}
	return y - 20
}

// apart are the pods of which something became, and the others.
func apart(pods []StoryPod) (changed, calm []StoryPod) {
	for _, p := range pods {
		if p.Fate == PodUntouched || p.Fate == PodUnseen {
			calm = append(calm, p)
		} else {
			changed = append(changed, p)
		}
	}
	return changed, calm
}

// each draws a lane for every pod; lanes too low for it have no label but a hint.
func (t *timeline) each(pods []StoryPod, y, height, gap float64) float64 {
	for _, p := range pods {
		lane := timeLane{Y: y, Height: height, Hint: podHint(p)}
		if height > 10 {
			lane.Label = cutText(strings.TrimSpace(p.Name+"  "+p.Node), 38)
		}
		lane.follow(t, p)
		t.Lanes = append(t.Lanes, lane)
		y += height + gap
	}
	return y
}

// follow draws what became of a pod along its lane.
func (l *timeLane) follow(t *timeline, p StoryPod) {
	from, to, hint := timeGutter, t.reached(), podHint(p)
	x := to
	if !p.At.IsZero() {
		x = t.at(p.At)
	}
	span := func(from, to float64, class string) {
		l.Spans = append(l.Spans, timeSpan{X: from, Width: math.Max(to-from, 1), Class: class, Hint: hint})
	}
	switch p.Fate {
	case PodGone:
		span(from, x, "untouched")
	case PodNew:
		span(x, to, "new")
	case PodChanged:
		span(from, x, "untouched")
		span(x, to, "changed")
	case PodUntouched:
		span(from, to, "untouched")
		return
	case PodUnseen:
		span(from, to, "not-seen")
		return
	}
	l.Dots = append(l.Dots, timeSpan{X: x, Class: string(p.Fate), Hint: hint})
}

// together draws many pods as one lane.
func (t *timeline) together(pods []StoryPod, y float64) float64 {
	if len(pods) == 0 {
		return y
	}
	counts := map[PodFate]int{}
	for _, p := range pods {
		counts[p.Fate]++
	}
	var words []string
	class := "untouched"
	for _, fate := range []PodFate{PodUntouched, PodUnseen, PodChanged, PodGone, PodNew} {
		if counts[fate] > 0 {
			words = append(words, fmt.Sprintf("%d %s", counts[fate], fate))
			class = strings.ReplaceAll(string(fate), " ", "-")
		}
	}
	text := strings.Join(words, ", ")
	t.Lanes = append(t.Lanes, timeLane{
		Y: y, Height: 22, Label: text, Hint: text, Spans: []timeSpan{{X: timeGutter, Width: t.reached() - timeGutter, Class: class, Hint: text}},
	})
	return y + 25
}

func podHint(p StoryPod) string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s on %s, since %s: %s %s %s", p.Workload, cutText(p.Name, maxCell), orNone(cutText(p.Node, maxCell)), stamp(p.Created), p.Fate, clock(p.At), cutText(p.Text, maxCell))), " ")
}

// cutText is s, or its first runes where it has more.
func cutText(s string, most int) string {
	s = fold(s)
	n := 0
	for i := range s {
		if n == most-1 && len(s) > i+1 {
			return s[:i] + "\u2026"
		}
		n++
	}
	return s
}
