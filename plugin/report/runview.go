package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/olekukonko/tablewriter/pkg/twwidth"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// RunView tells of a run while it goes on: a line for each step. On a terminal the line of the current step is written
// over itself; elsewhere there is a line for what begins, is waited for and ends, each once.
type RunView struct {
	mu    sync.Mutex
	out   io.Writer
	page  *Page
	names []string          // of the current cluster's steps, in their order
	told  map[string]string // of plain lines: step -> what was last said to be waited for
	shown int               // columns that the current line takes
}

// NewRunView tells on out; style.Width 0 is no terminal.
func NewRunView(out io.Writer, style Style) *RunView {
	return &RunView{out: out, page: &Page{Style: style}, told: map[string]string{}}
}

// Cluster begins with the next cluster.
func (v *RunView) Cluster(p *handover.Plan) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.names = nil
	for _, s := range slices.Concat(p.Steps, p.Undo) {
		v.names = append(v.names, s.ID)
	}
	clear(v.told)
	v.line(identity(p.Cluster, p.Context, p.Server, p.UID))
}

// Tell shows one event.
func (v *RunView) Tell(e handover.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	switch e.Kind {
	case handover.Began, handover.Doing, handover.Waiting:
		v.current(e)
	case handover.Ended:
		v.line(v.step(e, v.page.Paint(check.Pass, "ok"), took(e)))
	case handover.Stopped:
		v.line(v.step(e, v.page.Paint(check.Fail, "STOPPED"), took(e)))
	case handover.Froze, handover.Done:
		if e.Text != "" {
			v.line("  " + v.page.cut(fold(facts.Text(e.Text))))
		}
	}
}

// current shows what a step is at.
func (v *RunView) current(e handover.Event) {
	if v.page.Width == 0 {
		said := string(e.Kind) + e.Text
		if e.Kind == handover.Waiting && strings.HasSuffix(e.Text, " left") {
			said = "left" // a log needs no countdown
		}
		if e.Text == "" && e.Kind != handover.Began || v.told[e.Step] == said {
			return // said already
		}
		v.told[e.Step] = said
		v.line(v.step(e, plainWord(e.Kind)))
		return
	}
	word := v.page.ellipsis()
	if e.Elapsed > 0 {
		word = span(e.Elapsed.Round(100 * time.Millisecond))
	}
	if e.Pods > 0 {
		e.Text = fmt.Sprintf("pods %d/%d  %s", e.Untouched, e.Pods, e.Text)
	}
	v.over(v.step(e, word))
}

func plainWord(kind handover.EventKind) string {
	if kind == handover.Waiting {
		return "wait"
	}
	return ".."
}

// step is one line: number, name, how it stands, what there is to say.
func (v *RunView) step(e handover.Event, word string, more ...string) string {
	number := " "
	for i, name := range v.names {
		if name == e.Step {
			number = fmt.Sprint(i + 1)
		}
	}
	text := e.Text
	if text == "" {
		text = e.Title
	}
	parts := append([]string{v.page.cut(fold(facts.Text(text)))}, more...)
	width := 0
	for _, name := range v.names {
		width = max(width, len(name))
	}
	return strings.TrimRight(fmt.Sprintf("%3s %s  %s  %s", number, pad(e.Step, width), pad(word, len("STOPPED")), strings.Join(parts, "  ")), " ")
}

func took(e handover.Event) string {
	if e.Elapsed <= 0 {
		return ""
	}
	return span(e.Elapsed.Round(100 * time.Millisecond))
}

// line writes a line that stays.
func (v *RunView) line(text string) {
	v.erase()
	_, _ = io.WriteString(v.out, strings.TrimRight(text, " ")+"\n")
}

// over writes a line that the next one replaces, as far as the terminal is wide. Its last column stays free: a terminal
// would begin a new line there.
func (v *RunView) over(text string) {
	v.erase()
	runes := []rune(text)
	for len(runes) > 0 && twwidth.Width(string(runes)) >= v.page.Width {
		runes = runes[:len(runes)-1]
	}
	_, _ = io.WriteString(v.out, string(runes))
	v.shown = twwidth.Width(string(runes))
}

// erase removes the current line.
func (v *RunView) erase() {
	if v.shown > 0 {
		_, _ = io.WriteString(v.out, "\r"+strings.Repeat(" ", v.shown)+"\r")
	}
	v.shown = 0
}

// Close leaves the terminal at the beginning of a line.
func (v *RunView) Close() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.erase()
}

// Events writes each event as one line of JSON.
func Events(out io.Writer) func(handover.Event) {
	var mu sync.Mutex
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return func(e handover.Event) {
		mu.Lock()
		defer mu.Unlock()
		e.Text, e.Title = facts.Text(e.Text), facts.Text(e.Title)
		_ = enc.Encode(e) // whoever no longer reads has seen enough; the journal has it all
	}
}

// PrintLine writes doc as one line of JSON, as the last of a stream of events.
func PrintLine(out io.Writer, doc Doc) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return enc.Encode(doc)
}
