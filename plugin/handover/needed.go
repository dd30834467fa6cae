package handover

import (
	"fmt"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// needed says which of Flux's objects besides Cilium's own HelmRelease need a source; empty where none does. own may be
// nil: then every HelmRelease counts.
func needed(f facts.Facts, own *facts.HelmRelease, s facts.Source) string {
	for _, ks := range f.Live.Kustomizations {
		if ks.Source == s.Ref() {
			return "Kustomization " + ks.ID()
		}
	}
	for _, hr := range f.Live.HelmReleases {
		if hr.Source == s.Ref() && (own == nil || hr.ID() != own.ID()) {
			return "HelmRelease " + hr.ID()
		}
	}
	for _, use := range f.Live.Uses {
		if use.Source == s.Ref() && len(use.By) > 0 {
			if others := len(use.By) - 1 + use.More; others > 0 {
				return fmt.Sprintf("%s and %d others", use.By[0], others)
			}
			return use.By[0]
		}
	}
	for _, chart := range f.Live.Sources {
		if chart.From == s.Ref() && !isChartOf(chart, own) {
			return "HelmChart " + chart.Namespace + "/" + chart.Name
		}
	}
	return ""
}

// isChartOf tells the HelmChart that helm-controller makes of a HelmRelease, beside its source.
func isChartOf(s facts.Source, hr *facts.HelmRelease) bool {
	return hr != nil && s.Kind == "HelmChart" && s.Name == hr.Namespace+"-"+hr.Name
}
