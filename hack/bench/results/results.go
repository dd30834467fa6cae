// Package results is what the benchmarks measured, as it is kept beside docs/benchmarks.md, and how page and plots are drawn
// from it. The same results give the same bytes. It measures nothing.
package results

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// File is where they are kept, from the repository's root.
const File = "docs/benchmarks.json"

// Results are those of one run of everything.
type Results struct {
	Machine string   `json:"machine"`
	Load    string   `json:"load"` // the machine's own, when it began and when it ended
	Runs    int      `json:"runs"` // of each side, where a row does not say
	Rows    []Row    `json:"rows"`
	Series  []Series `json:"series"`
}

// Row is one measure.
type Row struct {
	ID     string `json:"id"`
	Title  string `json:"title"`
	Target string `json:"target"`
	Ours   *Side  `json:"ours,omitempty"`
	Theirs *Side  `json:"theirs,omitempty"`
	// Count is what was counted, in words, where that is the measure.
	Count string `json:"count,omitempty"`
	// Busy is the machine's load while it was measured, where others kept it busy: times are then too long.
	Busy string `json:"busy,omitempty"`
	// Missing is why it was not measured.
	Missing string `json:"missing,omitempty"`
}

// Side is how one side did. Times are in milliseconds.
type Side struct {
	What   string  `json:"what"`
	Runs   int     `json:"runs"`
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
	CPU    float64 `json:"cpu,omitempty"` // the median, of its processes; 0 within this process
	MB     float64 `json:"mb,omitempty"`  // the most that a process had at once, in 10^6 bytes
}

// Series is one line of a plot: the wall time, in milliseconds, over something.
type Series struct {
	Plot   string  `json:"plot"` // of Plots
	Name   string  `json:"name"`
	Points []Point `json:"points"`
}

// Point is where the median and the extremes were.
type Point struct {
	X      float64 `json:"x"`
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

// Write keeps them below root.
func (r Results) Write(root string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(root, File), append(text, '\n'), 0o644)
}

// Read reads those that are kept below root.
func Read(root string) (Results, error) {
	var r Results
	text, err := os.ReadFile(filepath.Join(root, File))
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("read %s: %w; measure again with: make bench BENCH=all", File, err)
	}
	return r, nil
}

// Merge puts rows that were measured again in the place of those that are kept below root.
func Merge(root string, again Results) (Results, error) {
	all, err := Read(root)
	if err != nil {
		return all, err
	}
	var rows []Row
	done := map[string]bool{}
	for _, old := range all.Rows {
		switch {
		case !slices.ContainsFunc(again.Rows, func(r Row) bool { return r.ID == old.ID }):
			rows = append(rows, old)
		case !done[old.ID]:
			done[old.ID] = true
			for _, r := range again.Rows {
				if r.ID == old.ID {
					rows = append(rows, r)
				}
			}
		}
	}
	for _, r := range again.Rows {
		if !slices.ContainsFunc(all.Rows, func(o Row) bool { return o.ID == r.ID }) {
			rows = append(rows, r)
		}
	}
	for _, s := range again.Series {
		all.Series = slices.DeleteFunc(all.Series, func(o Series) bool { return o.Plot == s.Plot })
	}
	all.Rows, all.Series = rows, append(all.Series, again.Series...)
	return all, nil
}

// Files are the page and its plots, by their paths from the repository's root.
func (r Results) Files() map[string][]byte {
	files := map[string][]byte{"docs/benchmarks.md": r.page()}
	for _, p := range Plots() {
		files[p.File] = r.draw(p)
	}
	return files
}

// Slope is how much the medians of a line grow with what they are over, by least squares.
func (s Series) Slope() float64 {
	var n, x, y, xx, xy float64
	for _, p := range s.Points {
		n, x, y, xx, xy = n+1, x+p.X, y+p.Median, xx+p.X*p.X, xy+p.X*p.Median
	}
	if over := n*xx - x*x; over != 0 {
		return (n*xy - x*y) / over
	}
	return 0
}
