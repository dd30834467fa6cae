package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

func treeChecks() []Check {
	return []Check{{
		ID: "CG207", Phase: GitOps, AC: "AC-2",
		Title:  "the working tree builds for this cluster",
		Hint:   "Mend the line that is named; lint shows the same without a cluster.",
		About:  "The cluster's entry point and every Flux Kustomization below it are built and substituted as kustomize-controller does it. What makes that fail makes Flux fail.",
		Manual: "kubectl kustomize kubernetes/clusters/CLUSTER",
		Needs:  []facts.Part{facts.Tree},
		Judge:  judgeTree,
	}, {
		ID: "CG208", Phase: GitOps, AC: "AC-2",
		Title:  "the working tree's HelmRelease adopts the release that runs",
		Hint:   "Make it HelmRelease kube-system/cilium without releaseName, targetNamespace and storageNamespace, before Flux sees it.",
		About:  "Release name and storage namespace decide whether Flux adopts the bootstrap's release or installs a second one over it. In Git it costs nothing to be wrong; once applied it does.",
		Manual: "kubectl kustomize kubernetes/clusters/CLUSTER | grep -A4 'kind: HelmRelease'",
		Needs:  []facts.Part{facts.Tree},
		Judge:  judgeTreeRelease,
	}, {
		ID: "CG209", Phase: GitOps, AC: "AC-2",
		Title: "Flux has applied the commit that is checked out",
		Hint: "See first what Flux would change: kubectl cilium-gitops diff --what impact. Where that is what " +
			"is wanted, push, or pull; then: flux reconcile kustomization cilium-core --with-source.",
		About:  "Every answer about Git is about the working tree here. Flux may have an older commit, or a newer one.",
		Manual: "kubectl -n flux-system get kustomization cilium-core -o jsonpath='{.status.lastAppliedRevision}'",
		Needs:  []facts.Part{facts.Tree, facts.HelmReleases, facts.Kustomizations},
		Judge:  judgeRevision,
	}, {
		ID: "CG303", Phase: GitOps, AC: "AC-3",
		Title: "cluster-settings in the cluster is that of the working tree",
		Hint: "See first what Flux would change: kubectl cilium-gitops diff --what impact. Push what the tree " +
			"has, or take over what the cluster has; then: flux reconcile kustomization flux-system " +
			"--with-source.",
		About:  "Flux substitutes what the cluster has, not what the tree has. Both must be the same for a preview to be one.",
		Manual: "kubectl -n flux-system get configmap cluster-settings -o yaml",
		Needs:  []facts.Part{facts.Tree, facts.Settings},
		Judge:  judgeTreeSettings,
	}, {
		ID: "CG304", Phase: GitOps, AC: "AC-3",
		Title: "the HelmRelease in the cluster has the values that the working tree gives",
		Hint: "Somebody edited the HelmRelease, or the tree is not what Flux has. See first what Git's values " +
			"would change: kubectl cilium-gitops diff --what impact. Reverting the edit, or fetching the " +
			"tree, is an upgrade with them: flux reconcile kustomization cilium-core --with-source.",
		About:  "Values composed from the tree (substituted, valuesFrom merged) have the digest that helm-controller last attempted. An edit of the HelmRelease's values is applied at once and reverted only by its Kustomization.",
		Manual: "kubectl -n kube-system get helmrelease cilium -o jsonpath='{.status.lastAttemptedConfigDigest}'",
		Needs:  []facts.Part{facts.Tree, facts.HelmReleases},
		Judge:  judgeTreeValues,
	}}
}

func judgeTree(f facts.Facts) Verdict {
	if f.Git == nil {
		return skip("the working tree has nothing for this cluster")
	}
	var n findings
	for _, p := range f.Git.Problems {
		where := fmt.Sprintf("%s:%d %s", p.File, p.Line, p.Object)
		if p.Fatal {
			n.failed(strings.TrimSpace(where), p.Message, "a tree that builds")
		} else {
			n.warned(strings.TrimSpace(where), p.Message, "")
		}
	}
	if len(f.Git.Objects) == 0 && len(n.fail) == 0 {
		n.failed(f.Git.Path, "no objects", "what Flux is to apply")
	}
	return n.verdict(fmt.Sprintf("%s of %s", count(len(f.Git.Objects), "object"), count(len(f.Git.Kustomizations), "Kustomization")),
		"part of the tree cannot be read as Flux reads it")
}

// treeRelease is the tree's HelmRelease of Cilium, or why there is nothing to judge.
func treeRelease(f facts.Facts) (*facts.GitRelease, *Verdict) {
	if r := f.Git.Cilium(); r != nil {
		return r, nil
	}
	v := skip("the working tree has no HelmRelease of Cilium for this cluster")
	return nil, &v
}

func judgeTreeRelease(f facts.Facts) Verdict {
	if _, v := treeRelease(f); v != nil {
		return *v
	}
	own := f.Expect.Cilium.Namespace + "/" + f.Expect.Cilium.Release
	var n findings
	for _, r := range f.Git.Releases {
		if key := r.StorageNamespace + "/" + r.ReleaseName; key != own {
			n.failed(fmt.Sprintf("%s:%d HelmRelease %s/%s release", r.File, r.Line, r.Namespace, r.Name), key, own)
		}
	}
	return n.verdict(own, "a HelmRelease of the tree would install a second release")
}

func judgeRevision(f facts.Facts) Verdict {
	if _, v := treeRelease(f); v != nil {
		return *v
	}
	_, ks, v := withOwner(f)
	if v != nil {
		return *v
	}
	where := "Kustomization " + ks.ID() + " applied revision"
	var n findings
	switch {
	case f.Git.Revision == "":
		return unknown("the working tree is no Git checkout", Evidence{"--repo", "no commit", "a commit"})
	case !strings.HasSuffix(ks.AppliedRevision, ":"+f.Git.Revision):
		n.warned(where, orAbsent(ks.AppliedRevision), f.Git.Revision)
	}
	return n.verdict(ks.AppliedRevision, "the working tree is not what Flux has applied")
}

func judgeTreeSettings(f facts.Facts) Verdict {
	switch {
	case f.Git == nil || f.Git.Settings == nil:
		return skip("the working tree has no settings for this cluster")
	case f.Live.Settings == nil:
		return fail("there is no ConfigMap "+f.Expect.Flux.Settings, Evidence{settingsPlace(f), "not found", "a ConfigMap"})
	}
	var n findings
	live, tree := f.Live.Settings.Data, f.Git.Settings.Data
	for _, key := range slices.Sorted(maps.Keys(tree)) {
		if got, ok := live[key]; !ok || got != tree[key] {
			n.failed(settingsPlace(f)+" "+key, orAbsent(got), tree[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(live)) {
		if _, ok := tree[key]; !ok {
			n.failed(settingsPlace(f)+" "+key, live[key], "(absent in the tree)")
		}
	}
	return n.verdict(fmt.Sprintf("%d settings", len(tree)), "the cluster's settings are not those of the tree")
}

func judgeTreeValues(f facts.Facts) Verdict {
	r, v := treeRelease(f)
	if v != nil {
		return *v
	}
	hr, ok := ciliumHelmRelease(f)
	switch {
	case !ok:
		return notHandedOver(f)
	case r.ValuesDigest == "":
		return unknown("the tree's values cannot be composed", Evidence{fmt.Sprintf("%s:%d", r.File, r.Line), "no values", "values"})
	case hr.ConfigDigest == r.ValuesDigest && len(hr.ValuesFrom) > 0:
		return pass("%s", r.ValuesDigest)
	}
	var n findings
	if len(hr.ValuesFrom) == 0 {
		differences(&n, "HelmRelease "+hr.ID()+" ", "", map[string]any(hr.Values), map[string]any(r.Values))
	}
	if len(n.fail) == 0 && hr.ConfigDigest != r.ValuesDigest {
		n.failed("HelmRelease "+hr.ID()+" status.lastAttemptedConfigDigest", orAbsent(hr.ConfigDigest), r.ValuesDigest)
	}
	return n.verdict(r.ValuesDigest, "the HelmRelease's values are not the tree's")
}

// differences finds where two value trees differ.
func differences(n *findings, where string, at values.Path, got, want any) {
	g, gotMap := got.(map[string]any)
	w, wantMap := want.(map[string]any)
	if !gotMap || !wantMap {
		if fmt.Sprint(got) != fmt.Sprint(want) {
			n.failed(where+string(at), shown(got), shown(want))
		}
		return
	}
	keys := maps.Clone(g)
	if keys == nil {
		keys = map[string]any{}
	}
	maps.Copy(keys, w)
	for _, key := range sortedKeys(keys) {
		differences(n, where, at.Child(key), g[key], w[key])
	}
}

func shown(value any) string {
	if value == nil {
		return "(absent)"
	}
	return fmt.Sprint(value)
}
