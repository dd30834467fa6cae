package cli

import (
	"fmt"
	"os"
	"path"
	"path/filepath"

	"github.com/cilium-gitops/cilium-gitops/plugin/scaffold"
)

// WriteTree writes files below dir, each whole or not at all, and nothing outside of it, whatever links are there.
func WriteTree(dir string, files []scaffold.Laid) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, f := range files {
		if f.Action != scaffold.Created && f.Action != scaffold.Changed {
			continue
		}
		if err := writeFile(root, f.Path, f.New); err != nil {
			return fmt.Errorf("write %s: %w", filepath.Join(dir, f.Path), err)
		}
	}
	return nil
}

func writeFile(root *os.Root, name, text string) error {
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	temporary := path.Join(path.Dir(name), ".scaffold-"+path.Base(name))
	mode := os.FileMode(0o644)
	if info, err := root.Lstat(name); err == nil {
		if !info.Mode().IsRegular() {
			return fmt.Errorf("is no regular file")
		}
		mode = info.Mode().Perm()
	}
	if err := root.WriteFile(temporary, []byte(text), mode); err != nil {
		return err
	}
	if err := root.Rename(temporary, name); err != nil {
		_ = root.Remove(temporary)
		return err
	}
	return nil
}
