package results

import (
	"bytes"
	"encoding/xml"
	"io"
	"strings"
	"testing"
)

func some() Results {
	return Results{
		Machine: "linux/amd64", Load: "1.00", Runs: 3,
		Rows: []Row{
			{ID: "P1", Title: "a", Target: "5x", Ours: &Side{What: "ours", Runs: 3, Min: 1, Median: 2, Max: 3, CPU: 1, MB: 40}, Theirs: &Side{What: "theirs", Runs: 3, Min: 9, Median: 10, Max: 11, CPU: 4}},
			{ID: "P2", Title: "b", Target: "x", Missing: "there is no lab"},
			{ID: "P3", Title: "c", Target: "16", Count: "12 requests", Busy: "9.00"},
		},
		Series: []Series{{Plot: "contexts", Name: "<verify>", Points: []Point{{1, 90, 100, 120}, {10, 190, 200, 300}, {200, 5000, 6100, 7300}}}},
	}
}

// TestPage: every row is there, a missing one with its reason, and no figure stands in its place.
func TestPage(t *testing.T) {
	page := string(some().Files()["docs/benchmarks.md"])
	for _, want := range []string{
		"| P1 | a | 5x | ours: 2.0 ms (1.0 ms..3.0 ms), 1.0 ms of CPU, 40 MB | theirs: 10 ms (9.0 ms..11 ms), 4.0 ms of CPU | 5.00x, CPU 4.00x |\n",
		"| P2 | b | x | not measured: there is no lab |  |  |\n",
		"| P3 | c | 16 | 12 requests (busy: load 9.00) |  |  |\n",
		"![verify over the added round trip](benchmarks-latency.svg)",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

// TestPlots: pictures are XML, the same each time, and hold every point; a plot of nothing says that it is.
func TestPlots(t *testing.T) {
	plots := 0
	for name, svg := range some().Files() {
		if !strings.HasSuffix(name, ".svg") {
			continue
		}
		plots++
		if again := some().Files()[name]; !bytes.Equal(svg, again) {
			t.Errorf("%s differs from one time to the next", name)
		}
		d := xml.NewDecoder(bytes.NewReader(svg))
		for {
			if _, err := d.Token(); err == io.EOF {
				break
			} else if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, svg)
			}
		}
		points := strings.Count(string(svg), "<circle ")
		switch name {
		case "docs/benchmarks-contexts.svg":
			if points != 3 || !strings.Contains(string(svg), "200: 6100 ms (5000..7300)") || !strings.Contains(string(svg), "&lt;verify&gt;") {
				t.Errorf("%d points\n%s", points, svg)
			}
		default:
			if points != 0 || !strings.Contains(string(svg), "not measured") {
				t.Errorf("%s: %d points", name, points)
			}
		}
	}
	if plots < 2 {
		t.Errorf("%d plots", plots)
	}
}

func TestSlope(t *testing.T) {
	s := Series{Points: []Point{{X: 0, Median: 100}, {X: 50, Median: 350}, {X: 100, Median: 600}}}
	if got := s.Slope(); got < 4.999 || got > 5.001 {
		t.Errorf("%f", got)
	}
	if got := (Series{Points: []Point{{X: 3, Median: 1}}}).Slope(); got != 0 {
		t.Errorf("of one point: %f", got)
	}
}
