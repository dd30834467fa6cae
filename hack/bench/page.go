package main

import (
	"fmt"
	"os"
	"strings"
	"time"
)

// page is where --write writes.
const page = "docs/benchmarks.md"

// figures are a side's median, shortest and longest time, its processor time and its memory.
func figures(all []sample) string {
	w := sorted(all, wall)
	text := fmt.Sprintf("%s (%s..%s)", show(median(w)), show(w[0]), show(w[len(w)-1]))
	var kib int64
	for _, s := range all {
		kib = max(kib, s.kib)
	}
	if kib > 0 {
		text += fmt.Sprintf(", %s of CPU, %d MB", show(median(sorted(all, cpu))), (kib<<10)/1_000_000)
	}
	return text
}

func show(d time.Duration) string {
	if d < 10*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%d ms", d.Milliseconds())
}

// ratio is how many times faster we are, by the medians; and by those of processor time, which a busy machine changes less.
func (m measured) ratio() string {
	over := func(figure func(sample) time.Duration) float64 {
		return float64(median(sorted(m.theirs, figure))) / float64(median(sorted(m.ours, figure)))
	}
	text := fmt.Sprintf("%.2fx", over(wall))
	if m.row.ours.inside == nil && m.row.theirs.inside == nil {
		text += fmt.Sprintf(", CPU %.2fx", over(cpu))
	}
	return text
}

// text is the row for a terminal.
func (m measured) text() string {
	return fmt.Sprintf("%s  %s (wanted: %s)\n  ours    %s  %s\n  theirs  %s  %s\n  ratio   %s\n",
		m.id, m.title, m.target, figures(m.ours), m.row.ours.what, figures(m.theirs), m.row.theirs.what, m.ratio())
}

func writePage(machine string, runs int, all []measured) error {
	var text strings.Builder
	fmt.Fprintf(&text, `# Benchmarks

What `+"`make bench`"+` measured, against what people use today. Both sides took turns in one run, %d runs each after one that
does not count; a figure is the median, with the shortest and the longest in brackets, the median of processor time, and the most
memory that one process had at once. The ratio is of the medians: above 1, ours is faster. Nothing in the tests depends on any of it.

Measured on %s.

| | what | wanted | ours | theirs | ratio |
|---|---|---|---|---|---|
`, runs, machine)
	for _, m := range all {
		fmt.Fprintf(&text, "| %s | %s | %s | %s: %s | %s: %s | %s |\n",
			m.id, m.title, m.target, m.row.ours.what, figures(m.ours), m.row.theirs.what, figures(m.theirs), m.ratio())
	}
	text.WriteString(`
Ours asks both API servers for what is there, fetches the chart from the registry and answers its lookups; helm and dyff
see the chart's archive and two files of values, and no cluster. To add a measure, add a row to hack/bench/rows.go.
`)
	return os.WriteFile(page, []byte(text.String()), 0o644)
}
