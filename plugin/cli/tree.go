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
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
)

// AddTrees adds to each cluster's facts what the working tree at --repo says of it, where parts has it. A tree that
// holds nothing for a cluster is one that nobody meant to ask.
func (c *Clusters) AddTrees(ctx context.Context, all []facts.Facts, targets []Target, parts func(Target) []facts.Part) error {
	f, _, err := c.Fleet()
	if err != nil {
		return err
	}
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
			git, err := repo.Read(ctx, c.repo, f, t.Cluster)
			if err != nil {
				blind(&all[i], facts.RedactText(err.Error()))
				return
			}
			all[i].Git = git
			all[i].Seen = append(all[i].Seen, facts.Tree)
			slices.Sort(all[i].Seen)
			facts.Clean(&all[i])
		})
	}
	wg.Wait()
	return nil
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
