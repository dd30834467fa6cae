package checkout

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Built is what is compared of a checkout: what a build of manifests read. Paths are from Dir, with slashes.
type Built struct {
	// Files are those that were read.
	Files []string
	// Wanted tells whether a file that is not there would have been read, if it were.
	Wanted func(file string) bool
}

// How a file differs from the commit that is checked out.
const (
	Modified    = "modified"  // its contents differ, or what is staged does
	Untracked   = "untracked" // the commit does not have it: new, or ignored by .gitignore
	Deleted     = "deleted"   // the commit has it, and it is not there
	Unwatched   = "unwatched" // git is told not to compare it: assume-unchanged, skip-worktree
	OtherCommit = "submodule" // its submodule is at another commit than the one that the repository names
)

// maxModules bounds how deep submodules in submodules are looked into.
const maxModules = 5

// Compare is how files that were built of differ from the commit that is checked out, by path. It is git that
// compares: with the line endings, the filters and the attributes that the repository asks for.
func (c Checkout) Compare(ctx context.Context, b Built) (map[string]string, error) {
	out := map[string]string{}
	return out, c.compare(ctx, b, 0, out)
}

func (c Checkout) compare(ctx context.Context, b Built, depth int, out map[string]string) error {
	if depth > maxModules {
		return fmt.Errorf("submodules are nested deeper than %d", maxModules)
	}
	prefix, err := c.ask(ctx, "rev-parse", "--show-prefix")
	if err != nil {
		return err
	}
	index, err := c.index(ctx)
	if err != nil {
		return err
	}
	modules := map[string][]string{}
	for _, file := range b.Files {
		entry, tracked := index[file]
		module := moduleOf(index, file)
		switch {
		case module != "":
			modules[module] = append(modules[module], strings.TrimPrefix(file, module+"/"))
		case !tracked:
			out[file] = Untracked
		case entry.unwatched:
			out[file] = Unwatched
		}
	}
	changes, err := c.changes(ctx, strings.TrimSuffix(prefix, "\n"))
	if err != nil {
		return err
	}
	read := map[string]bool{}
	for _, file := range b.Files {
		read[file] = true
	}
	for file, how := range changes {
		switch inside := modules[file]; {
		case len(inside) > 0:
			for _, name := range inside {
				out[file+"/"+name] = OtherCommit
			}
		case read[file] && out[file] == "":
			out[file] = how
		case !read[file] && how == Deleted && b.Wanted(file):
			out[file] = how
		}
	}
	for file, entry := range index { // what a sparse checkout leaves out
		if entry.unwatched && !read[file] && b.Wanted(file) && !c.exists(file) {
			out[file] = Unwatched
		}
	}
	return c.inModules(ctx, b, modules, depth, out)
}

// inModules compares what was read of submodules with what those have checked out.
func (c Checkout) inModules(ctx context.Context, b Built, modules map[string][]string, depth int, out map[string]string) error {
	for _, module := range slices.Sorted(maps.Keys(modules)) {
		below := map[string]string{}
		inner := Built{Files: modules[module], Wanted: func(file string) bool { return b.Wanted(module + "/" + file) }}
		if err := (Checkout{Dir: filepath.Join(c.Dir, filepath.FromSlash(module))}).compare(ctx, inner, depth+1, below); err != nil {
			return fmt.Errorf("submodule %s: %w", module, err)
		}
		for file, how := range below {
			if out[module+"/"+file] == "" {
				out[module+"/"+file] = how
			}
		}
	}
	return nil
}

// indexed is one entry of git's index.
type indexed struct{ module, unwatched bool }

// index is what git tracks below Dir.
func (c Checkout) index(ctx context.Context) (map[string]indexed, error) {
	text, err := c.ask(ctx, "ls-files", "-v", "--stage", "-z")
	if err != nil {
		return nil, err
	}
	all := map[string]indexed{}
	for record := range strings.SplitSeq(text, "\x00") {
		head, name, ok := strings.Cut(record, "\t") // "H 100644 OID 0\tNAME"
		fields := strings.Fields(head)
		if !ok || len(fields) != 4 {
			if record == "" {
				continue
			}
			return nil, errors.New("git ls-files: an answer that is not understood")
		}
		tag := fields[0]
		all[name] = indexed{module: fields[1] == "160000", unwatched: tag == "S" || tag != strings.ToUpper(tag)}
	}
	return all, nil
}

// exists tells whether there is a file of that name.
func (c Checkout) exists(file string) bool {
	_, err := os.Lstat(filepath.Join(c.Dir, filepath.FromSlash(file)))
	return err == nil
}

// moduleOf is the submodule that a file lies in; empty where in none.
func moduleOf(index map[string]indexed, file string) string {
	for dir := path.Dir(file); dir != "."; dir = path.Dir(dir) {
		if index[dir].module {
			return dir
		}
	}
	return ""
}

// changes are the tracked files, and submodules, that are not as the commit has them, staged changes and both names of
// a renamed file too.
func (c Checkout) changes(ctx context.Context, prefix string) (map[string]string, error) {
	text, err := c.ask(ctx, "status", "--porcelain=v2", "-z", "--no-renames", "--untracked-files=no", "--ignored=no",
		"--ignore-submodules=dirty", "--", ".")
	if err != nil {
		return nil, err
	}
	all := map[string]string{}
	for record := range strings.SplitSeq(text, "\x00") {
		fields := map[string]int{"1": 9, "u": 11}[strings.SplitN(record, " ", 2)[0]]
		if fields == 0 {
			continue
		}
		parts := strings.SplitN(record, " ", fields) // kind, XY, sub, ..., path
		if len(parts) != fields {
			return nil, errors.New("git status: an answer that is not understood")
		}
		name, ok := strings.CutPrefix(parts[fields-1], prefix)
		if !ok {
			continue
		}
		all[name] = Modified
		if parts[1][1] == 'D' || parts[1] == "D." {
			all[name] = Deleted
		}
	}
	return all, nil
}
