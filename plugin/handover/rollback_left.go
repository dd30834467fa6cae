package handover

import (
	"fmt"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// origin is what the handover that is undone had found; nil where no journal says.
func (j *Journal) origin() []BeforeImage {
	switch {
	case j == nil:
		return nil
	case j.Name == HandoverName:
		return j.Before
	case len(j.Origin) > 0:
		return j.Origin
	}
	var all []BeforeImage // a rollback makes nothing: what was not there is the handover's
	for _, b := range j.Before {
		if !b.Existed {
			all = append(all, b)
		}
	}
	return all
}

// owed are the Kustomizations that a handover has suspended when it stopped, and has not let go since.
func (j *Journal) owed() []Ref {
	if j == nil {
		return nil
	}
	all := slices.Clone(j.Owed)
	for _, ref := range j.Frozen {
		if ref.Kind == "Kustomization" && !slices.Contains(all, ref) {
			all = append(all, ref)
		}
	}
	return all
}

// brought tells whether the handover has made an object. known is false where no journal says either way.
func (r *rollback) brought(kind, namespace, name string) (made, known bool) {
	for _, b := range r.in.Journal.origin() {
		if b.Ref.Kind == kind && b.Ref.Namespace == namespace && b.Ref.Name == name {
			return !b.Existed, true
		}
	}
	return false, false
}

// keep notes that an object stays, and why.
func (r *rollback) keep(ref Ref, why, next string) {
	text := fmt.Sprintf("Stays: %s: %s.", ref, why)
	if next != "" {
		text += " " + next
	}
	if !slices.Contains(r.kept, text) {
		r.kept = append(r.kept, text)
	}
}

const wasThere = "it was there before the handover"

// own is the Kustomization of the fleet's name, where it is Cilium's alone; another is left as it is.
func (r *rollback) own() *facts.FluxKustomization {
	f := r.in.Facts
	ks := liveKustomization(f, Ref{Namespace: f.Expect.Flux.Namespace, Name: f.Expect.Flux.Kustomization})
	if ks == nil {
		return nil
	}
	made, _ := r.brought("Kustomization", ks.Namespace, ks.Name)
	if why := shares(f, r.hr, ks, made); why != "" {
		r.keep(kustomizationRefOf(ks), why, "")
		return nil
	}
	return ks
}

// goes tells whether Cilium's own Kustomization is removed; where it is not, it stays suspended.
func (r *rollback) goes() bool {
	if r.ks == nil || r.target() == ToHold || r.wiredBy() != "" {
		return false
	}
	made, known := r.brought("Kustomization", r.ks.Namespace, r.ks.Name)
	return made || !known && len(r.in.Journal.origin()) == 0
}

// removals are what is removed, in this order, and what is done for it before. What stays is noted.
func (r *rollback) removals() []Action {
	if r.target() == ToHold {
		return nil
	}
	var all []Action
	if r.goes() {
		all = append(all, Action{Verb: Release, Ref: r.kustomization(), Why: "suspended: it prunes nothing"})
	} else if r.ks != nil && r.wiredBy() == "" {
		r.keep(r.kustomization(), wasThere+", and is suspended", fmt.Sprintf(
			"Resumed, it applies what Git says. To remove it while it is suspended, which prunes nothing: kubectl -n %s delete kustomization %s.",
			r.ks.Namespace, r.ks.Name))
	}
	if r.hr != nil {
		if why := r.holds(); why != "" {
			r.keep(r.release(), "suspended: "+why, fmt.Sprintf("Do not resume it. To remove it while it is suspended, which uninstalls nothing: "+
				"kubectl -n %s delete helmrelease %s.", r.hr.Namespace, r.hr.Name))
			return all
		}
		all = append(all, Action{Verb: Release, Ref: r.release(), Why: "suspended: it uninstalls nothing"})
	}
	if r.target() != ToBootstrap {
		return all
	}
	for _, ref := range r.sources() {
		all = append(all,
			Action{Verb: Suspend, Ref: ref, Manager: FluxCLI, Why: "only what is suspended is removed"},
			Action{Verb: Release, Ref: ref, Why: "it was Cilium's alone"})
	}
	return all
}

// holds says why the HelmRelease stays, suspended; empty where it is removed.
func (r *rollback) holds() string {
	if by := r.wiredBy(); by != "" {
		return "Kustomization " + by + " applies it from Git, and would bring it back active"
	}
	if r.ks != nil && !r.goes() {
		return "Kustomization " + r.ks.ID() + ", which stays, applies it"
	}
	if made, known := r.brought("HelmRelease", r.hr.Namespace, r.hr.Name); known && !made {
		return wasThere
	}
	return ""
}

// sources are what Flux fetches the chart by, where it goes: what the handover has made, the HelmChart that helm-controller
// makes of the HelmRelease and leaves behind, and, where no journal says, what the HelmRelease names; each where nothing
// else needs it and nothing brings it back.
func (r *rollback) sources() []Ref {
	f := r.in.Facts
	var all []Ref
	for _, s := range f.Live.Sources {
		made, known := r.brought(s.Kind, s.Namespace, s.Name)
		named := r.hr != nil && r.hr.Source == s.Ref() || (s.Kind == "HelmRepository" || s.Kind == "OCIRepository") && ciliumsOwn(f, r.hr, s.Ref())
		if !made && !named && !isChartOf(s, r.hr) {
			continue
		}
		ref := sourceRef(s)
		by := byID(f, s.By)
		switch user := needed(f, r.hr, s); {
		case known && !made:
			r.keep(ref, wasThere, "")
		case user != "":
			r.keep(ref, user+" uses it", "")
		case by != nil && !(r.goes() && by.ID() == r.ks.ID()):
			r.keep(ref, "Kustomization "+by.ID()+" applies it", "")
		case !made && (s.Kind == "GitRepository" || s.Kind == "Bucket"):
			r.keep(ref, "it is not known to be Cilium's alone", fmt.Sprintf("Where nobody uses it: kubectl -n %s delete %s %s.", s.Namespace, resourceOf(s.Kind), s.Name))
		default:
			all = append(all, ref)
		}
	}
	return all
}

func sourceRef(s facts.Source) Ref {
	return Ref{APIVersion: or(s.APIVersion, "source.toolkit.fluxcd.io/v1"), Kind: s.Kind, Namespace: s.Namespace, Name: s.Name}
}

func byID(f facts.Facts, id string) *facts.FluxKustomization {
	for i := range f.Live.Kustomizations {
		if f.Live.Kustomizations[i].ID() == id {
			return &f.Live.Kustomizations[i]
		}
	}
	return nil
}

// returned are the Kustomizations of others that the handover has suspended when it stopped, and that still are. A journal
// is not believed more than that: only what applies the HelmRelease, or applies Cilium's Kustomization, is let go.
func (r *rollback) returned() []Ref {
	var all []Ref
	for _, ref := range r.in.Journal.owed() {
		ks := liveKustomization(r.in.Facts, ref)
		if ks == nil || !ks.Suspend || ks.Deleting || r.ks != nil && ks.ID() == r.ks.ID() {
			continue
		}
		if by := applier(r.in.Facts, r.hr); by != nil && by.ID() == ks.ID() || r.ks != nil && r.ks.By == ks.ID() {
			all = append(all, kustomizationRefOf(ks))
		}
	}
	return all
}
