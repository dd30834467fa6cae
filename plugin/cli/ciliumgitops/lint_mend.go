package ciliumgitops

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
)

// maxRounds bounds mending: what one edit brings about, the next round mends.
const maxRounds = 8

// lintTree is one tree to lint, and to mend.
type lintTree struct {
	options *lintOptions
	root    string
	paths   []string // from the root
	rules   []lint.Rule
	schemas *repo.Schemas // nil where none is asked for
}

// lint reads the tree anew and judges it.
func (t lintTree) lint(ctx context.Context) (lint.Result, []string, error) {
	tree, err := repo.Open(t.root)
	if err != nil {
		return lint.Result{}, nil, cli.Usage("%w", err)
	}
	defer tree.Close()
	for _, path := range t.paths {
		if !tree.IsDir(path) && !tree.IsFile(path) {
			return lint.Result{}, nil, cli.Usage("lint %s: Flux does not see it: .sourceignore leaves it out", path)
		}
	}
	f, clusters, err := t.options.fleetOf(tree, t.root)
	if err != nil {
		return lint.Result{}, nil, err
	}
	in, err := tree.Lint(ctx, f, clusters, t.paths, t.schemas)
	if err != nil {
		return lint.Result{}, nil, cli.Usage("%w", err)
	}
	var names []string
	for _, c := range clusters {
		names = append(names, c.Name)
	}
	return lint.Run(in, t.rules), names, nil
}

// mend makes the edits of findings until there is none left to make.
func (t lintTree) mend(ctx context.Context, result lint.Result, clusters []string) (lint.Result, []string, []report.Mended, error) {
	var mended []report.Mended
	for range maxRounds {
		edits := lint.Edits(result.Findings)
		files := make([]string, 0, len(edits))
		for file := range edits {
			files = append(files, file)
		}
		slices.Sort(files)
		made := 0
		for _, file := range files {
			done, err := t.edit(file, edits[file])
			if err != nil {
				return result, clusters, mended, cli.Usage("mend %s: %w", file, err)
			}
			for _, e := range done {
				mended = append(mended, report.Mended{File: file, Change: e.Says})
			}
			made += len(done)
		}
		if made == 0 {
			break
		}
		var err error
		if result, clusters, err = t.lint(ctx); err != nil {
			return result, clusters, mended, err
		}
	}
	return result, clusters, mended, nil
}

// edit changes one file. It is written whole, or left as it was.
func (t lintTree) edit(file string, edits []manifest.Edit) ([]manifest.Edit, error) {
	path := filepath.Join(t.root, filepath.FromSlash(file))
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	after, made := manifest.Apply(text, edits)
	if len(made) == 0 {
		return nil, nil
	}
	if _, err := manifest.Parse(file, after); err != nil {
		return nil, fmt.Errorf("the change would break it, so it was not made: %w", err)
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))+".*")
	if err != nil {
		return nil, err
	}
	_, err = temporary.Write(after)
	if err = errors.Join(err, temporary.Chmod(info.Mode().Perm()), temporary.Close()); err == nil {
		err = os.Rename(temporary.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(temporary.Name()))
	}
	return made, nil
}
