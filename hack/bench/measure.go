package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// sample is one run of one side.
type sample struct {
	wall time.Duration
	cpu  time.Duration // of a processor, of the processes it started too; 0 within this process
	kib  int64         // the most memory that a process had at once; 0 within this process
}

// measured is a row and what was measured of it.
type measured struct {
	row

	ours, theirs []sample
}

// measure lets both sides run in turns.
func (l *lab) measure(ctx context.Context, r row, runs int) (measured, error) {
	m := measured{row: r}
	ours, err := l.prepare(ctx, r.ours)
	if err != nil {
		return m, err
	}
	theirs, err := l.prepare(ctx, r.theirs)
	if err != nil {
		return m, err
	}
	for i := range runs + 1 {
		a, err := ours()
		if err != nil {
			return m, err
		}
		b, err := theirs()
		if err != nil {
			return m, err
		}
		if i > 0 { // the first run fills caches
			m.ours, m.theirs = append(m.ours, a), append(m.theirs, b)
		}
	}
	return m, nil
}

// prepare makes a side one that can be run.
func (l *lab) prepare(ctx context.Context, s side) (func() (sample, error), error) {
	if s.inside == nil {
		return func() (sample, error) { return l.process(ctx, s) }, nil
	}
	do, err := s.inside(ctx, l)
	if err != nil {
		return nil, err
	}
	return func() (sample, error) {
		began := time.Now()
		do()
		return sample{wall: time.Since(began)}, nil
	}, nil
}

// process runs a side as a whole process, its output going nowhere.
func (l *lab) process(ctx context.Context, s side) (sample, error) {
	cmd := l.command(ctx, s.command[0], s.command[1:]...)
	var words strings.Builder
	cmd.Stderr = &words
	began := time.Now()
	err := cmd.Run()
	took := time.Since(began)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit) && exit.ExitCode() == s.code:
	case err != nil:
		return sample{}, fmt.Errorf("%s: %w: %s", strings.Join(s.command, " "), err, strings.TrimSpace(words.String()))
	}
	one := sample{wall: took}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		one.kib = usage.Maxrss
		one.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	return one, nil
}

// sorted are one figure of all samples, the least first.
func sorted(all []sample, figure func(sample) time.Duration) []time.Duration {
	var out []time.Duration
	for _, s := range all {
		out = append(out, figure(s))
	}
	slices.Sort(out)
	return out
}

func wall(s sample) time.Duration { return s.wall }
func cpu(s sample) time.Duration  { return s.cpu }

func median(all []time.Duration) time.Duration { return all[len(all)/2] }

// command is one in the lab's environment.
func (l *lab) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, l.look(name), args...)
	cmd.Env = l.env
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}
