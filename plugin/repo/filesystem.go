package repo

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// errReadOnly is what kustomize gets that would write.
var errReadOnly = errors.New("the tree is only read")

// view is the tree as kustomize sees it, with the files of one build laid over. Paths are the tree's real ones, so
// that they look like paths to every system's rules; nothing outside of the tree is there.
type view struct {
	tree *Tree
	over map[string][]byte // by path from the root
}

var _ filesys.FileSystem = view{}

// rel is a path from the root; false where it leaves the tree.
func (v view) rel(name string) (string, bool) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(v.tree.dir, name)
	}
	rel, err := filepath.Rel(v.tree.dir, filepath.Clean(name))
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", false
	}
	return filepath.ToSlash(rel), true
}

// abs is where a path from the root is for kustomize.
func (v view) abs(rel string) string { return filepath.Join(v.tree.dir, filepath.FromSlash(rel)) }

func (v view) IsDir(name string) bool {
	rel, ok := v.rel(name)
	return ok && v.tree.IsDir(rel)
}

func (v view) isFile(name string) bool {
	rel, ok := v.rel(name)
	if !ok {
		return false
	}
	_, over := v.over[rel]
	return over || v.tree.IsFile(rel)
}

func (v view) Exists(name string) bool { return v.IsDir(name) || v.isFile(name) }

func (v view) ReadFile(name string) ([]byte, error) {
	rel, ok := v.rel(name)
	if !ok {
		return nil, fmt.Errorf("%s: is outside of the repository", name)
	}
	if text, ok := v.over[rel]; ok {
		return slices.Clone(text), nil
	}
	text, err := v.tree.Text(rel)
	return slices.Clone(text), err
}

func (v view) ReadDir(name string) ([]string, error) {
	rel, ok := v.rel(name)
	if !ok || !v.tree.IsDir(rel) {
		return nil, fmt.Errorf("%s: there is no such directory in the tree: %w", name, fs.ErrNotExist)
	}
	names := slices.Clone(v.tree.entries[rel].names)
	for over := range v.over {
		if path.Dir(over) == rel && !slices.Contains(names, path.Base(over)) {
			names = append(names, path.Base(over))
		}
	}
	slices.Sort(names)
	return names, nil
}

// CleanedAbs splits a path into the directory, which has no links, and the file.
func (v view) CleanedAbs(name string) (filesys.ConfirmedDir, string, error) {
	rel, ok := v.rel(name)
	switch {
	case !ok:
		return "", "", fmt.Errorf("%s: is outside of the repository", name)
	case v.tree.IsDir(rel):
		return filesys.ConfirmedDir(v.abs(rel)), "", nil
	case v.isFile(name):
		return filesys.ConfirmedDir(v.abs(path.Dir(rel))), path.Base(rel), nil
	}
	return "", "", fmt.Errorf("%s: there is no such file or directory in the tree: %w", rel, fs.ErrNotExist)
}

func (v view) Glob(pattern string) ([]string, error) {
	var found []string
	err := v.Walk(filepath.Dir(pattern), func(name string, _ os.FileInfo, _ error) error {
		ok, err := filepath.Match(pattern, name)
		if ok {
			found = append(found, name)
		}
		return err
	})
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return found, err
}

func (v view) Walk(name string, walk filepath.WalkFunc) error {
	rel, ok := v.rel(name)
	if !ok || !v.Exists(name) {
		return fmt.Errorf("%s: there is no such directory in the tree: %w", name, fs.ErrNotExist)
	}
	err := v.walk(rel, walk)
	if errors.Is(err, filepath.SkipDir) {
		return nil
	}
	return err
}

func (v view) walk(rel string, walk filepath.WalkFunc) error {
	at := v.abs(rel)
	dir := v.tree.IsDir(rel)
	err := walk(at, info{path.Base(rel), v.tree.entries[rel].size, dir}, nil)
	if !dir {
		return err
	}
	if err != nil {
		if errors.Is(err, filepath.SkipDir) {
			return nil
		}
		return err
	}
	names, err := v.ReadDir(at)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := v.walk(path.Join(rel, name), walk); err != nil {
			return err
		}
	}
	return nil
}

func (v view) Open(string) (filesys.File, error)   { return nil, errReadOnly }
func (v view) Create(string) (filesys.File, error) { return nil, errReadOnly }
func (v view) Mkdir(string) error                  { return errReadOnly }
func (v view) MkdirAll(string) error               { return errReadOnly }
func (v view) RemoveAll(string) error              { return errReadOnly }
func (v view) WriteFile(string, []byte) error      { return errReadOnly }

// info is a file's or directory's.
type info struct {
	name string
	size int64
	dir  bool
}

func (i info) Name() string { return i.name }
func (i info) Size() int64  { return i.size }
func (i info) Mode() fs.FileMode {
	if i.dir {
		return fs.ModeDir | 0o555
	}
	return 0o444
}
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.dir }
func (i info) Sys() any           { return nil }
