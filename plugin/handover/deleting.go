package handover

import (
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// doNotResume says what must not be done with a HelmRelease that is suspended and being deleted, and what may be.
func doNotResume(hr *facts.HelmRelease) string {
	return fmt.Sprintf("HelmRelease %s is being deleted: do NOT resume it. Suspended, its deletion leaves Cilium as it is; resumed, Flux uninstalls Cilium. "+
		"Have helm-controller finish it (flux check), or, where that is gone for good, take the finalizer off, which leaves Helm's release alone: "+
		"kubectl -n %s patch helmrelease %s --type=merge -p '{\"metadata\":{\"finalizers\":null}}'.", hr.ID(), hr.Namespace, hr.Name)
}

// Terminating says, where the HelmRelease is suspended and being deleted, what must not be done with it, and what may be;
// empty where it is not.
func Terminating(f facts.Facts) string {
	if hr := heldRelease(f); hr != nil && hr.Deleting && hr.Suspend {
		return doNotResume(hr)
	}
	return ""
}

// deletions are Flux's objects of Cilium that are being deleted.
func deletions(in *Input) []check.Evidence {
	hr := heldRelease(in.Facts)
	out := when(hr != nil && hr.Deleting && !hr.Suspend, "HelmRelease/"+ref(hr), "deleting, active: Flux uninstalls Cilium", "kept")
	out = append(out, when(hr != nil && hr.Deleting && hr.Suspend, "HelmRelease/"+ref(hr), "deleting, suspended: do NOT resume it", "kept")...)
	if ks := kustomization(in); ks != nil && ks.Deleting {
		out = append(out, check.Evidence{Where: "Kustomization/" + ks.ID(), Got: "deleting", Want: "kept"})
	}
	return out
}

// keepNote says that nothing keeps Cilium's objects where its HelmRelease is deleted while it is active.
func keepNote(in *Input) string {
	r := in.Facts.Git.Cilium()
	if r == nil || r.CommonAnnotations["helm.sh/resource-policy"] == "keep" {
		return ""
	}
	return fmt.Sprintf("HelmRelease %s/%s has no spec.commonMetadata.annotations helm.sh/resource-policy: keep: whoever deletes it while it is not suspended, "+
		"or resumes it while it is being deleted, has Flux uninstall Cilium (CGL221 writes it).", r.Namespace, r.Name)
}

// deletingNotes say what must not be done while something is being deleted, before all else, and that a controller is away
// that the removal has to wait for.
func (r *rollback) deletingNotes() []string {
	var all []string
	if r.hr != nil && r.hr.Deleting && r.hr.Suspend {
		all = append(all, doNotResume(r.hr))
	}
	for _, name := range []string{HelmController, KustomizeController} {
		if c := controller(r.in.Facts, name); c != nil && c.Ready == 0 && r.p.Step(StepRemove) != nil {
			all = append(all, fmt.Sprintf("%s does not answer%s: Helm goes back, Flux's objects stay, suspended, and the rollback stops before it removes them. "+
				"When it runs again: flux handover rollback.", name, presence(r.in.Facts, name)))
		}
	}
	return all
}
