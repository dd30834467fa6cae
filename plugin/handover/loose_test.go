package handover_test

import (
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestLooseSuspension: a plan says whose suspension does not last, and only there where somebody takes it back.
func TestLooseSuspension(t *testing.T) {
	for name, c := range map[string]struct {
		by    []string
		spoil func(hr *facts.HelmRelease, ks *facts.FluxKustomization)
		warns bool
	}{
		"by kubectl":                     {[]string{"kubectl-patch"}, nil, true},
		"by kubectl apply":               {[]string{"before-first-apply", "kubectl"}, nil, true},
		"by flux":                        {[]string{"flux"}, nil, false},
		"by flux, too":                   {[]string{"flux", "kubectl-patch"}, nil, false},
		"by somebody else":               {[]string{"k9s"}, nil, false},
		"nobody knows":                   {nil, nil, false},
		"not applied by anybody":         {[]string{"kubectl-patch"}, func(hr *facts.HelmRelease, _ *facts.FluxKustomization) { hr.Labels = nil }, false},
		"what applies it is suspended":   {[]string{"kubectl-patch"}, func(_ *facts.HelmRelease, ks *facts.FluxKustomization) { ks.Suspend = true }, false},
		"it is not suspended at present": {[]string{"kubectl-patch"}, func(hr *facts.HelmRelease, _ *facts.FluxKustomization) { hr.Suspend = false }, false},
	} {
		t.Run(name, func(t *testing.T) {
			in := newModel(t).input()
			hr := facts.HelmRelease{Namespace: "kube-system", Name: "cilium", Suspend: true, SuspendedBy: c.by, Labels: map[string]string{
				"kustomize.toolkit.fluxcd.io/namespace": "flux-system", "kustomize.toolkit.fluxcd.io/name": "cilium-core",
			}}
			ks := facts.FluxKustomization{Namespace: "flux-system", Name: "cilium-core"}
			if c.spoil != nil {
				c.spoil(&hr, &ks)
			}
			in.Facts.Live.HelmReleases, in.Facts.Live.Kustomizations = []facts.HelmRelease{hr}, []facts.FluxKustomization{ks}
			notes := strings.Join(handover.Make(in).Notes, "\n")
			if got := strings.Contains(notes, "suspended by kubectl") || strings.Contains(notes, "suspended by before-first-apply, kubectl"); got != c.warns {
				t.Errorf("warns %t: %s", got, notes)
			}
		})
	}
}
