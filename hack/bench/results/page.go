package results

import (
	"bytes"
	"fmt"
	"strings"
)

// Text is a row for a terminal.
func (r Row) Text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%-4s %s (wanted: %s)\n", r.ID, r.Title, r.Target)
	if r.Ours != nil {
		fmt.Fprintf(&out, "     ours    %s  %s\n", r.Ours, r.Ours.What)
	}
	if r.Theirs != nil {
		fmt.Fprintf(&out, "     theirs  %s  %s\n     ratio   %s\n", r.Theirs, r.Theirs.What, r.Ratio())
	}
	if r.Count != "" {
		fmt.Fprintf(&out, "     %s\n", r.Count)
	}
	if r.Busy != "" {
		fmt.Fprintf(&out, "     the machine was busy: load %s\n", r.Busy)
	}
	if r.Missing != "" {
		fmt.Fprintf(&out, "     not measured: %s\n", r.Missing)
	}
	return out.String()
}

// String is the median, the extremes, processor time and memory.
func (s *Side) String() string {
	text := fmt.Sprintf("%s (%s..%s)", show(s.Median), show(s.Min), show(s.Max))
	if s.CPU > 0 {
		text += ", " + show(s.CPU) + " of CPU"
	}
	if s.MB > 0 {
		text += fmt.Sprintf(", %.0f MB", s.MB)
	}
	return text
}

func show(ms float64) string {
	switch {
	case ms < 10:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 10_000:
		return fmt.Sprintf("%.0f ms", ms)
	}
	return fmt.Sprintf("%.1f s", ms/1000)
}

// Ratio is how many times faster we are, by the medians; and by those of processor time, which a busy machine changes less.
func (r Row) Ratio() string {
	if r.Ours == nil || r.Theirs == nil || r.Ours.Median == 0 {
		return ""
	}
	text := fmt.Sprintf("%.2fx", r.Theirs.Median/r.Ours.Median)
	if r.Ours.CPU > 0 && r.Theirs.CPU > 0 {
		text += fmt.Sprintf(", CPU %.2fx", r.Theirs.CPU/r.Ours.CPU)
	}
	return text
}

const introduction = `# Benchmarks

What ` + "`make bench BENCH=all`" + ` measured, against what people use today. Both sides took turns in one run, after one run that does not
count; a figure is the median, with the shortest and the longest in brackets, the median of processor time, and the most
memory that one process had at once. The ratio is of the medians: above 1, ours is faster. Nothing in the tests depends on
any time; what is counted is asserted there too.

`

const setting = `
The script is the usual nine lines of kubectl and flux ([hack/bench/testdata/validate.sh](../hack/bench/testdata/validate.sh)), repaired so that it can
pass. P1, P2, P9 and P10 run on the lab (` + "`make lab`" + `): real API servers and Flux, simulated nodes. Many and large clusters are
recordings multiplied, served over TLS and HTTP/2 by the benchmark itself on the same processors (hack/fakeapi), with nodes and
pods that are furnished as those of clusters in use. Latency is added to each direction of each packet, the
handshakes of TCP and TLS included; bandwidth is loopback's. Ours has, for P9, asked both API servers for what is there, fetched the chart
from the registry and answered its lookups; helm and dyff saw the chart's archive and two files of values, and no cluster.

To add a measure, add a row to hack/bench/rows.go. ` + "`make generate`" + ` draws this page again from benchmarks.json.
`

func (r Results) page() []byte {
	var out bytes.Buffer
	out.WriteString(introduction)
	fmt.Fprintf(&out, "Measured on %s.\n", r.Machine)
	if r.Load != "" {
		fmt.Fprintf(&out, "Load of the machine, by others too: %s. Where it was busy, times are long and far apart, and processor time says more.\n", r.Load)
	}
	out.WriteString("\n| | what | wanted | ours | theirs | ratio |\n|---|---|---|---|---|---|\n")
	side := func(s *Side) string {
		if s == nil {
			return ""
		}
		return s.What + ": " + s.String()
	}
	for _, row := range r.Rows {
		ours := strings.Join(nonEmpty(row.Count, side(row.Ours)), "; ")
		if row.Missing != "" {
			ours = "not measured: " + row.Missing
		}
		if row.Busy != "" {
			ours += " (busy: load " + row.Busy + ")"
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s | %s | %s |\n", row.ID, row.Title, row.Target, ours, side(row.Theirs), row.Ratio())
	}
	for _, p := range Plots() {
		fmt.Fprintf(&out, "\n![%s](%s)\n", p.Title, strings.TrimPrefix(p.File, "docs/"))
	}
	out.WriteString(missed)
	out.WriteString(setting)
	return out.Bytes()
}

func nonEmpty(all ...string) []string {
	var out []string
	for _, s := range all {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}
