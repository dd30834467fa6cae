package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/hack/bench/results"
)

// sample is one run of one side.
type sample struct {
	wall time.Duration
	cpu  time.Duration // of a processor, of the processes it started too; 0 within this process
	kib  int64         // the most memory that a process had at once; 0 within this process
}

// side is what one of two sides does.
type side struct {
	what    string   // as the page words it
	command []string // a program of its world's PATH and its arguments
	codes   []int    // exit codes that are no failure, 0 besides
	// inside is done within this process instead: it prepares, and returns what is timed.
	inside func(context.Context, *world) (func() error, error)
}

// turns lets sides run in turns, after one run that does not count, and gives the samples of each.
func turns(ctx context.Context, w *world, runs int, sides ...side) ([][]sample, error) {
	all := make([][]sample, len(sides))
	ready := make([]func() (sample, error), len(sides))
	for i, s := range sides {
		var err error
		if ready[i], err = w.prepare(ctx, s); err != nil {
			return nil, err
		}
	}
	for run := range runs + 1 {
		for i := range sides {
			one, err := ready[i]()
			if err != nil {
				return nil, err
			}
			if run > 0 {
				all[i] = append(all[i], one)
			}
		}
	}
	return all, ctx.Err()
}

// prepare makes a side one that can be run.
func (w *world) prepare(ctx context.Context, s side) (func() (sample, error), error) {
	if s.inside == nil {
		return func() (sample, error) { return w.process(ctx, s) }, nil
	}
	do, err := s.inside(ctx, w)
	if err != nil {
		return nil, err
	}
	return func() (sample, error) {
		began := time.Now()
		err := do()
		return sample{wall: time.Since(began)}, err
	}, nil
}

// process runs a side as a whole process, its output going nowhere.
func (w *world) process(ctx context.Context, s side) (sample, error) {
	file, err := os.CreateTemp(w.temp, "once-")
	if err != nil {
		return sample{}, err
	}
	defer os.Remove(file.Name())
	defer file.Close()
	cmd := w.command(ctx, "bench-once", append([]string{w.look(s.command[0])}, s.command[1:]...)...)
	cmd.ExtraFiles = []*os.File{file} // its descriptor 3
	var words strings.Builder
	cmd.Stderr = &words
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && slices.Contains(s.codes, exit.ExitCode()):
	case err != nil:
		return sample{}, fmt.Errorf("%s: %w: %s", strings.Join(s.command, " "), err, strings.TrimSpace(words.String()))
	}
	var took struct{ Wall, CPU, KiB int64 }
	text, err := os.ReadFile(file.Name())
	if err == nil {
		err = json.Unmarshal(text, &took)
	}
	return sample{wall: time.Duration(took.Wall), cpu: time.Duration(took.CPU), kib: took.KiB}, err
}

// summed is what all samples of a side come to.
func summed(what string, all []sample) *results.Side {
	figure := func(of func(sample) time.Duration) []float64 {
		var out []float64
		for _, s := range all {
			out = append(out, float64(of(s).Microseconds())/1000)
		}
		slices.Sort(out)
		return out
	}
	wall, cpu := figure(func(s sample) time.Duration { return s.wall }), figure(func(s sample) time.Duration { return s.cpu })
	out := &results.Side{What: what, Runs: len(all), Min: wall[0], Median: wall[len(wall)/2], Max: wall[len(wall)-1], CPU: cpu[len(cpu)/2]}
	for _, s := range all {
		out.MB = max(out.MB, float64(s.kib<<10)/1e6)
	}
	return out
}

func point(x float64, s *results.Side) results.Point {
	return results.Point{X: x, Min: s.Min, Median: s.Median, Max: s.Max}
}
