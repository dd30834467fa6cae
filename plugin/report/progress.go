package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/olekukonko/tablewriter/pkg/twwidth"
)

// Progress is one line on a terminal that says how far each cluster is: "infra 11/14  apps 14/14  2.1 s". It is
// written over itself, and erased at the end. Several goroutines may use it. A nil *Progress says nothing.
type Progress struct {
	mu    sync.Mutex
	out   io.Writer
	width int
	now   func() time.Time
	began time.Time
	names []string
	done  map[string][2]int
	shown int // columns that the line takes at the moment
}

// NewProgress begins a line on out, a terminal of that many columns; for what is no terminal, width 0, it is nil.
func NewProgress(out io.Writer, width int, now func() time.Time) *Progress {
	if width <= 0 {
		return nil
	}
	return &Progress{out: out, width: width, now: now, began: now(), done: map[string][2]int{}}
}

// Set says that of a cluster's total parts so many are done.
func (p *Progress) Set(cluster string, done, total int) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Contains(p.names, cluster) {
		p.names = append(p.names, cluster)
		slices.Sort(p.names)
	}
	p.done[cluster] = [2]int{done, total}
	p.draw(p.line())
}

// Done erases the line.
func (p *Progress) Done() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown > 0 {
		_, _ = io.WriteString(p.out, "\r"+strings.Repeat(" ", p.shown)+"\r")
	}
	p.shown = 0
}

// line is the whole where it fits, else how many clusters are done. Its last column stays free: a terminal would
// begin a new line there.
func (p *Progress) line() string {
	var parts []string
	ready := 0
	for _, name := range p.names {
		n := p.done[name]
		parts = append(parts, fmt.Sprintf("%s %d/%d", fold(name), n[0], n[1]))
		if n[0] >= n[1] {
			ready++
		}
	}
	elapsed := fmt.Sprintf("  %.1f s", p.now().Sub(p.began).Seconds())
	line := strings.Join(parts, "  ") + elapsed
	if twwidth.WidthNoCache(line) < p.width {
		return line
	}
	line = fmt.Sprintf("%d/%s%s", ready, plural(len(p.names), "cluster"), elapsed)
	if len(line) < p.width {
		return line
	}
	return ""
}

// draw writes over what is there. Progress is worth no error: where it cannot be written, it is not seen.
func (p *Progress) draw(line string) {
	width := twwidth.WidthNoCache(line)
	_, _ = io.WriteString(p.out, "\r"+line+strings.Repeat(" ", max(0, p.shown-width)))
	p.shown = width
}
