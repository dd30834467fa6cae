package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
)

// AddTrees adds to each cluster's facts what the working tree at --repo says of it, where parts has it. A tree that
// holds nothing for a cluster is one that nobody meant to ask.
func (c *Clusters) AddTrees(ctx context.Context, all []facts.Facts, targets []Target, parts func(Target) []facts.Part) error {
	_, err := c.Trees(ctx, all, targets, parts)
	return err
}

// Trees is AddTrees, and gives what was read with nothing masked: it stays in memory. What could not be read is nil.
func (c *Clusters) Trees(ctx context.Context, all []facts.Facts, targets []Target, parts func(Target) []facts.Part) ([]*repo.Cluster, error) {
	f, _, err := c.Fleet()
	if err != nil {
		return nil, err
	}
	trees := make([]*repo.Cluster, len(targets))
	var wg sync.WaitGroup
	for i, t := range targets {
		if !slices.Contains(parts(t), facts.Tree) {
			continue
		}
		if _, err := os.Stat(filepath.Join(c.repo, filepath.FromSlash(t.Path))); err != nil {
			decline(&all[i], c.repo, t.Path, err)
			continue
		}
		wg.Go(func() {
			tree, err := c.tree(ctx, f, t)
			if err != nil {
				blind(&all[i], facts.RedactText(err.Error()))
				return
			}
			trees[i], all[i].Git = tree, tree.Facts()
			if all[i].Git.Cilium() != nil {
				all[i].Expect.Variables = asked(all[i].Git, t.Expect.Flux)
			}
			all[i].Seen = append(all[i].Seen, facts.Tree)
			slices.Sort(all[i].Seen)
			facts.Clean(&all[i])
		})
	}
	wg.Wait()
	c.addCommit(ctx, trees)
	for i, t := range trees {
		if t != nil {
			facts.Clean(&all[i])
		}
	}
	return trees, nil
}

func (c *Clusters) tree(ctx context.Context, f fleet.Fleet, t Target) (*repo.Cluster, error) {
	tree, err := repo.Open(c.repo)
	if err != nil {
		return nil, err
	}
	defer tree.Close()
	return tree.Cluster(ctx, f, t.Cluster, repo.Lax)
}

func decline(f *facts.Facts, tree, path string, err error) {
	if !errors.Is(err, fs.ErrNotExist) {
		blind(f, err.Error())
		return
	}
	if f.Declined == nil {
		f.Declined = map[facts.Part]string{}
	}
	f.Declined[facts.Tree] = fmt.Sprintf("--repo %s has no %s", tree, path)
}

func blind(f *facts.Facts, why string) {
	if f.Blind == nil {
		f.Blind = map[facts.Part]string{}
	}
	f.Blind[facts.Tree] = "read the working tree: " + why
}

// asked are the variables that a tree takes of the cluster's settings, or of nothing that it has.
func asked(g *facts.Git, names facts.FluxNames) []string {
	all := []string{}
	for _, v := range g.Variables {
		needed := slices.ContainsFunc(v.Used, func(u facts.GitUse) bool { return !u.Default })
		if needed && (v.From == "" || v.From == "ConfigMap/"+names.Namespace+"/"+names.Settings) {
			all = append(all, v.Name)
		}
	}
	return slices.Compact(all)
}
