package handover

import "fmt"

// owed are the Kustomizations that a run suspended when it stopped, and that are suspended though the run is over: by the
// journal in the cluster, from whatever machine.
func (in CleanupInput) owed() []Leftover {
	if in.Journal.Unfinished() {
		return nil
	}
	var all []Leftover
	for _, ref := range in.Journal.owed() {
		ks := liveKustomization(in.Facts, ref)
		if ks == nil || !ks.Suspend || ks.Deleting {
			continue
		}
		hr := heldRelease(in.Facts)
		l := Leftover{Ref: kustomizationRefOf(ks), What: "a Kustomization that run " + in.Journal.Run + " suspended when it stopped"}
		switch {
		case hr == nil:
			l.Keep = fmt.Sprintf("resumed, it may apply Cilium's HelmRelease again, which is then active. Take that out of Git, then: "+
				"flux resume kustomization -n %s %s", ks.Namespace, ks.Name)
		case applier(in.Facts, hr) == nil || applier(in.Facts, hr).ID() != ks.ID():
			l.Keep = fmt.Sprintf("it is not what applies the HelmRelease. Find out who suspended it, and why: flux resume kustomization -n %s %s", ks.Namespace, ks.Name)
		default:
			l.Action = &Action{Verb: Resume, Ref: l.Ref, Manager: FluxCLI, Why: "the run is over; the HelmRelease stays as it is"}
		}
		all = append(all, l)
	}
	return all
}
