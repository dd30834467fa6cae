package handover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// ciliumsOwn tells whether an object, "Kind/namespace/name", is Cilium's HelmRelease, what its chart comes from, or what its
// values come from. hr may be nil: then the names are the fleet's.
func ciliumsOwn(f facts.Facts, hr *facts.HelmRelease, object string) bool {
	names := f.Expect.Flux
	own := []string{"HelmRelease/" + names.HelmReleaseNamespace + "/" + names.HelmRelease}
	for _, kind := range []string{"OCIRepository", "HelmRepository"} {
		for _, namespace := range []string{names.HelmReleaseNamespace, names.Namespace} {
			own = append(own, kind+"/"+namespace+"/"+names.Source)
		}
	}
	if hr != nil {
		own = append(own, "HelmRelease/"+hr.ID(), hr.Source)
		for _, from := range hr.ValuesFrom {
			kind, name, _ := strings.Cut(from, "/")
			own = append(own, kind+"/"+hr.Namespace+"/"+name)
		}
	}
	return slices.Contains(own, object)
}

// shares says what a Kustomization of the cluster applies besides Cilium's own objects, by its inventory; empty where it
// applies these alone. fresh: it is known to have applied nothing before, so that no inventory is an empty one.
func shares(f facts.Facts, hr *facts.HelmRelease, ks *facts.FluxKustomization, fresh bool) string {
	own := "Kustomization/" + ks.ID()
	switch {
	case ks.By == ks.ID(), slices.Contains(ks.Inventory, own):
		return "it applies itself"
	case !ks.InventoryKnown && !fresh:
		return "what it applies is not known: it has no inventory"
	}
	var others []string
	for _, object := range ks.Inventory {
		if !ciliumsOwn(f, hr, object) {
			others = append(others, object)
		}
	}
	switch n := len(others) + ks.InventoryOmitted; {
	case n > 0 && len(others) == 0:
		return fmt.Sprintf("it applies %d other objects", n)
	case n == 1:
		return "it applies " + others[0] + " as well"
	case n > 1:
		return fmt.Sprintf("it applies %s and %d other objects as well", others[0], n-1)
	}
	return ""
}

// sharesInTree says the same of the Kustomization that applies the HelmRelease in the working tree.
func sharesInTree(in *Input) string {
	git, r := in.Facts.Git, in.Facts.Git.Cilium()
	if in.Kustomization == nil || r == nil {
		return ""
	}
	id := in.Kustomization.Namespace + "/" + in.Kustomization.Name
	hr := &facts.HelmRelease{Namespace: r.Namespace, Name: r.Name}
	if s := r.Chart.Source; s != nil {
		hr.Source = s.Kind + "/" + s.Namespace + "/" + s.Name
	}
	for _, from := range r.ValuesFrom {
		hr.ValuesFrom = append(hr.ValuesFrom, from.Kind+"/"+from.Name)
	}
	ks := &facts.FluxKustomization{Namespace: in.Kustomization.Namespace, Name: in.Kustomization.Name, InventoryKnown: true}
	for _, o := range git.Objects {
		if o.By == id {
			ks.Inventory = append(ks.Inventory, o.Kind+"/"+o.Namespace+"/"+o.Name)
		}
	}
	return shares(in.Facts, hr, ks, true)
}

// shared says why the Kustomization that applies the HelmRelease is not Cilium's alone, in the working tree or in the
// cluster; empty where it is.
func shared(in *Input) string {
	if why := sharesInTree(in); why != "" {
		return why
	}
	if ks := kustomization(in); ks != nil && ks.InventoryKnown {
		return shares(in.Facts, heldRelease(in.Facts), ks, false)
	}
	return ""
}

// applier is the live Kustomization that applies a HelmRelease, by the labels that it has given it, else by its inventory;
// nil where there is none.
func applier(f facts.Facts, hr *facts.HelmRelease) *facts.FluxKustomization {
	if hr == nil {
		return nil
	}
	by := Ref{Namespace: hr.Labels["kustomize.toolkit.fluxcd.io/namespace"], Name: hr.Labels["kustomize.toolkit.fluxcd.io/name"]}
	if ks := liveKustomization(f, by); ks != nil {
		return ks
	}
	for i := range f.Live.Kustomizations {
		if ks := &f.Live.Kustomizations[i]; slices.Contains(ks.Inventory, "HelmRelease/"+hr.ID()) {
			return ks
		}
	}
	return nil
}

// wires tells whether a run may have the Kustomization apply the HelmRelease: it makes no Kustomization that applies more.
func wires(in *Input) bool { return sharesInTree(in) == "" || kustomization(in) != nil }

// sharedRule refuses to let go what somebody has suspended and what applies more than Cilium.
func sharedRule() rule {
	return rule{
		id: "HP507", reason: "the Kustomization that applies the HelmRelease applies other things as well, and is suspended: the run does not let these go",
		hint: "Find out who suspended it, and why. Then let it go: flux resume kustomization -n flux-system NAME. " +
			"The HelmRelease stays as it is meanwhile: flux suspend helmrelease -n kube-system cilium.",
		finds: func(in *Input) []check.Evidence {
			ks, why := kustomization(in), shared(in)
			if ks == nil || !ks.Suspend || why == "" || !pushed(in) {
				return nil
			}
			return []check.Evidence{
				{Where: "Kustomization/" + ks.ID() + " suspend", Got: "true", Want: "false"},
				{Where: "Kustomization/" + ks.ID(), Got: why, Want: "Cilium's HelmRelease and its source alone"},
			}
		},
	}
}

// sharedNote says what a run does not do with a Kustomization that applies more than Cilium.
func sharedNote(in *Input) string {
	why := ""
	if in.Kustomization != nil {
		why = shared(in)
	}
	if why == "" {
		return ""
	}
	return fmt.Sprintf("Kustomization %s/%s is not Cilium's alone: %s. It is neither changed nor suspended; where the run stops, "+
		"the HelmRelease alone is suspended, as flux, which lasts.", in.Kustomization.Namespace, in.Kustomization.Name, why)
}
