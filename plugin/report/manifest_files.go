package report

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// WriteFiles writes the objects that differ by more than is expected as YAML files, before and after, below two folders
// that nobody else may read: for a program that compares folders and not what is below them. Both folders are there in any case.
func (d ManifestDiff) WriteFiles(before, after string) error {
	for _, dir := range []string{before, after} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
	}
	for _, o := range d.Objects {
		if o.Expected {
			continue
		}
		if o.Change != impact.Added {
			if err := o.writeFile(before, o.before); err != nil {
				return err
			}
		}
		if o.Change != impact.Removed {
			if err := o.writeFile(after, o.after); err != nil {
				return err
			}
		}
	}
	return nil
}

func (o ManifestObject) writeFile(dir string, body map[string]any) error {
	text, err := yamlOf(body)
	if err != nil {
		return err
	}
	name := fileName(fmt.Sprintf("%s.%s.%s.%s", o.Cluster, o.Ref.Kind, o.Ref.Namespace, o.Ref.Name))
	return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600)
}

// fileName is a name that leads nowhere else.
func fileName(s string) string {
	return strings.NewReplacer("/", "-", "\\", "-", ":", "-", "\x00", "-").Replace(s)
}
