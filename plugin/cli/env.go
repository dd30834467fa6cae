// Package cli is cobra, flags and wiring for both plugins. It holds no logic: it turns flags into the arguments of
// other packages and their values into output and an exit code.
package cli

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/term"
	"k8s.io/cli-runtime/pkg/genericiooptions"

	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// Env is what a command has of the world around it. Tests make their own.
type Env struct {
	genericiooptions.IOStreams
	// Name is how the user typed the program: "kubectl cilium-gitops", or the file's own name.
	Name   string
	Getenv func(string) string
	Now    func() time.Time
	// Sleep waits, or returns early with the context's error.
	Sleep func(context.Context, time.Duration) error
	// Width is how many columns the terminal behind w has; 0 when there is none.
	Width func(w io.Writer) int
}

// System is the Env of a real process.
func System(name string) *Env {
	return &Env{
		IOStreams: genericiooptions.IOStreams{In: os.Stdin, Out: os.Stdout, ErrOut: os.Stderr},
		Name:      name,
		Getenv:    os.Getenv,
		Now:       time.Now,
		Sleep:     sleep,
		Width:     width,
	}
}

// TypedName is what the user typed to get argv0: kubectl and flux call a plugin by its file's path.
func TypedName(argv0 string) string {
	name := strings.TrimSuffix(filepath.Base(argv0), ".exe")
	for _, host := range []string{"kubectl", "flux"} {
		if plugin, ok := strings.CutPrefix(name, host+"-"); ok {
			return host + " " + strings.ReplaceAll(plugin, "_", "-")
		}
	}
	return name
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

func width(w io.Writer) int {
	file, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0
	}
	return columns
}

// Style is how to write to w under --color mode.
func (e *Env) Style(w io.Writer, mode string) (report.Style, error) {
	columns := e.Width(w)
	color, err := report.ColorFor(mode, columns > 0 && colours(w), e.Getenv)
	if err != nil {
		return report.Style{}, Usage("--color: %w", err)
	}
	return report.Style{Color: color, Width: columns, Unicode: columns > 0 && strings.Contains(strings.ToUpper(e.Getenv("LANG")+e.Getenv("LC_ALL")), "UTF-8")}, nil
}
