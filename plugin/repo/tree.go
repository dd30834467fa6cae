package repo

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// The bounds of what is read of a tree.
const (
	MaxFile    = manifest.MaxBytes // bytes of one file
	MaxRead    = 256 << 20         // bytes of all files that are read
	MaxEntries = 300_000           // files and directories
)

// ErrLimit is what errors of trees that are larger than is looked at wrap.
var ErrLimit = errors.New("larger than is looked at")

// Tree is a Git working tree as Flux's source-controller packs it: without what .sourceignore leaves out, and without
// symbolic links. Files are read when they are asked for, and kept.
type Tree struct {
	dir     string // absolute
	root    *os.Root
	entries map[string]entry // by path from the root, with slashes; "." is the root
	links   []string
	ignored []gitignore.Pattern // of all .sourceignore files
	ignores []string            // those files
	texts   map[string][]byte
	parsed  map[string]*manifest.File
	errs    map[string]error // of parsed
	builds  map[string]built
	judged  map[string]judged // of lint, by cluster
	read    int64
}

type entry struct {
	dir   bool
	size  int64
	names []string // of a directory
}

// Open lists the tree below dir, which should be the repository's root: paths in Flux's objects begin there. The
// Tree must be closed.
func Open(dir string) (*Tree, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		abs = real
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return nil, fmt.Errorf("open the tree: %w", err)
	}
	t := &Tree{
		dir: abs, root: root, entries: map[string]entry{}, texts: map[string][]byte{},
		parsed: map[string]*manifest.File{}, errs: map[string]error{}, builds: map[string]built{},
	}
	if err := t.list(); err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return t, nil
}

// Close releases the tree.
func (t *Tree) Close() error { return t.root.Close() }

// Root is the repository that a path lies in: the nearest directory above, or the path itself, that holds .git or a
// fleet file; false where there is none.
func Root(name string) (string, bool) {
	abs, err := filepath.Abs(name)
	if err != nil {
		return "", false
	}
	for at := abs; ; at = filepath.Dir(at) {
		for _, mark := range []string{".git", fleet.File} {
			if _, err := os.Lstat(filepath.Join(at, mark)); err == nil {
				return at, true
			}
		}
		if at == filepath.Dir(at) {
			return "", false
		}
	}
}

// list walks the tree without following links. What Flux's artifact does not hold is left out.
func (t *Tree) list() error {
	var patterns []gitignore.Pattern
	err := fs.WalkDir(t.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && d.Name() == ".git":
			return fs.SkipDir
		case len(t.entries) >= MaxEntries:
			return fmt.Errorf("%s: more than %d files: %w", name, MaxEntries, ErrLimit)
		case d.IsDir():
			more, err := t.ignoredIn(name)
			patterns = append(patterns, more...)
			t.entries[name] = entry{dir: true}
			return err
		case d.Type()&fs.ModeSymlink != 0:
			t.links = append(t.links, name)
			return nil
		case !d.Type().IsRegular():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		t.entries[name] = entry{size: info.Size()}
		return nil
	})
	if err != nil {
		return fmt.Errorf("list the tree: %w", err)
	}
	t.leaveOut(patterns)
	return nil
}

func (t *Tree) ignoredIn(dir string) ([]gitignore.Pattern, error) {
	file, err := t.root.Open(path.Join(dir, sourceignore.IgnoreFile))
	if err != nil {
		return nil, nil // there is none
	}
	defer file.Close()
	t.ignores = append(t.ignores, path.Join(dir, sourceignore.IgnoreFile))
	var domain []string
	if dir != "." {
		domain = strings.Split(dir, "/")
	}
	return sourceignore.ReadPatterns(io.LimitReader(file, MaxFile), domain), nil
}

// leaveOut drops what the patterns and Flux's own leave out, and notes what each directory then holds.
func (t *Tree) leaveOut(patterns []gitignore.Pattern) {
	t.ignored = patterns
	matcher := sourceignore.NewDefaultMatcher(patterns, nil)
	for name, e := range t.entries {
		if name != "." && !e.dir && matcher.Match(strings.Split(name, "/"), false) {
			delete(t.entries, name)
		}
	}
	for name := range t.entries {
		if name == "." {
			continue
		}
		parent := t.entries[path.Dir(name)]
		parent.dir = true
		parent.names = append(parent.names, path.Base(name))
		t.entries[path.Dir(name)] = parent
	}
	for name, e := range t.entries {
		slices.Sort(e.names)
		t.entries[name] = e
	}
	slices.Sort(t.links)
}

// Files are all files of the tree below dir, sorted.
func (t *Tree) Files(dir string) []string {
	dir = clean(dir)
	var all []string
	for name, e := range t.entries {
		if !e.dir && below(name, dir) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

// Links are the symbolic links of the tree, which Flux does not see.
func (t *Tree) Links() []string { return t.links }

// IsDir tells whether the tree has a directory of that path.
func (t *Tree) IsDir(name string) bool { return t.entries[clean(name)].dir }

// IsFile tells whether the tree has a file of that path.
func (t *Tree) IsFile(name string) bool {
	e, ok := t.entries[clean(name)]
	return ok && !e.dir
}

// Text is a file's contents.
func (t *Tree) Text(name string) ([]byte, error) {
	name = clean(name)
	if text, ok := t.texts[name]; ok {
		return text, nil
	}
	e, ok := t.entries[name]
	switch {
	case slices.Contains(t.links, name):
		return nil, fmt.Errorf("%s: is a symbolic link, which Flux's artifact does not hold: %w", name, fs.ErrNotExist)
	case !ok || e.dir:
		return nil, fmt.Errorf("%s: there is no such file in the tree: %w", name, fs.ErrNotExist)
	case e.size > MaxFile:
		return nil, fmt.Errorf("%s: has %d bytes; more than %d are not read: %w", name, e.size, MaxFile, ErrLimit)
	case t.read+e.size > MaxRead:
		return nil, fmt.Errorf("%s: more than %d MiB of the tree would be read: %w", name, MaxRead>>20, ErrLimit)
	}
	file, err := t.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, MaxFile))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t.read += int64(len(text))
	t.texts[name] = text
	return text, nil
}

// Parse is a file's documents. A file that is not YAML is an error that names it, and the line.
func (t *Tree) Parse(name string) (*manifest.File, error) {
	name = clean(name)
	if f, ok := t.parsed[name]; ok {
		return f, t.errs[name]
	}
	text, err := t.Text(name)
	if err != nil {
		return nil, err
	}
	f, err := manifest.Parse(name, text)
	t.parsed[name], t.errs[name] = f, err
	return f, err
}

// clean is a path from the root with slashes; one that leaves the tree stays outside of it.
func clean(name string) string {
	name = path.Clean(filepath.ToSlash(name))
	if path.IsAbs(name) { // as Flux does: an absolute path begins at the root
		name = strings.TrimPrefix(name, "/")
	}
	if name == "" {
		return "."
	}
	return name
}

func below(name, dir string) bool {
	return dir == "." || name == dir || strings.HasPrefix(name, dir+"/")
}
