package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/hack/bench/results"
)

// bench is one run of the benchmarks.
type bench struct {
	state string // of the lab
	runs  int
	local *world // without a lab, with our programs
	bin   string // the folders of our programs, as PATH has them

	lab      *world
	labError error
	series   []results.Series
}

// newBench has our programs at hand: those in bin or, where that is empty, built now as they are released.
func newBench(ctx context.Context, state, bin string, runs int) (*bench, error) {
	temp, err := os.MkdirTemp("", "cilium-gitops-bench-")
	if err != nil {
		return nil, err
	}
	b := &bench{state: state, runs: runs, bin: bin, local: &world{env: os.Environ(), temp: temp}}
	tools := filepath.Join(temp, "bin")
	if b.bin, err = filepath.Abs(cmp.Or(bin, tools)); err == nil {
		err = compile(ctx, filepath.Join(tools, "bench-once"), "./hack/bench/once")
	}
	if err == nil && bin == "" {
		err = compile(ctx, tools+string(filepath.Separator), "./cmd/...")
	}
	if err != nil {
		b.close()
		return nil, err
	}
	b.bin += string(filepath.ListSeparator) + tools
	b.local.set("PATH", b.bin+string(filepath.ListSeparator)+b.local.variable("PATH"))
	return b, nil
}

// compile builds as a release does.
func compile(ctx context.Context, output string, packages ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"build", "-trimpath", "-ldflags", "-s -w", "-o", output}, packages...)...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", strings.Join(packages, " "), err, out)
	}
	return nil
}

// close takes away what it made.
func (b *bench) close() {
	if b.lab != nil {
		_ = b.lab.offer(context.Background(), "delete")
	}
	_ = os.RemoveAll(b.local.temp)
}

// missing is why a row cannot be measured here.
type missing struct{ error }

// withLab opens the lab when the first row asks for it.
func (b *bench) withLab(ctx context.Context) (*world, error) {
	if b.lab == nil && b.labError == nil {
		b.lab, b.labError = openLab(ctx, b.state, b.bin, b.local.temp)
	}
	if b.labError != nil {
		return nil, missing{b.labError}
	}
	return b.lab, nil
}

// measure is a row's results. What is not there to be measured with is said in the row's place.
func (b *bench) measure(ctx context.Context, r row) ([]results.Row, error) {
	before := load()
	all, err := r.measure(ctx, b, r.Row)
	if busy := max(before, load()); busy > 3*float64(runtime.NumCPU()) { // the benchmark itself keeps each processor busy
		for i := range all {
			if all[i].Ours != nil {
				all[i].Busy = fmt.Sprintf("%.0f", busy)
			}
		}
	}
	var none missing
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.As(err, &none):
		r.Missing = none.Error()
	case err != nil: // the other rows can still be measured
		r.Missing = cut("it failed: " + err.Error())
	default:
		return all, nil
	}
	return []results.Row{r.Row}, nil
}

// cut keeps the ends of a text that is long: what was done, and why it failed.
func cut(text string) string {
	if len(text) <= 300 {
		return text
	}
	return text[:100] + " ... " + text[len(text)-200:]
}

// machine is what was measured on, and with which versions.
func (b *bench) machine(ctx context.Context) string {
	w := b.local
	if b.lab != nil {
		w = b.lab
	}
	version := func(args ...string) string {
		out, err := w.output(ctx, args[0], args[1:]...)
		if err != nil {
			return "none"
		}
		line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
		return line
	}
	text := fmt.Sprintf("%s/%s, %d processors, %s; ours: %s", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), version("kubectl-cilium_gitops", "version"))
	if b.lab == nil {
		return text
	}
	return fmt.Sprintf("%s; chart %s; helm %s; dyff %s; kubectl %s", text, filepath.Base(b.lab.variable("LAB_CHART")), version("helm", "version", "--short"), dyff,
		strings.TrimPrefix(version("kubectl", "version", "--client"), "Client Version: "))
}

// load is the machine's own figure, averaged over a minute.
func load() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0 // this system does not say
	}
	var minute float64
	_, _ = fmt.Sscan(string(text), &minute)
	return minute
}
