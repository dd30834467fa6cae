package handover

import (
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// A HelmRelease that is held and has released before is handed over as one that has not: what Flux does once it is let go is
// an upgrade from Helm's newest record, or nothing. Which, helm-controller decides so: where Helm's newest record is not the
// newest of status.history, it forgets its history and upgrades; where it is, it upgrades only if chart, values, post-renderers
// or metadata differ. Where name, namespace, storage or chart are not those of its history, it uninstalls first.

// ownRelease tells whether Helm's newest record is the newest release of the HelmRelease, which is held.
func ownRelease(f facts.Facts, record facts.Record) bool {
	hr := heldRelease(f)
	return hr != nil && hr.Suspend && len(hr.History) > 0 && hr.History[0].Version == int64(record.Revision)
}

// heldBefore is why a HelmRelease that is held and has released before cannot be handed over under guard.
func heldBefore(in *Input) []check.Evidence {
	f := in.Facts
	hr := heldRelease(f)
	if hr == nil || !hr.Suspend || hr.Deleting || len(hr.History) == 0 {
		return nil
	}
	last, where := hr.History[0], "HelmRelease/"+hr.ID()
	own := f.Expect.Cilium.Namespace + "/" + f.Expect.Cilium.Release
	record, found := newest(f)
	out := when(last.Namespace+"/"+last.Name != own, where+" status.history release", last.Namespace+"/"+last.Name, own)
	out = append(out, when(hr.StoredIn != "" && hr.StoredIn != f.Expect.Cilium.Namespace, where+" status.storageNamespace", hr.StoredIn, f.Expect.Cilium.Namespace)...)
	if r := f.Rendered; r != nil && last.Chart != "" {
		out = append(out, when(last.Chart != r.Chart, where+" status.history chart", last.Chart, r.Chart)...)
	}
	out = append(out, when(!found, where+" status.history", fmt.Sprintf("revision %d", last.Version), "a record of Helm's")...)
	return append(out, when(found && last.Version > int64(record.Revision), where+" status.history",
		fmt.Sprintf("revision %d", last.Version), fmt.Sprintf("no later than Helm's newest, %d", record.Revision))...)
}

// againNote says what becomes of a HelmRelease that has released before.
func againNote(in *Input) string {
	hr := heldRelease(in.Facts)
	record, found := newest(in.Facts)
	if hr == nil || !hr.Suspend || len(hr.History) == 0 || !found {
		return ""
	}
	if ownRelease(in.Facts, record) {
		return fmt.Sprintf("HelmRelease %s is held, and Helm's newest record, revision %d, is its own: let go, Flux upgrades it where chart or values differ. "+
			"That is judged and guarded as a first adoption is.", hr.ID(), record.Revision)
	}
	return fmt.Sprintf("HelmRelease %s is held, and has released revision %d; Helm's newest is %d: let go, Flux upgrades it to %d. "+
		"That is judged and guarded as a first adoption is.", hr.ID(), hr.History[0].Version, record.Revision, record.Revision+1)
}
