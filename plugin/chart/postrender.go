package chart

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/apis/kustomize"
	yamlv3 "go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/builtins"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resmap"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// one lets one post-renderer run at a time: kustomize keeps maps that all of its builds write to.
var one sync.Mutex

// renderers are what helm-controller hands to Helm.
type renderers struct {
	patches []renderer              // the HelmRelease's own
	add     []helmv2.CommonMetadata // after these, to every object
}

// renderer changes a rendered manifest.
type renderer func(manifest string) (string, error)

// renderersOf are the HelmRelease's own, its common metadata, and last the labels by which helm-controller finds its
// objects.
func renderersOf(hr *helmv2.HelmRelease) renderers {
	var all renderers
	for _, r := range hr.Spec.PostRenderers {
		if r.Kustomize != nil {
			all.patches = append(all.patches, kustomized(r.Kustomize))
		}
	}
	if m := hr.Spec.CommonMetadata; m != nil {
		all.add = append(all.add, *m)
	}
	group := helmv2.GroupVersion.Group
	all.add = append(all.add, helmv2.CommonMetadata{Labels: map[string]string{group + "/name": hr.Name, group + "/namespace": hr.Namespace}})
	return all
}

// patch tells whether there is a post-renderer that may look at several objects at once.
func (r renderers) patch() bool { return len(r.patches) > 0 }

// run is the objects of a manifest after all renderers.
func (r renderers) run(manifest string) ([]map[string]any, error) {
	var err error
	for _, change := range r.patches {
		if manifest, err = change(manifest); err != nil {
			return nil, fmt.Errorf("post-renderers: %w", err)
		}
	}
	if len(r.add) == 0 {
		return bodies(manifest)
	}
	if all, ok := plainBodies(manifest); ok {
		for _, body := range all {
			for _, m := range r.add {
				addTo(body, "labels", m.Labels)
				addTo(body, "annotations", m.Annotations)
			}
		}
		return all, nil
	}
	for _, m := range r.add {
		if manifest, err = labelled(m.Labels, m.Annotations)(manifest); err != nil {
			return nil, fmt.Errorf("post-renderers: %w", err)
		}
	}
	return bodies(manifest)
}

// addTo adds to an object's metadata, and to nothing below it.
func addTo(body map[string]any, field string, more map[string]string) {
	if len(more) == 0 {
		return
	}
	metadata := body["metadata"].(map[string]any) // plainBodies made sure
	all, ok := metadata[field].(map[string]any)
	if !ok {
		all = map[string]any{}
		metadata[field] = all
	}
	for key, value := range more {
		all[key] = value
	}
}

// plainBodies reads a manifest the way that kustomize does, at a tenth of its cost; false where it has anything that
// kustomize treats in a way of its own, or that is wrong.
func plainBodies(manifest string) ([]map[string]any, bool) {
	if strings.Contains(manifest, "config.kubernetes.io/") {
		return nil, false
	}
	decoder := yamlv3.NewDecoder(strings.NewReader(manifest))
	seen := map[string]bool{}
	var all []map[string]any
	for {
		var body map[string]any
		switch err := decoder.Decode(&body); {
		case err == io.EOF:
			return all, true
		case err != nil:
			return nil, false
		case len(body) == 0:
			continue
		}
		plain, ok := plainJSON(body, asIs)
		if !ok {
			return nil, false
		}
		body = plain.(map[string]any)
		u := unstructured.Unstructured{Object: body}
		key := u.GroupVersionKind().GroupKind().String() + "/" + u.GetNamespace() + "/" + u.GetName()
		metadata, _ := body["metadata"].(map[string]any)
		if u.GetName() == "" || seen[key] || strings.HasSuffix(u.GetKind(), "List") || !texts(metadata["labels"]) || !texts(metadata["annotations"]) {
			return nil, false
		}
		seen[key] = true
		all = append(all, body)
	}
}

// texts tells whether v is nothing, or a map to texts.
func texts(v any) bool {
	m, ok := v.(map[string]any)
	for _, value := range m {
		_, isText := value.(string)
		ok = ok && isText
	}
	return ok || v == nil
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
