package handover

import (
	"slices"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Facts is what a run says of its cluster, for the checks to judge again: how the cluster was at its end, beside how it
// was before. Only a part of which the journal holds something counts as seen, so that what it lacks is not taken for
// absent. It is false where the run kept no end.
func (j *Journal) Facts(expect facts.Expect) (facts.Facts, bool) {
	f := facts.Facts{
		APIVersion: facts.APIVersion, Kind: facts.Kind, Cluster: j.Cluster, Context: j.Context, Taken: j.last(), Expect: expect, Base: j.Base,
		Accepted: j.Accepted,
	}
	if j.Proof == nil {
		return f, false
	}
	f.Live = *j.Proof
	for part, there := range map[facts.Part]bool{
		facts.Version: f.Live.Version != "", facts.Nodes: len(f.Live.Nodes) > 0, facts.DaemonSets: len(f.Live.DaemonSets) > 0,
		facts.Deployments: len(f.Live.Deployments) > 0, facts.Pods: len(f.Live.Pods) > 0, facts.Config: f.Live.Config != nil,
		facts.Releases: len(f.Live.Records) > 0, facts.HelmReleases: len(f.Live.HelmReleases) > 0,
		facts.Kustomizations: len(f.Live.Kustomizations) > 0, facts.Sources: len(f.Live.Sources) > 0, facts.Identity: f.Live.UID != "",
	} {
		if there {
			f.Seen = append(f.Seen, part)
		}
	}
	slices.Sort(f.Seen)
	f.Declined = map[facts.Part]string{}
	if j.Name == RollbackName {
		f.Declined[facts.HelmReleases] = "after a rollback no HelmRelease has the release"
	}
	j.Measured(&f)
	return f, true
}

// Measured adds to facts of the run's cluster what became of connections meanwhile.
func (j *Journal) Measured(f *facts.Facts) {
	if j.Streams != nil {
		f.Live.Streams = j.Streams
		f.Seen = append(f.Seen, facts.Streaming)
		slices.Sort(f.Seen)
		return
	}
	if f.Declined == nil {
		f.Declined = map[facts.Part]string{}
	}
	f.Declined[facts.Streaming] = facts.NoProbe
}

// last is when the run last wrote anything down.
func (j *Journal) last() time.Time {
	last := j.Ended
	if last.IsZero() {
		last = j.Began
	}
	for _, s := range j.Steps {
		for _, t := range []time.Time{s.Began, s.Ended} {
			if t.After(last) {
				last = t
			}
		}
	}
	return last
}
