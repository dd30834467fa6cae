package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

func gitopsChecks() []Check {
	return []Check{{
		ID: "CG201", Phase: GitOps, AC: "AC-2",
		Title:  "Flux's HelmReleases and Kustomizations are served",
		Hint:   "Install Flux, or let it finish: flux check.",
		About:  "Without these CRDs there is nothing to hand Cilium over to.",
		Manual: "kubectl get crd helmreleases.helm.toolkit.fluxcd.io kustomizations.kustomize.toolkit.fluxcd.io",
		Needs:  []facts.Part{facts.CRDs},
		Judge: func(f facts.Facts) Verdict {
			return requireCRDs(f, []string{"helmreleases.helm.toolkit.fluxcd.io", "kustomizations.kustomize.toolkit.fluxcd.io"}, "Flux")
		},
	}, {
		ID: "CG202", Phase: GitOps, AC: "AC-2",
		Title: "every HelmRelease of Cilium has the name and storage of the release that runs",
		Hint: "Do not rename it in place, and do not delete it while it is active: both uninstall. Suspend the " +
			"Kustomization that applies it (flux suspend kustomization -n flux-system cilium-core), then the " +
			"HelmRelease (flux suspend helmrelease -n NAMESPACE NAME). Where it says that it is suspended " +
			"(flux get helmrelease -n NAMESPACE NAME) and helm-controller runs (flux check), delete it, and " +
			"make it anew in Git as HelmRelease kube-system/cilium without releaseName, targetNamespace and " +
			"storageNamespace.",
		About:  "Flux adopts by release name and storage namespace alone. A HelmRelease with another key does not fail: it installs a second release over the same objects, and deleting either takes Cilium away.",
		Manual: "kubectl get helmreleases -A -o custom-columns=NS:.metadata.namespace,NAME:.metadata.name,RELEASE:.spec.releaseName,TARGET:.spec.targetNamespace,STORAGE:.spec.storageNamespace",
		Needs:  []facts.Part{facts.HelmReleases},
		Judge:  judgeKeys,
	}, {
		ID: "CG203", Phase: GitOps, AC: "AC-2",
		Title: "the HelmRelease of Cilium is ready",
		Hint: "Where it is being deleted and suspended, do NOT resume it: Flux would uninstall Cilium. Have helm-controller finish the " +
			"deletion (flux check); where that is gone for good, take the finalizer off, which leaves Helm's release alone: " +
			"kubectl -n kube-system patch helmrelease cilium --type=merge -p '{\"metadata\":{\"finalizers\":null}}'. Else see what it " +
			"says: flux get helmrelease -n kube-system cilium; kubectl -n kube-system describe helmrelease cilium. Suspended, hand " +
			"it over under guard: flux handover status, then flux handover run. Certificates that come back as drift: ignore /data of their Secrets in spec.driftDetection.ignore, in Git; lint finds the line (CGL224).",
		About:  "Ready=True for the present generation, not suspended, not stalled, and no drift, where Flux tells of it (Drifted). That kubectl lists it proves none of these. The chart makes Hubble's certificates anew whenever it renders: where drift detection does not leave their Secrets alone, it corrects them for ever.",
		Manual: "kubectl -n kube-system get helmrelease cilium -o wide",
		Needs:  []facts.Part{facts.HelmReleases},
		Judge:  judgeHelmRelease,
	}, {
		ID: "CG204", Phase: GitOps, AC: "AC-2",
		Title:  "a Kustomization applies the HelmRelease of Cilium, and is ready",
		Hint:   "See what it says: flux get kustomizations -A; flux events --for Kustomization/cilium-core. A HelmRelease that no Kustomization applies was put there by hand: commit it.",
		About:  "The Kustomization that owns the HelmRelease (by Flux's own labels on it) is Ready for the present generation and not suspended. What no Kustomization applies is not in Git's hands.",
		Manual: "kubectl -n flux-system get kustomization cilium-core",
		Needs:  []facts.Part{facts.HelmReleases, facts.Kustomizations},
		Judge:  judgeOwner,
	}}
}

// ciliumHelmRelease is the one that manages Cilium's own release, by its key; of several the fleet's own, else the
// first by name.
func ciliumHelmRelease(f facts.Facts) (facts.HelmRelease, bool) {
	own := f.Expect.Flux.HelmReleaseNamespace + "/" + f.Expect.Flux.HelmRelease
	var best facts.HelmRelease
	found := false
	for _, hr := range f.Live.HelmReleases {
		if hr.Release() != f.Expect.Cilium.Release || hr.Storage() != f.Expect.Cilium.Namespace {
			continue
		}
		if !found || hr.ID() == own || best.ID() != own && hr.ID() < best.ID() {
			best, found = hr, true
		}
	}
	return best, found
}

func notHandedOver(f facts.Facts) Verdict {
	return skip("not handed over yet: no HelmRelease manages release %s/%s", f.Expect.Cilium.Namespace, f.Expect.Cilium.Release)
}

func judgeKeys(f facts.Facts) Verdict {
	if len(f.Live.HelmReleases) == 0 {
		return notHandedOver(f)
	}
	own := f.Expect.Cilium.Namespace + "/" + f.Expect.Cilium.Release
	var n findings
	for _, hr := range f.Live.HelmReleases {
		if key := hr.Storage() + "/" + hr.Release(); key != own {
			n.failed("HelmRelease "+hr.ID()+" release", key, own)
		} else if hr.Target() != f.Expect.Cilium.Namespace {
			n.failed("HelmRelease "+hr.ID()+" target namespace", hr.Target(), f.Expect.Cilium.Namespace)
		}
	}
	if len(f.Live.HelmReleases)-len(n.fail) > 1 {
		n.failed("HelmReleases of release "+own, fmt.Sprint(len(f.Live.HelmReleases)-len(n.fail)), "1")
	}
	return n.verdict(own, "a HelmRelease installs a second release instead of adopting Cilium's")
}

// ready judges an object of Flux's by its conditions.
func ready(where string, generation, observed int64, suspended bool, conditions []facts.Condition) Verdict {
	var n findings
	if suspended {
		n.failed(where+" suspend", "true", "false")
	}
	if observed < generation {
		n.failed(where+" observedGeneration", fmt.Sprint(observed), fmt.Sprint(generation))
	}
	c := conditionOf(conditions, "Ready")
	if c.Status != "True" {
		n.failed(where+" Ready", orAbsent(strings.Trim(c.Status+" "+c.Reason+": "+c.Message, ": ")), "True")
	}
	if stalled := conditionOf(conditions, "Stalled"); stalled.Status == "True" {
		n.failed(where+" Stalled", "True "+stalled.Reason+": "+stalled.Message, "not stalled")
	}
	return n.verdict(strings.TrimSuffix("Ready: "+c.Message, ": "), where+" is not ready")
}

func conditionOf(all []facts.Condition, kind string) facts.Condition {
	for _, c := range all {
		if c.Type == kind {
			return c
		}
	}
	return facts.Condition{}
}

// owner is the Kustomization whose labels the HelmRelease bears.
func owner(f facts.Facts, hr facts.HelmRelease) (facts.FluxKustomization, string) {
	id := hr.Labels["kustomize.toolkit.fluxcd.io/namespace"] + "/" + hr.Labels["kustomize.toolkit.fluxcd.io/name"]
	for _, ks := range f.Live.Kustomizations {
		if ks.ID() == id {
			return ks, id
		}
	}
	return facts.FluxKustomization{}, strings.Trim(id, "/")
}

// withOwner finds the HelmRelease and its Kustomization, or says why there is nothing to judge.
func withOwner(f facts.Facts) (facts.HelmRelease, facts.FluxKustomization, *Verdict) {
	hr, ok := ciliumHelmRelease(f)
	if !ok {
		v := notHandedOver(f)
		return hr, facts.FluxKustomization{}, &v
	}
	ks, id := owner(f, hr)
	if ks.Name == "" {
		v := fail("no Kustomization applies the HelmRelease",
			Evidence{"HelmRelease " + hr.ID() + " owner", orAbsent(id), "a Kustomization that exists"})
		return hr, ks, &v
	}
	return hr, ks, nil
}

func judgeOwner(f facts.Facts) Verdict {
	_, ks, v := withOwner(f)
	if v != nil {
		return *v
	}
	if where := "Kustomization " + ks.ID(); ks.Deleting {
		return fail(where+" is being deleted: do NOT resume it, Flux would prune what it applies, the HelmRelease among it",
			Evidence{where + " deletionTimestamp", fmt.Sprintf("set, suspend %t", ks.Suspend), "kustomize-controller ends the deletion"})
	}
	return ready("Kustomization "+ks.ID(), ks.Generation, ks.ObservedGeneration, ks.Suspend, ks.Conditions)
}

func judgeHealthChecks(f facts.Facts) Verdict {
	_, ks, v := withOwner(f)
	if v != nil {
		return *v
	}
	var n findings
	if ks.Wait {
		n.failed("Kustomization "+ks.ID()+" wait", "true: healthChecks are ignored", "false")
	}
	e := f.Expect.Cilium
	for _, want := range []string{"DaemonSet/" + e.Namespace + "/" + e.DaemonSet, "Deployment/" + e.Namespace + "/" + e.Operator} {
		if !slices.Contains(ks.HealthChecks, want) {
			n.failed("Kustomization "+ks.ID()+" healthChecks", "lacks "+want, want)
		}
	}
	return n.verdict(count(len(ks.HealthChecks), "health check"), "Flux would not notice that agents or operator are unhealthy")
}

func judgeSeatbelt(f facts.Facts) Verdict {
	hr, ks, v := withOwner(f)
	if v != nil {
		return *v
	}
	const prune = "kustomize.toolkit.fluxcd.io/prune"
	switch {
	case !ks.Prune:
		return pass("Kustomization %s does not prune", ks.ID())
	case ks.DeletionPolicy == "Orphan":
		return pass("deletionPolicy Orphan")
	case strings.EqualFold(hr.Annotations[prune], "disabled"):
		return pass("%s: disabled", prune)
	}
	return warn("deleting the Kustomization uninstalls Cilium",
		Evidence{"Kustomization " + ks.ID() + " deletionPolicy", orAbsent(ks.DeletionPolicy), "Orphan"},
		Evidence{"HelmRelease " + hr.ID() + " " + prune, orAbsent(hr.Annotations[prune]), "disabled"})
}
