package component

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// Builder builds components into a cache.
type Builder struct {
	Source string    // the folder lab/ of a checkout
	Cache  string    // where built components are kept
	Tell   io.Writer // what is being built and how long it took
}

// CacheDir is the lab's folder in the user's cache.
func CacheDir(getenv func(string) string) (string, error) {
	if base := getenv("XDG_CACHE_HOME"); base != "" {
		return filepath.Join(base, "cilium-gitops-lab"), nil
	}
	home := getenv("HOME")
	if home == "" {
		return "", errors.New("find the cache folder: neither XDG_CACHE_HOME nor HOME is set; set one")
	}
	return filepath.Join(home, ".cache", "cilium-gitops-lab"), nil
}

// Ensure returns the folder of a built component, building it when it is not there yet.
func (b Builder) Ensure(ctx context.Context, name string) (string, error) {
	c, ok := Of(name)
	if !ok {
		return "", fmt.Errorf("build %s: no such component", name)
	}
	key, err := b.key(c)
	if err != nil {
		return "", err
	}
	return b.once(c.Name, key, func(into, log string) error { return b.build(ctx, c, into, log) })
}

// Built returns the folder of a component and whether it is there, without building it.
func (b Builder) Built(name string) (string, bool) {
	c, ok := Of(name)
	if !ok {
		return "", false
	}
	key, err := b.key(c)
	if err != nil {
		return "", false
	}
	dir := filepath.Join(b.Cache, key)
	_, err = os.Stat(dir)
	return dir, err == nil
}

// once makes a folder of the cache exactly once, whoever asks and however often: by a lock, and by a rename at the end.
func (b Builder) once(name, key string, fill func(into, log string) error) (string, error) {
	dir := filepath.Join(b.Cache, key)
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	unlock, err := state.Lock(filepath.Join(b.Cache, "lock"), func() { fmt.Fprintln(b.Tell, "waiting for another lab's build") })
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	fmt.Fprintf(b.Tell, "building %s\n", key)
	started := time.Now()
	tmp, err := os.MkdirTemp(b.Cache, ".making-"+name+"-")
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	defer os.RemoveAll(tmp)
	if err := fill(tmp, dir+".log"); err != nil {
		return "", err
	}
	if err := errors.Join(os.Chmod(tmp, 0o755), os.Rename(tmp, dir)); err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	fmt.Fprintf(b.Tell, "built %s in %s\n", key, time.Since(started).Round(time.Second))
	return dir, nil
}

func (b Builder) build(ctx context.Context, c Component, into, log string) error {
	dir := filepath.Join(b.Source, c.Module)
	if c.Upstream != "" {
		work, err := os.MkdirTemp(b.Cache, ".copy-"+c.Name+"-")
		if err != nil {
			return fmt.Errorf("build %s: %w", c.Name, err)
		}
		defer os.RemoveAll(work)
		if err := c.copy(ctx, work); err != nil {
			return fmt.Errorf("copy source of %s: %w", c.Name, err)
		}
		dir = work
	}
	ldflags := strings.Join(append([]string{"-s", "-w"}, c.LDFlags...), " ")
	for _, program := range slices.Sorted(maps.Keys(c.Programs)) {
		args := []string{"build", "-trimpath", "-buildvcs=false", "-mod=readonly", "-tags", strings.Join(c.Tags, ","), "-ldflags", ldflags, "-o", filepath.Join(into, program), c.Programs[program]}
		if err := goCommand(ctx, dir, log, args...); err != nil {
			return fmt.Errorf("build %s: %w; see %s", program, err, log)
		}
	}
	for link, program := range c.Links {
		if err := os.Symlink(program, filepath.Join(into, link)); err != nil {
			return fmt.Errorf("build %s: %w", c.Name, err)
		}
	}
	return nil
}

// copy makes a copy of an upstream module with the file in it that is not published.
func (c Component) copy(ctx context.Context, into string) error {
	dir, err := moduleDir(ctx, c.Upstream, c.Version)
	if err != nil {
		return err
	}
	if err := os.CopyFS(into, os.DirFS(dir)); err != nil {
		return err
	}
	return state.WriteFile(filepath.Join(into, c.Placeholder), []byte("# generated upstream\n"), 0o644)
}

// goCommand runs the Go tool with its output kept in a log file.
func goCommand(ctx context.Context, dir, log string, args ...string) error {
	f, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("open build log: %w", err)
	}
	defer f.Close()
	fmt.Fprintf(f, "%s $ go %s\n", time.Now().Format(time.TimeOnly), strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	cmd.Stdout, cmd.Stderr = f, f
	return cmd.Run()
}
