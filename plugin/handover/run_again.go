package handover

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Bound holds the journal of a handover that is gone on with to what a handover of this tree to this cluster writes: a
// *Foreign is the error where it holds anything else. How far it had got is believed where the cluster says the same:
// where the HelmRelease is still held and has released nothing, the adoption has not begun, whatever the journal says, and
// what can be done again is done again. What was accepted by name has to be accepted again. Again comes after it.
func (j *Journal) Bound(in Input) error {
	if err := j.Sound(); err != nil {
		return err
	}
	if err := j.based(in.Facts); err != nil {
		return err
	}
	own := []Ref{}
	for _, o := range []*Object{in.HelmRelease, in.Kustomization, in.Source} {
		if o != nil {
			own = append(own, o.Ref)
		}
	}
	if in.HelmRelease == nil {
		return nil // Again says so
	}
	for _, r := range j.Frozen {
		if !slices.Contains(own, r) || in.Source != nil && r == in.Source.Ref {
			return j.foreign("it would resume %s: a handover lets go Cilium's HelmRelease and its Kustomization alone", r)
		}
	}
	for _, b := range j.Before {
		if !slices.Contains(own, b.Ref) {
			return j.foreign("it keeps what %s was, which this handover does not write to", b.Ref)
		}
	}
	if r := in.Facts.Rendered; r != nil {
		all := refs(r.After)
		for _, o := range j.Objects {
			if !slices.Contains(all, o) {
				return j.foreign("it would hand the fields of %s to %s, which is no object of the release", o, HelmController)
			}
		}
	}
	for _, name := range j.Accepted {
		kind, rest, _ := strings.Cut(name, "/")
		namespace, object, _ := strings.Cut(rest, "/")
		if !in.allowed(Ref{Kind: kind, Namespace: namespace, Name: object}) {
			return fmt.Errorf("go on with run %s: it had accepted what becomes of %s; say so again: --allow-restart %s/%s", j.Run, name, kind, object)
		}
	}
	if err := j.whole(in); err != nil {
		return err
	}
	j.rewind(in.Facts)
	return nil
}

// whole tells whether a handover's journal has all steps that every handover has, in their order.
func (j *Journal) whole(in Input) error {
	want := []string{StepPreflight, StepBackup, StepHold, StepAdopt, StepProof, StepSoak}
	if in.Source != nil {
		want = slices.Insert(want, 2, StepSource)
	}
	last := -1
	for _, id := range want {
		at := slices.IndexFunc(j.Steps, func(s StepRecord) bool { return s.ID == id })
		if at <= last {
			return j.foreign("its step %s is missing, or not in its place", id)
		}
		last = at
	}
	return nil
}

// rewind has what may be done again be done again: what comes before an adoption that has not begun, and what comes after
// one that has.
func (j *Journal) rewind(f facts.Facts) {
	if j.Adopting() && untouched(f, j.Revision) {
		for i := range j.Steps {
			if s := &j.Steps[i]; s.ID == StepAdopt {
				*s = StepRecord{ID: s.ID, Title: s.Title}
			}
		}
	}
	again := []string{StepSource, StepHold, StepWire}
	if j.Adopting() {
		again = []string{StepFields, StepProof, StepSoak}
	}
	for i := range j.Steps {
		if s := &j.Steps[i]; slices.Contains(again, s.ID) {
			s.Taken, s.Ended = 0, time.Time{}
		}
	}
}

// untouched tells whether the HelmRelease is held and has released nothing: Helm's newest record is the one from before.
func untouched(f facts.Facts, revision int) bool {
	if !known(f, facts.HelmReleases) || !known(f, facts.Releases) {
		return false
	}
	hr := heldRelease(f)
	record, _ := newest(f)
	return (hr == nil || hr.Suspend && len(hr.History) == 0) && record.Revision <= revision
}

// Sealed is the digest of what the steps of a plan do, computed of them: that of a plan from a file says only what the
// file says.
func (p *Plan) Sealed() string {
	c := *p
	c.seal()
	return c.Digest
}
