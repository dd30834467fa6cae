package chart

import (
	"encoding/json"
	"sync"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/apis/kustomize"
	"sigs.k8s.io/kustomize/api/builtins"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resmap"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// one lets one post-renderer run at a time: kustomize keeps maps that all of its builds write to.
var one sync.Mutex

// renderer changes a rendered manifest.
type renderer func(manifest string) (string, error)

// renderers are what helm-controller hands to Helm: the HelmRelease's own, its common metadata, and last the labels
// by which it finds its objects.
func renderers(hr *helmv2.HelmRelease) []renderer {
	var all []renderer
	for _, r := range hr.Spec.PostRenderers {
		if r.Kustomize != nil {
			all = append(all, kustomized(r.Kustomize))
		}
	}
	if m := hr.Spec.CommonMetadata; m != nil {
		all = append(all, labelled(m.Labels, m.Annotations))
	}
	group := helmv2.GroupVersion.Group
	return append(all, labelled(map[string]string{group + "/name": hr.Name, group + "/namespace": hr.Namespace}, nil))
}

// labelled adds metadata to every object, and to nothing below it.
func labelled(labels, annotations map[string]string) renderer {
	return func(manifest string) (string, error) {
		one.Lock()
		defer one.Unlock()
		objects, err := resmap.NewFactory(provider.NewDefaultDepProvider().GetResourceFactory()).NewResMapFromBytes([]byte(manifest))
		if err != nil {
			return "", err
		}
		at := func(path string) []kustypes.FieldSpec {
			return []kustypes.FieldSpec{{Path: path, CreateIfNotPresent: true}}
		}
		if len(labels) > 0 {
			p := builtins.LabelTransformerPlugin{Labels: labels, FieldSpecs: at("metadata/labels")}
			if err := p.Transform(objects); err != nil {
				return "", err
			}
		}
		if len(annotations) > 0 {
			p := builtins.AnnotationsTransformerPlugin{Annotations: annotations, FieldSpecs: at("metadata/annotations")}
			if err := p.Transform(objects); err != nil {
				return "", err
			}
		}
		text, err := objects.AsYaml()
		return string(text), err
	}
}

// kustomized patches objects and replaces images.
func kustomized(k *helmv2.Kustomize) renderer {
	return func(manifest string) (string, error) {
		one.Lock()
		defer one.Unlock()
		config := kustypes.Kustomization{Resources: []string{"manifest.yaml"}}
		config.APIVersion, config.Kind = kustypes.KustomizationVersion, kustypes.KustomizationKind
		for _, p := range k.Patches {
			config.Patches = append(config.Patches, kustypes.Patch{Patch: p.Patch, Target: selector(p.Target)})
		}
		for _, i := range k.Images {
			config.Images = append(config.Images, kustypes.Image{Name: i.Name, NewName: i.NewName, NewTag: i.NewTag, Digest: i.Digest})
		}
		text, err := json.Marshal(config)
		if err != nil {
			return "", err
		}
		files := filesys.MakeFsInMemory()
		if err := files.WriteFile("manifest.yaml", []byte(manifest)); err != nil {
			return "", err
		}
		if err := files.WriteFile("kustomization.yaml", text); err != nil {
			return "", err
		}
		options := &krusty.Options{LoadRestrictions: kustypes.LoadRestrictionsNone, PluginConfig: kustypes.DisabledPluginConfig()}
		objects, err := krusty.MakeKustomizer(options).Run(files, ".")
		if err != nil {
			return "", err
		}
		out, err := objects.AsYaml()
		return string(out), err
	}
}

func selector(s *kustomize.Selector) *kustypes.Selector {
	if s == nil {
		return nil
	}
	out := &kustypes.Selector{LabelSelector: s.LabelSelector, AnnotationSelector: s.AnnotationSelector}
	out.Group, out.Version, out.Kind = s.Group, s.Version, s.Kind
	out.Name, out.Namespace = s.Name, s.Namespace
	return out
}
