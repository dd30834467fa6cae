package results

import (
	"bytes"
	"fmt"
	"html"
	"math"
	"slices"
)

// Plot is one picture of lines over one axis.
type Plot struct {
	Name, Title, Over, File string
	Goal                    float64 // a wanted time at the end of the axis, in milliseconds; 0: none
}

// Plots are all pictures.
func Plots() []Plot {
	return []Plot{
		{Name: "contexts", Title: "verify over the number of contexts, 50 ms away", Over: "contexts", File: "docs/benchmarks-contexts.svg", Goal: 6000},
		{Name: "latency", Title: "verify over the added round trip", Over: "added round trip, ms", File: "docs/benchmarks-latency.svg"},
	}
}

const (
	width, height            = 720.0, 360.0
	left, right, top, bottom = 64.0, 24.0, 44.0, 52.0
)

// style is readable on a light page and on a dark one: text and lines are of middling brightness, and follow the reader's scheme.
const style = `<style>
text{font:13px system-ui,sans-serif;fill:#444}.t{font-size:15px;font-weight:600}.g{stroke:#8884;stroke-width:1}.w{stroke:#888;stroke-dasharray:6 5}
.s0{stroke:#1f6feb;fill:#1f6feb}.s1{stroke:#c4550a;fill:#c4550a}.s2{stroke:#2a8f45;fill:#2a8f45}polyline{fill:none!important;stroke-width:2.5}text.s0,text.s1,text.s2{stroke:none}
@media(prefers-color-scheme:dark){text{fill:#c9d1d9}.s0{stroke:#6cb0ff;fill:#6cb0ff}.s1{stroke:#f0883e;fill:#f0883e}.s2{stroke:#56d364;fill:#56d364}}
</style>
`

// draw is the picture; of no lines it says so.
func (r Results) draw(p Plot) []byte {
	var lines []Series
	xs, ys := 1.0, max(1, p.Goal)
	for _, s := range r.Series {
		if s.Plot != p.Name {
			continue
		}
		lines = append(lines, s)
		for _, point := range s.Points {
			xs, ys = max(xs, point.X), max(ys, point.Max)
		}
	}
	var out bytes.Buffer
	fmt.Fprintf(&out, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">\n%s", width, height, html.EscapeString(p.Title), style)
	fmt.Fprintf(&out, "<text class=\"t\" x=\"%.0f\" y=\"24\">%s</text>\n", left, html.EscapeString(p.Title))
	if len(lines) == 0 {
		fmt.Fprintf(&out, "<text x=\"%.0f\" y=\"%.0f\">not measured</text>\n</svg>\n", left, height/2)
		return out.Bytes()
	}
	step := nice(ys / 5)
	ys = math.Ceil(ys/step) * step
	x := func(v float64) float64 { return left + v/xs*(width-left-right) }
	y := func(v float64) float64 { return height - bottom - v/ys*(height-top-bottom) }
	axes(&out, p, lines, step, ys, x, y)
	for i, s := range lines {
		line(&out, i, s, x, y)
	}
	out.WriteString("</svg>\n")
	return out.Bytes()
}

func axes(out *bytes.Buffer, p Plot, lines []Series, step, ys float64, x, y func(float64) float64) {
	for v := 0.0; v <= ys; v += step {
		fmt.Fprintf(out, "<line class=\"g\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>", left, width-right, y(v), y(v))
		fmt.Fprintf(out, "<text x=\"%.0f\" y=\"%.1f\" text-anchor=\"end\">%g s</text>\n", left-8, y(v)+4, math.Round(v)/1000)
	}
	var ticks []float64
	for _, s := range lines {
		for _, point := range s.Points {
			if !slices.Contains(ticks, point.X) {
				ticks = append(ticks, point.X)
			}
		}
	}
	slices.Sort(ticks)
	for i, v := range ticks {
		if i > 0 && x(v)-x(ticks[i-1]) < 22 && i < len(ticks)-1 {
			continue // its number would touch the one before
		}
		fmt.Fprintf(out, "<text x=\"%.1f\" y=\"%.0f\" text-anchor=\"middle\">%g</text>\n", x(v), height-bottom+18, v)
	}
	fmt.Fprintf(out, "<text x=\"%.0f\" y=\"%.0f\" text-anchor=\"middle\">%s</text>\n", (left+width-right)/2, height-12, html.EscapeString(p.Over))
	if p.Goal > 0 {
		fmt.Fprintf(out, "<line class=\"w\" x1=\"%.0f\" x2=\"%.0f\" y1=\"%.1f\" y2=\"%.1f\"/>", left, width-right, y(p.Goal), y(p.Goal))
		fmt.Fprintf(out, "<text x=\"%.0f\" y=\"%.1f\">wanted at %g: at most %g s</text>\n", left+8, y(p.Goal)-6, ticks[len(ticks)-1], p.Goal/1000)
	}
}

func line(out *bytes.Buffer, i int, s Series, x, y func(float64) float64) {
	class := fmt.Sprintf("s%d", i%3)
	fmt.Fprintf(out, "<polyline class=\"%s\" points=\"", class)
	for j, p := range s.Points {
		if j > 0 {
			out.WriteByte(' ')
		}
		fmt.Fprintf(out, "%.1f,%.1f", x(p.X), y(p.Median))
	}
	out.WriteString("\"/>\n")
	for _, p := range s.Points {
		fmt.Fprintf(out, "<line class=\"%s\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%.1f\" y2=\"%.1f\"/>", class, x(p.X), x(p.X), y(p.Min), y(p.Max))
		fmt.Fprintf(out, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"3.5\"><title>%g: %.0f ms (%.0f..%.0f)</title></circle>\n", class, x(p.X), y(p.Median), p.X, p.Median, p.Min, p.Max)
	}
	fmt.Fprintf(out, "<text class=\"%s\" x=\"%.0f\" y=\"%.0f\" text-anchor=\"end\">%s</text>\n", class, width-right, 24+float64(i)*17, html.EscapeString(s.Name))
}

// nice is 1, 2 or 5 times a power of ten, not less than v.
func nice(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v {
			return m * power
		}
	}
	return 10 * power
}
