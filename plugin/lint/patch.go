package lint

import (
	"fmt"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// Patch is one patch of kustomize's that an object may have been given: of a kustomization file, or of a Flux
// Kustomization's spec.
type Patch struct {
	// By is what has it: "spec.patches of Kustomization flux-system/apps", "patches of apps/kustomization.yaml".
	By   string
	Sets []PatchSet
}

// PatchSet is one field that a patch sets or takes out.
type PatchSet struct {
	Field   string // a path of keys
	Value   any
	Removes bool
	manifest.Place
}

// sets is the last field of the patch that is the one asked for, holds it, or lies inside of it.
func (p *Patch) sets(field string) *PatchSet {
	var found *PatchSet
	for i := range p.Sets {
		s := &p.Sets[i]
		switch {
		case s.Field == field, inside(s.Field, field):
			if found == nil || len(s.Field) <= len(found.Field) {
				found = s
			}
		case inside(field, s.Field):
			if _, deeper := s.Value.(map[string]any); !deeper || s.Removes {
				found = s
			}
		}
	}
	return found
}

// inside tells whether a field lies inside of another one.
func inside(field, of string) bool { return strings.HasPrefix(field, of+".") }

// IsPatch tells whether a document has the shape of a patch and of no object: it lacks all that its kind must have, or
// it says how it is to be merged.
func IsPatch(doc *manifest.Doc) bool {
	var needs []string
	switch {
	case doc.Group() == helmGroup && doc.Kind() == "HelmRelease":
		needs = []string{"spec.interval", "spec.chart", "spec.chartRef"}
	case doc.Group() == kustomizeGroup && doc.Kind() == "Kustomization":
		needs = []string{"spec.interval", "spec.sourceRef", "spec.path", "spec.prune"}
	case doc.Group() == sourceGroup:
		needs = []string{"spec.interval", "spec.url", "spec.chart", "spec.bucketName"}
	default:
		return directs(doc.Value)
	}
	for _, field := range needs {
		if manifest.Has(doc.Value, manifest.Keys(field)...) {
			return directs(doc.Value)
		}
	}
	return true
}

// directs tells whether a directive of a strategic merge stands somewhere in a value.
func directs(v any) bool {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			if strings.HasPrefix(key, "$patch") || strings.HasPrefix(key, "$setElementOrder/") ||
				strings.HasPrefix(key, "$deleteFromPrimitiveList/") || key == "$retainKeys" || directs(value) {
				return true
			}
		}
	case []any:
		for _, item := range v {
			if directs(item) {
				return true
			}
		}
	}
	return false
}

func (in Input) isPatch(doc *manifest.Doc) bool { return in.PatchFiles[doc.File.Path] || IsPatch(doc) }

// origin is what decides a field of an object.
type origin struct {
	patch *Patch         // nil: no patch
	set   manifest.Place // where the patch sets it
	place manifest.Place // where it is told: the object's document where that says the same
	// changed tells that the document says something else, and no patch is known for it.
	changed bool
}

// origin finds the patch that decides a field: the last one that sets it to what the object has, or that takes out what
// the object lacks. What the document says alike, and a mapping that it has a part of, stands in the document.
func (s *subject) origin(field string) origin {
	if s.Doc == nil || len(s.clusters) == 0 {
		return origin{}
	}
	path := manifest.Keys(field)
	body := s.Body
	if s.Template != nil {
		body = s.Template
	}
	there := manifest.Has(body, path...)
	_, _, own := s.Doc.Find(path...)
	mine := manifest.Get(s.Doc.Value, path...)
	_, mapping := mine.(map[string]any)
	alike := own && there && (mapping || fmt.Sprint(mine) == fmt.Sprint(manifest.Get(body, path...)))
	for i := len(s.Patches) - 1; i >= 0; i-- {
		set := s.Patches[i].sets(field)
		if set == nil || set.Removes == there || set.Removes && !own || !set.Removes && !agrees(body, set) {
			continue
		}
		o := origin{patch: s.Patches[i], set: set.Place, place: set.Place}
		if alike {
			o.place = s.Doc.At(path...)
		}
		return o
	}
	return origin{changed: own && !alike}
}

// agrees tells whether an object has what a patch set.
func agrees(body map[string]any, set *PatchSet) bool {
	is := manifest.Get(body, manifest.Keys(set.Field)...)
	want, mapping := set.Value.(map[string]any)
	if !mapping {
		return fmt.Sprint(is) == fmt.Sprint(set.Value)
	}
	has, _ := is.(map[string]any)
	for key := range want {
		if _, ok := has[key]; !ok {
			return false
		}
	}
	return has != nil
}
