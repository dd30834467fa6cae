package repo

import (
	"bytes"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"

	"github.com/fluxcd/pkg/sourceignore"
	"sigs.k8s.io/kustomize/api/konfig"
)

// look notes that a directory is looked into: for its kustomization file or, where all is set, for every manifest
// below it.
func (p *plan) look(dir string, all bool) { p.looked[clean(dir)] = p.looked[clean(dir)] || all }

// Read are the files that decide what the cluster gets, sorted: those that it is built of, and the .sourceignore files
// that say what Flux has of them.
func (c *Cluster) Read() []string {
	all := c.Files()
	for _, file := range c.walk.tree.ignores {
		if c.Wanted(file) {
			all = append(all, file)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Wanted tells whether a file that the tree does not have would decide what the cluster gets, if the tree had it: a
// kustomization file or a .sourceignore where one is looked for, or a manifest of a directory that has no
// kustomization file.
func (c *Cluster) Wanted(file string) bool {
	file = clean(file)
	dir, base := path.Dir(file), path.Base(file)
	looked := c.walk.looked
	if _, there := looked[dir]; there && slices.Contains(konfig.RecognizedKustomizationFileNames(), base) {
		return true
	}
	if base == sourceignore.IgnoreFile {
		for at := range looked {
			if below(at, dir) {
				return true
			}
		}
	}
	manifest := path.Ext(base) == ".yaml" || path.Ext(base) == ".yml" || base == sourceignore.IgnoreFile ||
		slices.Contains(konfig.RecognizedKustomizationFileNames(), base)
	for manifest {
		if all, there := looked[dir]; there || dir == "." {
			return all // else its kustomization file says what is read
		}
		dir = path.Dir(dir)
	}
	return false
}

// Changed are the files of Read whose contents are no longer those that were read.
func (c *Cluster) Changed() ([]string, error) {
	root, err := os.OpenRoot(c.walk.tree.dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	var all []string
	for _, name := range c.Read() {
		text, read := c.walk.tree.texts[name]
		if read && !same(root, name, text) {
			all = append(all, name)
		}
	}
	return all, nil
}

func same(root *os.Root, name string, text []byte) bool {
	file, err := root.Open(filepath.FromSlash(name))
	if err != nil {
		return false
	}
	defer file.Close()
	now, err := io.ReadAll(io.LimitReader(file, MaxFile))
	return err == nil && bytes.Equal(now, text)
}
