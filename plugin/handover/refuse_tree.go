package handover

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// ErrUnsure is wrapped by errors that say that something could not be told, and not that it is wrong.
var ErrUnsure = errors.New("not known")

// treeRules are about whether the working tree is what Flux applies, or will apply.
func treeRules() []rule {
	return []rule{{
		id: "HP114", reason: "files that the cluster is built of are not those of the commit that is checked out",
		hint: "Commit them: git add, git commit; and push. " +
			"Or put them aside, and plan again: git stash --include-untracked.",
		finds: uncommitted,
	}, {
		id: "HP115", reason: "an active Kustomization of Flux's is at another commit, and would put its own HelmRelease back",
		hint: "Push the commit that is checked out, and have Flux fetch it: git push; flux reconcile source git flux-system. " +
			"Where Flux is ahead: git pull. Or suspend the Kustomization for the run, and push before it is resumed.",
		finds: putBack,
	}, {
		id: "HP116", reason: "it is not known whether Flux has what the working tree holds", unknown: true,
		hint:  "Plan in a clone of the repository, where git works, at the commit that Flux has: git status; git log -1.",
		finds: commitUnknown,
	}, {
		id: "HP117", reason: "part of what decides Cilium's HelmRelease is in another repository, and was not fetched", unknown: true,
		hint: "Keep a copy of it in this repository and refer to that; " +
			"or put the HelmRelease into a Kustomization without remote resources.",
		finds: remote,
	}, {
		id: "HP118", reason: "the HelmRelease is made of variables that only the cluster knows, and they could not be read", unknown: true,
		hint: "Have the right to read what they are of, and have Flux make it there: " +
			"kubectl auth can-i get secrets -n flux-system; flux get kustomizations -A.",
		finds: undecided,
	}}
}

// uncommitted are the files that differ from the commit.
func uncommitted(in *Input) []check.Evidence {
	if in.Facts.Git == nil || in.Facts.Git.Checkout == nil {
		return nil
	}
	at := in.Facts.Git.Checkout
	want := "as in commit " + short(in.Facts.Git.Revision)
	var out []check.Evidence
	for _, d := range at.Dirty {
		out = append(out, check.Evidence{Where: d.File, Got: differs(d.How), Want: want})
	}
	if at.Omitted > 0 {
		out = append(out, check.Evidence{Where: fmt.Sprintf("%d more files", at.Omitted), Got: "differ", Want: want})
	}
	return out
}

// differs words how a file differs; with the command, where it is not the hint's.
func differs(how string) string {
	switch how {
	case "untracked":
		return "untracked or ignored: git add --force"
	case "unwatched":
		return "git is told not to compare it: git update-index --no-assume-unchanged --no-skip-worktree"
	case "submodule":
		return "its submodule is at another commit: git submodule update"
	}
	return how
}

func short(commit string) string { return commit[:min(12, len(commit))] }

// commitUnknown is why it cannot be told whether Flux has the tree: where nothing of Flux's could have it, nobody has
// to know.
func commitUnknown(in *Input) []check.Evidence {
	git := in.Facts.Git
	if git == nil || in.HelmRelease == nil {
		return nil
	}
	at := git.Checkout
	switch {
	case at == nil:
		return []check.Evidence{{Where: "--repo", Got: "git was not asked", Want: "a commit"}}
	case at.Unknown != "":
		return []check.Evidence{{Where: "--repo", Got: at.Unknown, Want: "a commit to compare the files with"}}
	case at.NoRepository || git.Revision == "":
		out := mayHave(in)
		if len(out) > 0 {
			out = append(out, check.Evidence{Where: "--repo", Got: "it is in no Git repository", Want: "a clone, at a commit"})
		}
		return out
	case !at.Compared:
		want := "as in commit " + short(git.Revision)
		return []check.Evidence{{Where: "--repo", Got: "its files were not compared with the commit", Want: want}}
	}
	return nil
}

const otherTree = "known to be this tree, or not"

// mayHave is what of Flux's in the cluster may have this very tree: the source that the tree is fetched by, and
// whatever applies the HelmRelease.
func mayHave(in *Input) []check.Evidence {
	var out []check.Evidence
	for _, s := range in.Facts.Live.Sources {
		if slices.Contains(homes(in), s.Ref()) && s.Revision != "" {
			out = append(out, check.Evidence{Where: s.Ref(), Got: "has " + s.Revision, Want: otherTree})
		}
	}
	for _, ks := range appliers(in) {
		out = append(out, check.Evidence{
			Where: "Kustomization/" + ks.ID(), Want: otherTree,
			Got: "applies the HelmRelease at " + or(ks.AppliedRevision, "(no revision)"),
		})
	}
	return out
}

// homes are the sources that this tree is fetched by, as its Kustomizations name them.
func homes(in *Input) []string {
	var all []string
	for _, ks := range in.Facts.Git.Kustomizations {
		if ks.Source != "" && ks.NotFollowed == "" {
			all = append(all, ks.Source)
		}
	}
	return all
}

// appliers are the active Kustomizations that apply the HelmRelease in the cluster: those that have it in their
// inventory, the one that its labels name, the one that would apply it by the tree, and one of the path at which a
// tree's nameless entry point applies it.
func appliers(in *Input) []*facts.FluxKustomization {
	if in.HelmRelease == nil {
		return nil
	}
	r := in.HelmRelease.Ref
	name := "HelmRelease/" + r.Namespace + "/" + r.Name
	labelled := ""
	if hr := heldRelease(in.Facts); hr != nil {
		labelled = hr.Labels["kustomize.toolkit.fluxcd.io/namespace"] + "/" + hr.Labels["kustomize.toolkit.fluxcd.io/name"]
	}
	var all []*facts.FluxKustomization
	for i := range in.Facts.Live.Kustomizations {
		ks := &in.Facts.Live.Kustomizations[i]
		entry := in.HelmRelease.By == "" && in.Facts.Git != nil && strings.Trim(ks.Path, "/") == in.Facts.Git.Path
		meant := ks.ID() == labelled || ks.ID() == in.HelmRelease.By || entry // a run that stopped has labelled it, too
		if (slices.Contains(ks.Inventory, name) || meant && !withoutIt(in.Facts, ks, name)) && !ks.Suspend {
			all = append(all, ks)
		}
	}
	return all
}

// withoutIt tells whether an object is in no commit that Flux has for a Kustomization: it has applied the newest one that its
// source has fetched, and the object is not in its inventory.
func withoutIt(f facts.Facts, ks *facts.FluxKustomization, name string) bool {
	if !ks.InventoryKnown || slices.Contains(ks.Inventory, name) {
		return false
	}
	return slices.ContainsFunc(f.Live.Sources, func(s facts.Source) bool {
		return s.Ref() == ks.Source && s.Revision != "" && s.Revision == ks.AppliedRevision
	})
}

// putBack are the active Kustomizations that apply the HelmRelease of another commit than the one that is checked out.
// The tree's own, with the source at that very commit, is asked for a reconciliation by the run.
func putBack(in *Input) []check.Evidence {
	if in.HelmRelease == nil || in.Facts.Git == nil || in.Facts.Git.Revision == "" {
		return nil // HP102, HP116
	}
	wires := in.Kustomization != nil && pushed(in)
	var out []check.Evidence
	for _, ks := range appliers(in) {
		if wires && (ks.ID() == in.HelmRelease.By || slices.Contains(homes(in), ks.Source)) || current(in, ks) {
			continue
		}
		out = append(out, check.Evidence{
			Where: "Kustomization/" + ks.ID() + " of " + ks.Source,
			Got:   "active, at " + or(ks.AppliedRevision, "(no revision)"),
			Want: fmt.Sprintf("at commit %s, or: flux suspend kustomization -n %s %s",
				short(in.Facts.Git.Revision), ks.Namespace, ks.Name),
		})
	}
	return out
}

// current tells whether a Kustomization has applied the commit that is checked out, and has nothing else to apply next.
func current(in *Input, ks *facts.FluxKustomization) bool {
	commit := ":" + in.Facts.Git.Revision
	return strings.HasSuffix(ks.AppliedRevision, commit) && slices.ContainsFunc(in.Facts.Live.Sources, func(s facts.Source) bool {
		return s.Ref() == ks.Source && strings.HasSuffix(s.Revision, commit)
	})
}

// treeFits is why a run must not go on with the working tree as it is. Nothing is asked of one that began with an
// export.
func treeFits(in *Input, j *Journal) error {
	if dirty := uncommitted(in); len(dirty) > 0 {
		var files []string
		for _, d := range dirty {
			files = append(files, d.Where+" ("+d.Got+")")
		}
		return fmt.Errorf("go on with run %s: HP114: the working tree is not commit %s: %s; "+
			"put it aside: git stash --include-untracked; or commit it: git commit",
			j.Run, short(in.Facts.Git.Revision), strings.Join(files, ", "))
	}
	if unknown := undecided(in); len(unknown) > 0 {
		return fmt.Errorf("go on with run %s: HP118: %s of the HelmRelease is %w: %s",
			j.Run, unknown[0].Where, ErrUnsure, unknown[0].Got)
	}
	if j.World.Tree == "" {
		return nil
	}
	if why := commitUnknown(in); len(why) > 0 {
		return fmt.Errorf("go on with run %s: HP116: %s: whether the working tree is commit %s is %w; see: git status",
			j.Run, why[0].Got, short(j.World.Tree), ErrUnsure)
	}
	return nil
}
