package live

import (
	"context"
	"maps"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// fluxCRDs are the definitions of the kinds that manifests of Cilium are made of.
var fluxCRDs = map[string]string{
	"HelmRelease":    "helmreleases.helm.toolkit.fluxcd.io",
	"Kustomization":  "kustomizations.kustomize.toolkit.fluxcd.io",
	"HelmRepository": "helmrepositories.source.toolkit.fluxcd.io",
	"OCIRepository":  "ocirepositories.source.toolkit.fluxcd.io",
}

// seeFluxAPIs reads the definitions of Flux's kinds whole: only they say which versions are served and which fields
// there are.
func seeFluxAPIs(ctx context.Context, g *gatherer) error {
	kinds := slices.Sorted(maps.Keys(fluxCRDs))
	all := make([]facts.FluxAPI, len(kinds))
	err := atOnce(len(kinds), func(i int) error {
		o, err := g.dynamic.Resource(crdResource).Get(ctx, fluxCRDs[kinds[i]], metav1.GetOptions{})
		switch {
		case apierrors.IsNotFound(err):
			all[i] = facts.FluxAPI{Kind: kinds[i]}
		case err != nil:
			return err
		default:
			all[i] = fluxAPI(kinds[i], o)
		}
		return nil
	})
	if err != nil {
		return err
	}
	g.note(func(f *facts.Facts) { f.Live.FluxAPIs = all })
	return nil
}

func fluxAPI(kind string, o *unstructured.Unstructured) facts.FluxAPI {
	api := facts.FluxAPI{Kind: kind}
	group, _, _ := unstructured.NestedString(o.Object, "spec", "group")
	versions, _, _ := unstructured.NestedSlice(o.Object, "spec", "versions")
	fields := map[string]bool{}
	for _, v := range versions {
		m, _ := v.(map[string]any)
		if m["served"] != true {
			continue
		}
		name, _ := m["name"].(string)
		api.Served = append(api.Served, group+"/"+name)
		for _, field := range facts.FluxFields()[kind] {
			if hasField(m, field) {
				fields[field] = true
			}
		}
	}
	api.Fields = slices.Sorted(maps.Keys(fields))
	return api
}

// hasField tells whether a version of a definition has a field: "spec.install.strategy".
func hasField(version map[string]any, field string) bool {
	path := []string{"schema", "openAPIV3Schema"}
	for _, key := range strings.Split(field, ".") {
		path = append(path, "properties", key)
	}
	_, found, err := unstructured.NestedMap(version, path...)
	return found && err == nil
}
