package handover

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// weigh says of each strategy whether it is possible, and which one is meant: the one that was asked for, else the
// gentlest that is possible.
func weigh(in *Input) []Weighed {
	all := []Weighed{adopting(in.Facts), takingOver(in.Facts, in.Facts.Git.Cilium()), {
		Strategy: Reinstall,
		Why:      "never: between the two there is no network. Flux could not reach the API server, and what is removed would not come back",
	}}
	for i := range all {
		if all[i].Strategy == in.Strategy || in.Strategy == "" && all[i].Possible {
			all[i].Chosen = true
			break
		}
	}
	return all
}

func adopting(f facts.Facts) Weighed {
	w := Weighed{Strategy: Adopt}
	r, found := newest(f)
	switch {
	case !known(f, facts.Releases):
		w.Why = "Helm's records could not be seen"
	case !found:
		w.Why = fmt.Sprintf("Helm has no record of release %s in %s", f.Expect.Cilium.Release, f.Expect.Cilium.Namespace)
	case r.Status != "deployed":
		w.Possible, w.Why = true, fmt.Sprintf("Helm's record %s is %s, and has to be deployed", r.Secret, r.Status)
	default:
		w.Possible, w.Why = true, fmt.Sprintf("Flux upgrades release %s from revision %d to %d; nothing is removed", r.Release, r.Revision, r.Revision+1)
	}
	return w
}

func takingOver(f facts.Facts, tree *facts.GitRelease) Weighed {
	w := Weighed{Strategy: TakeOver}
	_, found := newest(f)
	switch {
	case !known(f, facts.Releases):
		w.Why = "Helm's records could not be seen"
	case found:
		w.Why = "Helm has a record: adopting it is gentler"
	case tree != nil && tree.Install.DisableTakeOwnership:
		w.Why = "the HelmRelease has install.disableTakeOwnership: Flux would refuse objects that are there"
	case claimed(f) != "":
		w.Why = fmt.Sprintf("its objects are Helm release %s's, and Flux would be their second owner (HP206)", claimed(f))
	case !runs(f):
		w.Why = "no Cilium runs here that could be taken over"
	default:
		w.Possible, w.Why = true, "Flux installs over what runs and takes ownership of it"
	}
	return w
}

// newest is Helm's newest record of Cilium's release.
func newest(f facts.Facts) (facts.Record, bool) {
	var best facts.Record
	found := false
	for _, r := range f.Live.Records {
		if r.Namespace == f.Expect.Cilium.Namespace && r.Release == f.Expect.Cilium.Release && (!found || r.Revision > best.Revision) {
			best, found = r, true
		}
	}
	return best, found
}

func runs(f facts.Facts) bool {
	return slices.ContainsFunc(f.Live.DaemonSets, func(w facts.Workload) bool {
		return w.Namespace == f.Expect.Cilium.Namespace && w.Name == f.Expect.Cilium.DaemonSet
	})
}

// adopted tells whether Flux manages the release that runs: its HelmRelease is ready, and Helm's newest record is the
// newest of its history.
func adopted(f facts.Facts) bool {
	ok, _ := released(f)
	return ok
}

// released is adopted, and what is missing where it is not.
func released(f facts.Facts) (bool, string) {
	hr := heldRelease(f)
	if hr == nil {
		return false, "there is no HelmRelease"
	}
	ready := conditionOf(hr.Conditions, "Ready")
	record, found := newest(f)
	switch {
	case hr.Suspend:
		return false, "HelmRelease " + hr.ID() + " is suspended" + setBy(hr)
	case hr.ObservedGeneration < hr.Generation:
		return false, "helm-controller has not seen the HelmRelease yet"
	case ready.Status != "True":
		return false, "HelmRelease: " + or(ready.Reason+" "+ready.Message, "no word yet")
	case len(hr.History) == 0:
		return false, "the HelmRelease has released nothing"
	case !found || int64(record.Revision) != hr.History[0].Version:
		return false, fmt.Sprintf("Helm's newest record is revision %d, Flux's %d", record.Revision, hr.History[0].Version)
	case record.Status != "deployed":
		return false, "Helm's record " + record.Secret + " is " + record.Status
	case hr.History[0].Name != f.Expect.Cilium.Release || hr.History[0].Namespace != f.Expect.Cilium.Namespace:
		return false, "Flux released " + hr.History[0].Namespace + "/" + hr.History[0].Name
	}
	return true, fmt.Sprintf("revision %d, %s", record.Revision, or(hr.LastAction, "released"))
}

func conditionOf(all []facts.Condition, kind string) facts.Condition {
	for _, c := range all {
		if c.Type == kind {
			return c
		}
	}
	return facts.Condition{}
}
