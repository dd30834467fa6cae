package repo

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"

	"github.com/fluxcd/pkg/apis/kustomize"
	kustomizer "github.com/fluxcd/pkg/kustomize"
	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// overlay is the part of a Flux Kustomization's spec that goes into the kustomization file of its path before the
// build. The deprecated fields are there because the controller still takes them.
type overlay struct {
	TargetNamespace         string                    `json:"targetNamespace,omitempty"`
	NamePrefix              string                    `json:"namePrefix,omitempty"`
	NameSuffix              string                    `json:"nameSuffix,omitempty"`
	Patches                 []kustomize.Patch         `json:"patches,omitempty"`
	PatchesStrategicMerge   []json.RawMessage         `json:"patchesStrategicMerge,omitempty"`
	PatchesJSON6902         []kustomize.JSON6902Patch `json:"patchesJson6902,omitempty"`
	Images                  []kustomize.Image         `json:"images,omitempty"`
	Components              []string                  `json:"components,omitempty"`
	IgnoreMissingComponents bool                      `json:"ignoreMissingComponents,omitempty"`
	BuildMetadata           []string                  `json:"buildMetadata,omitempty"`
}

// readOverlay reads it off a spec; a nil spec has none.
func readOverlay(spec any) (overlay, error) {
	var o overlay
	text, err := json.Marshal(spec)
	if err == nil && spec != nil {
		err = json.Unmarshal(text, &o)
	}
	return o, err
}

// root is the kustomization file that a build of dir begins with: the one that is there or, as Flux does, one made of
// all manifests below dir, with the overlay over it. Origins are always asked for; keep tells whether they stay.
func (p *plan) root(dir string, o overlay) (file string, text []byte, keep bool, err error) {
	var k types.Kustomization
	file = p.tree.kustomizationFile(dir)
	if file == "" {
		file = path.Join(dir, konfig.DefaultKustomizationFileName())
		k = p.generated(dir)
	} else {
		p.directory(file, 0)
		if p.stop {
			return file, nil, false, nil
		}
		if text = p.over[file]; text == nil {
			if text, err = p.tree.Text(file); err != nil {
				return file, nil, false, err
			}
		}
		k = types.Kustomization{TypeMeta: types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind}}
		if err := yaml.Unmarshal(text, &k); err != nil {
			return file, nil, false, fmt.Errorf("read %s: %w", file, err)
		}
		if len(k.Resources) == 0 { // else kustomize calls it empty
			k.BuildMetadata = []string{types.OriginAnnotations}
		}
	}
	if err := p.lay(&k, dir, o); err != nil {
		return file, nil, false, err
	}
	keep = slices.Contains(k.BuildMetadata, types.OriginAnnotations)
	if !keep {
		k.BuildMetadata = append(slices.Clone(k.BuildMetadata), types.OriginAnnotations)
	}
	text, err = yaml.Marshal(k)
	return file, text, keep, err
}

// generated is the kustomization that Flux makes where there is none: every manifest below dir, and of directories
// that have a kustomization of their own that one alone.
func (p *plan) generated(dir string) types.Kustomization {
	k := types.Kustomization{TypeMeta: types.TypeMeta{APIVersion: types.KustomizationVersion, Kind: types.KustomizationKind}}
	p.look(dir, true)
	var below func(at string)
	below = func(at string) {
		for _, name := range p.tree.entries[at].names {
			target := path.Join(at, name)
			if p.tree.IsDir(target) {
				if file := p.tree.kustomizationFile(target); file != "" {
					p.directory(file, 1)
					k.Resources = append(k.Resources, relative(dir, target))
				} else {
					below(target)
				}
				continue
			}
			if ext := path.Ext(name); ext == ".yaml" || ext == ".yml" {
				p.file(target, "resources")
				k.Resources = append(k.Resources, relative(dir, target))
			}
		}
	}
	below(dir)
	if len(k.Resources) == 0 {
		k.Namespace = "_placeholder" // else kustomize calls it empty
	}
	return k
}

func relative(dir, target string) string {
	if dir == "." {
		return "./" + target
	}
	return "." + target[len(dir):]
}

// lay puts the overlay over k.
func (p *plan) lay(k *types.Kustomization, dir string, o overlay) error {
	if o.TargetNamespace != "" {
		k.Namespace = o.TargetNamespace
	}
	if o.NamePrefix != "" {
		k.NamePrefix = o.NamePrefix
	}
	if o.NameSuffix != "" {
		k.NameSuffix = o.NameSuffix
	}
	for _, patch := range o.Patches {
		k.Patches = append(k.Patches, types.Patch{Patch: patch.Patch, Target: selector(patch.Target)})
	}
	if err := p.components(k, dir, o); err != nil {
		return err
	}
	for _, patch := range o.PatchesStrategicMerge {
		k.PatchesStrategicMerge = append(k.PatchesStrategicMerge, types.PatchStrategicMerge(patch))
	}
	for _, patch := range o.PatchesJSON6902 {
		text, err := json.Marshal(patch.Patch)
		if err != nil {
			return err
		}
		k.PatchesJson6902 = append(k.PatchesJson6902, types.Patch{Patch: string(text), Target: selector(&patch.Target)})
	}
	for _, image := range o.Images {
		layImage(k, image)
	}
	if len(o.BuildMetadata) > 0 {
		k.BuildMetadata = o.BuildMetadata
	}
	return nil
}

func (p *plan) components(k *types.Kustomization, dir string, o overlay) error {
	for _, component := range o.Components {
		if !kustomizer.IsLocalRelativePath(component) {
			return fmt.Errorf("component path %q must be local and relative", component)
		}
		target := path.Join(dir, component)
		p.look(target, false)
		file := p.tree.kustomizationFile(target)
		if !p.tree.IsDir(target) && o.IgnoreMissingComponents {
			continue
		}
		if file == "" {
			p.problem("missing", true, manifest.Place{File: target}, "the component %s is not there, or has no kustomization.yaml", component)
			continue
		}
		p.directory(file, 1)
		k.Components = append(k.Components, component)
	}
	return nil
}

// layImage changes an image as Flux does: fields that are given replace, and a tag and a digest are one choice.
func layImage(k *types.Kustomization, image kustomize.Image) {
	i := slices.IndexFunc(k.Images, func(there types.Image) bool { return there.Name == image.Name })
	if i < 0 {
		k.Images = append(k.Images, types.Image{Name: image.Name, NewName: image.NewName, NewTag: image.NewTag, Digest: image.Digest})
		return
	}
	if image.NewName != "" {
		k.Images[i].NewName = image.NewName
	}
	if image.NewTag != "" || image.Digest != "" {
		k.Images[i].NewTag, k.Images[i].Digest = image.NewTag, image.Digest
	}
}

func selector(s *kustomize.Selector) *types.Selector {
	if s == nil {
		return nil
	}
	out := &types.Selector{LabelSelector: s.LabelSelector, AnnotationSelector: s.AnnotationSelector}
	out.Group, out.Version, out.Kind, out.Name, out.Namespace = s.Group, s.Version, s.Kind, s.Name, s.Namespace
	return out
}
