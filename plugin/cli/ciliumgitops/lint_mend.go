package ciliumgitops

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/cli"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
	"github.com/cilium-gitops/cilium-gitops/plugin/scaffold"
)

// lintTree is one tree to lint, and to mend.
type lintTree struct {
	options *lintOptions
	root    string
	paths   []string // from the root
	rules   []lint.Rule
	schemas *repo.Schemas // nil where none is asked for
}

// lint reads the tree and judges it; with --fix it mends it, too, and says what it changed.
func (t lintTree) lint(ctx context.Context) (lint.Result, []string, []report.Mended, error) {
	var none lint.Result
	tree, err := repo.Open(t.root)
	if err != nil {
		return none, nil, nil, cli.Usage("%w", err)
	}
	defer tree.Close()
	for _, path := range t.paths {
		if !tree.IsDir(path) && !tree.IsFile(path) {
			return none, nil, nil, cli.Usage("lint %s: Flux does not see it: .sourceignore leaves it out", path)
		}
	}
	f, clusters, err := t.options.fleetOf(tree, t.root)
	if err != nil {
		return none, nil, nil, err
	}
	others, err := t.others(tree, clusters)
	if err != nil {
		return none, nil, nil, err
	}
	gather := func(tree *repo.Tree) (lint.Input, error) {
		in, err := tree.Lint(ctx, f, clusters, t.paths, t.schemas)
		if err != nil || len(others) == 0 {
			in.All = t.options.all
			return in, err
		}
		beside, err := tree.Lint(ctx, f, others, nil, t.schemas)
		in.All, in.Others = t.options.all, beside.Clusters
		return in, err
	}
	in, err := gather(tree)
	if err != nil {
		return none, nil, nil, cli.Usage("%w", err)
	}
	var names []string
	for _, c := range clusters {
		names = append(names, c.Name)
	}
	if !t.options.fix {
		return lint.Run(in, t.rules), names, nil, nil
	}
	last := tree
	m, err := lint.Mend(in, t.rules, func(files map[string][]byte) (lint.Input, error) {
		last = last.With(files)
		return gather(last)
	})
	if err != nil {
		return none, names, nil, cli.Usage("%w", err)
	}
	mended, err := t.write(tree, m)
	return m.Result, names, mended, err
}

// others are the clusters that --for leaves out, and that a fix must leave as they are.
func (t lintTree) others(tree *repo.Tree, chosen []fleet.Cluster) ([]fleet.Cluster, error) {
	if !t.options.fix || len(t.options.only) == 0 {
		return nil, nil
	}
	every := *t.options
	every.only = nil
	_, all, err := every.fleetOf(tree, t.root)
	return slices.DeleteFunc(slices.Clone(all), func(c fleet.Cluster) bool {
		return slices.ContainsFunc(chosen, func(one fleet.Cluster) bool { return one.Name == c.Name })
	}), err
}

// write writes the files that mending changes, each whole or not at all. What has changed on disk since it was read is
// left alone.
func (t lintTree) write(tree *repo.Tree, m lint.Mending) ([]report.Mended, error) {
	mended := []report.Mended{}
	for _, made := range m.Made {
		mended = append(mended, report.Mended{File: made.File, Change: made.Says})
	}
	var files []scaffold.Laid
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		read, err := tree.Text(name)
		if err != nil {
			return nil, cli.Usage("mend %s: %w", name, err)
		}
		now, err := os.ReadFile(filepath.Join(t.root, filepath.FromSlash(name)))
		if err != nil || !bytes.Equal(now, read) {
			return nil, cli.Usage("mend %s: it was changed while it was looked at, so nothing was written: run it again", name)
		}
		files = append(files, scaffold.Laid{Path: name, Action: scaffold.Changed, Old: string(read), New: string(m.Files[name])})
	}
	if len(files) == 0 {
		return mended, nil
	}
	if err := cli.WriteTree(t.root, files); err != nil {
		return nil, cli.Usage("mend: %w", fmt.Errorf("%w; what was written before it is whole: run it again", err))
	}
	return mended, nil
}
