package cli

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/checkout"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/repo"
)

// changing is how a file differs that was written while it was read.
const changing = "changed while it was read"

// addCommit adds to what the trees say which commit is checked out at --repo, as git says. Where git cannot be asked,
// what the repository's own files say stays.
func (c *Clusters) addCommit(ctx context.Context, trees []*repo.Cluster) {
	if !slices.ContainsFunc(trees, func(t *repo.Cluster) bool { return t != nil }) {
		return
	}
	id, err := checkout.Checkout{Dir: c.repo}.Commit(ctx)
	for _, t := range trees {
		if t == nil {
			continue
		}
		git := t.Facts()
		git.Checkout = &facts.GitCheckout{}
		switch {
		case err == nil:
			git.Revision = id
		case errors.Is(err, checkout.ErrNoRepository):
			git.Revision, git.Checkout.NoRepository = "", true
		default:
			git.Checkout.Unknown = err.Error()
		}
	}
}

// Compare adds to what trees say how the files that they are built of compare with the commit that is checked out. It
// is for what changes a cluster: git looks at every file, with the filters that the repository asks for.
func (c *Clusters) Compare(ctx context.Context, trees []*repo.Cluster) {
	for _, t := range trees {
		if t == nil || t.Facts().Checkout == nil {
			continue
		}
		if at := t.Facts().Checkout; !at.NoRepository && at.Unknown == "" {
			c.compare(ctx, t, at)
		}
	}
}

func (c *Clusters) compare(ctx context.Context, t *repo.Cluster, at *facts.GitCheckout) {
	here := checkout.Checkout{Dir: c.repo}
	dirty, err := here.Compare(ctx, checkout.Built{Files: t.Read(), Wanted: t.Wanted})
	if err != nil {
		at.Unknown = err.Error()
		return
	}
	changed, err := t.Changed()
	if err != nil {
		at.Unknown = facts.RedactText(err.Error())
		return
	}
	for _, file := range changed {
		if dirty[file] == "" {
			dirty[file] = changing
		}
	}
	if id, err := here.Commit(ctx); err != nil || id != t.Facts().Revision {
		at.Unknown = "another commit was checked out while the tree was read"
		return
	}
	at.Compared = true
	for _, file := range slices.Sorted(maps.Keys(dirty)) {
		if len(at.Dirty) == facts.MaxDirty {
			at.Omitted = len(dirty) - len(at.Dirty)
			break
		}
		at.Dirty = append(at.Dirty, facts.GitDirty{File: facts.Text(file), How: dirty[file]})
	}
}
