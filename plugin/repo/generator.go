package repo

import (
	"strconv"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// generatorPlace is where a kustomization generates the object of that kind and name, which ends in a hash.
func generatorPlace(f *manifest.File, kind, name string) manifest.Place {
	field := map[string]string{"ConfigMap": "configMapGenerator", "Secret": "secretGenerator"}[kind]
	for _, doc := range f.Docs {
		list, _ := doc.Value[field].([]any)
		for i, item := range list {
			base := manifest.Text(item, "name")
			if base != "" && (name == base || strings.Contains(name, base+"-")) {
				return doc.At(field, strconv.Itoa(i))
			}
		}
	}
	return manifest.Place{File: f.Path, Line: 1}
}
