package handover

import "github.com/cilium-gitops/cilium-gitops/plugin/facts"

// memo is what a journal keeps of a look at the cluster: no values. Those of the release and of HelmReleases may come from
// Secrets, under whatever key; that they are the same is told by Helm's revision and by helm-controller's digests.
func memo(live facts.Live) *facts.Live {
	if live.Release != nil {
		release := *live.Release
		release.Values, release.Defaults = nil, nil
		live.Release = &release
	}
	all := make([]facts.HelmRelease, 0, len(live.HelmReleases))
	for _, hr := range live.HelmReleases {
		hr.Values = nil
		all = append(all, hr)
	}
	if live.HelmReleases != nil {
		live.HelmReleases = all
	}
	return &live
}

// Evidence is f as a run's evidence keeps it: without values, which no check of phase handover asks for. Those that do
// find that the release was not looked at.
func Evidence(f facts.Facts) facts.Facts {
	f.Live = *memo(f.Live)
	if f.Live.Release != nil {
		f.Live.Release = nil
		f.Seen = without(f.Seen, facts.Release)
		declined := map[facts.Part]string{facts.Release: "a run's evidence holds no values"}
		for part, why := range f.Declined {
			declined[part] = why
		}
		f.Declined = declined
	}
	return f
}

func without(parts []facts.Part, part facts.Part) []facts.Part {
	var all []facts.Part
	for _, p := range parts {
		if p != part {
			all = append(all, p)
		}
	}
	return all
}
