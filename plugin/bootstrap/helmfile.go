package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// maxValues bounds a values file, in bytes. Cilium's are a few KiB.
const maxValues = 8 << 20

// patience is how long helmfile's own children may keep its output open once it is told to stop.
const patience = 2 * time.Second

// ErrNoHelmfile is the error of a machine without helmfile.
var ErrNoHelmfile = errors.New("there is no helmfile on the PATH")

// Helmfile is a state of helmfile's and the one release of it that is asked for.
type Helmfile struct {
	File        string // the state: a file or a folder
	Environment string // of helmfile: the fleet's name of the cluster
	Release     string // "cilium"
}

// Args are what helmfile is called with, to write values below dir. Repositories are left alone: values need no chart.
func (h Helmfile) Args(dir string) []string {
	return []string{
		"--file", h.File, "--environment", h.Environment, "--selector", "name=" + h.Release,
		"--skip-deps", "--no-color", "--log-level", "error",
		"write-values", "--output-file-template", filepath.Join(dir, "{{ .State.AbsPathSHA1 }}", "{{ .Release.Name }}.yaml"),
	}
}

// Command is what a person would type to see what helmfile says.
func (h Helmfile) Command() string {
	return fmt.Sprintf("helmfile -f %s -e %s -l name=%s write-values --output-file-template /dev/null", h.File, h.Environment, h.Release)
}

// Values has helmfile write the values of the release, merged, and returns them as YAML with nothing masked. They are
// on disk for as long as that takes, in a folder that nobody else may read. Errors never quote what helmfile says.
func (h Helmfile) Values(ctx context.Context) ([]byte, error) {
	if _, err := os.Stat(h.File); err != nil {
		return nil, fmt.Errorf("read the bootstrap: %w", err)
	}
	program, err := exec.LookPath("helmfile")
	if err != nil {
		return nil, fmt.Errorf("read the bootstrap %s: %w; install it, or name a values file: bootstrap.values in the fleet file, or file=PATH",
			h.File, ErrNoHelmfile)
	}
	dir, err := os.MkdirTemp("", "cilium-gitops-bootstrap-") // 0700
	if err != nil {
		return nil, fmt.Errorf("make room for the bootstrap's values: %w", err)
	}
	defer os.RemoveAll(dir)
	out, temporary := filepath.Join(dir, "out"), filepath.Join(dir, "tmp")
	for _, folder := range []string{out, temporary} {
		if err := os.Mkdir(folder, 0o700); err != nil {
			return nil, fmt.Errorf("make room for the bootstrap's values: %w", err)
		}
	}
	if err := h.run(ctx, program, out, temporary); err != nil {
		return nil, err
	}
	return h.written(out)
}

func (h Helmfile) run(ctx context.Context, program, out, temporary string) error {
	cmd := exec.CommandContext(ctx, program, h.Args(out)...)
	cmd.WaitDelay = patience
	cmd.Env = append(os.Environ(), "TMPDIR="+temporary, "HELMFILE_TEMPDIR="+temporary) // what it leaves behind goes, too
	err := cmd.Run()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("read the bootstrap %s: helmfile did not end in time: raise --timeout", h.File)
	}
	how := "could not be run"
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		how = "failed: " + exit.String()
	}
	return fmt.Errorf("read the bootstrap %s: helmfile %s; its words may hold secrets and are not repeated, see them with: %s",
		h.File, how, h.Command())
}

// written is the one file below dir that is the release's.
func (h Helmfile) written(dir string) ([]byte, error) {
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && entry.Name() == h.Release+".yaml" && filepath.Dir(filepath.Dir(path)) == dir {
			found = append(found, path)
		}
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the values that helmfile wrote: %w", err)
	case len(found) == 0:
		return nil, fmt.Errorf("read the bootstrap %s: environment %s has no release %s", h.File, h.Environment, h.Release)
	case len(found) > 1:
		return nil, fmt.Errorf("read the bootstrap %s: environment %s has %d releases %s; name the state that has Cilium's as bootstrap.helmfile in the fleet file",
			h.File, h.Environment, len(found), h.Release)
	}
	file, err := os.Open(found[0])
	if err != nil {
		return nil, fmt.Errorf("read the values that helmfile wrote: %w", err)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxValues+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the values that helmfile wrote: %w", err)
	case len(text) > maxValues:
		return nil, fmt.Errorf("read the values that helmfile wrote: more than %d MiB", maxValues>>20)
	case strings.TrimSpace(string(text)) == "":
		return nil, fmt.Errorf("read the bootstrap %s: helmfile wrote no values for release %s", h.File, h.Release)
	}
	return text, nil
}
