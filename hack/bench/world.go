package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// world is where programs run: their environment, and a folder that is theirs.
type world struct {
	env  []string
	temp string
}

// command is one in that environment and folder.
func (w *world) command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, w.look(name), args...)
	cmd.Env, cmd.Dir = w.env, w.temp
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

// output is what a program prints, which has to succeed.
func (w *world) output(ctx context.Context, name string, args ...string) ([]byte, error) {
	out, err := w.command(ctx, name, args...).Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil, fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(exit.Stderr)))
	}
	return out, err
}

// look finds a program on that environment's PATH, not on ours.
func (w *world) look(name string) string {
	for _, dir := range filepath.SplitList(w.variable("PATH")) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && !info.IsDir() {
			return file
		}
	}
	return name
}

func (w *world) variable(name string) string {
	for _, pair := range w.env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

func (w *world) set(name, value string) {
	for i, pair := range w.env {
		if strings.HasPrefix(pair, name+"=") {
			w.env[i] = name + "=" + value
			return
		}
	}
	w.env = append(w.env, name+"="+value)
}

// with is the same world where one variable is another.
func (w *world) with(name, value string) *world {
	other := &world{env: append([]string(nil), w.env...), temp: w.temp}
	other.set(name, value)
	return other
}
