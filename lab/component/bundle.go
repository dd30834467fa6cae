package component

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Bundle is a set of files taken out of Go modules.
type Bundle struct {
	Name    string
	Version string
	Parts   []Part
}

// Part is the files of one module that match any of the patterns; they end up in the folder Into of the bundle, or,
// with Tree, the whole folder of that name does.
type Part struct {
	Module, Version string
	Patterns        []string
	Tree            string
	Into            string
}

// Files returns the folder of a bundle, filling it when it is not there yet.
func (b Builder) Files(ctx context.Context, bundle Bundle) (string, error) {
	return b.once(bundle.Name, bundle.Name+"-"+bundle.Version, func(into, _ string) error {
		for _, part := range bundle.Parts {
			if err := part.copy(ctx, into); err != nil {
				return fmt.Errorf("collect %s from %s@%s: %w", bundle.Name, part.Module, part.Version, err)
			}
		}
		return nil
	})
}

func (p Part) copy(ctx context.Context, into string) error {
	dir, err := moduleDir(ctx, p.Module, p.Version)
	if err != nil {
		return err
	}
	dst := filepath.Join(into, p.Into)
	if p.Tree != "" {
		return os.CopyFS(dst, os.DirFS(filepath.Join(dir, p.Tree)))
	}
	if err := os.MkdirAll(dst, 0o755); err != nil {
		return err
	}
	for _, pattern := range p.Patterns {
		names, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		if len(names) == 0 {
			return fmt.Errorf("nothing matches %s", pattern)
		}
		for _, name := range names {
			raw, err := os.ReadFile(name)
			if err == nil {
				err = os.WriteFile(filepath.Join(dst, filepath.Base(name)), raw, 0o644)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// moduleDir downloads a module and returns where the Go tool keeps it.
func moduleDir(ctx context.Context, module, version string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", module+"@"+version)
	cmd.Dir = os.TempDir()
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, runErr := cmd.Output()
	var answer struct{ Dir, Error string }
	if err := json.Unmarshal(out, &answer); err != nil {
		return "", errors.Join(fmt.Errorf("download module %s@%s: %w", module, version, err), runErr)
	}
	if answer.Error != "" {
		return "", fmt.Errorf("download module %s@%s: %s", module, version, answer.Error)
	}
	return answer.Dir, nil
}
