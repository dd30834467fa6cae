package repo

import (
	"maps"
	"path"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// patched is a directory as kustomize builds it: the files of objects, and the patches over them, inner ones first.
type patched struct {
	files   map[string]bool
	patches []*patch
}

// patchedBy looks at the kustomization of a directory and all that it refers to.
func (t *Tree) patchedBy(dir string, depth int) patched {
	out := patched{files: map[string]bool{}}
	if depth > maxNested {
		return out
	}
	join := func(below patched) {
		maps.Copy(out.files, below.files)
		out.patches = append(out.patches, below.patches...)
	}
	file := t.kustomizationFile(dir)
	if file == "" { // Flux makes one of all that is below
		for _, name := range t.entries[dir].names {
			target := path.Join(dir, name)
			if t.IsDir(target) {
				join(t.patchedBy(target, depth+1))
			} else {
				out.files[target] = true
			}
		}
		return out
	}
	f, err := t.Parse(file)
	if err != nil || len(f.Docs) == 0 {
		return out
	}
	doc := f.Docs[0]
	for _, field := range []string{"resources", "bases"} {
		for _, name := range stringList(doc.Value[field]) {
			if target := path.Join(dir, name); t.IsDir(target) {
				join(t.patchedBy(target, depth+1))
			} else {
				out.files[target] = true
			}
		}
	}
	out.over(t, dir, stringList(doc.Value["components"]), depth)
	for _, p := range patchLists(doc) {
		p.scope = out.files
		out.patches = append(out.patches, &p)
	}
	return out
}

// over adds components: their patches are laid over all that is there.
func (out *patched) over(t *Tree, dir string, components []string, depth int) {
	for _, name := range components {
		below := t.patchedBy(path.Join(dir, name), depth+1)
		maps.Copy(out.files, below.files)
		for _, p := range below.patches {
			if p.scope != nil {
				p.scope = out.files
			}
			out.patches = append(out.patches, p)
		}
	}
}

// patchesFrom are all patches that a Kustomization lays over what it applies: those of its directory, then its own.
func (c *Cluster) patchesFrom(k *kustomization) []*patch {
	if c.patches == nil {
		c.patches = map[*kustomization][]*patch{}
	}
	if all, ok := c.patches[k]; ok {
		return all
	}
	c.patches[k] = []*patch{} // one that applies itself asks for it meanwhile
	t := c.walk.tree
	in := t.patchedBy(k.path, 0)
	in.over(t, k.path, stringList(k.spec["components"]), 0)
	all := in.patches
	if k.object != nil {
		all = append(all, c.ownPatches(k)...)
	}
	c.patches[k] = all
	return all
}

// ownPatches are those of a Flux Kustomization's spec: of its document, and of patches that are laid over it.
func (c *Cluster) ownPatches(k *kustomization) []*patch {
	var all []*patch
	for _, field := range []string{"patchesStrategicMerge", "patches", "patchesJson6902"} {
		by := "spec." + field + " of Kustomization " + k.id()
		take := func(item written) {
			if field == "patchesStrategicMerge" {
				all = append(all, &patch{by: by, at: item})
			} else if p, ok := onePatch(item, by, k.path); ok {
				all = append(all, &p)
			}
		}
		if k.object.Source != nil {
			spec, _ := rootOf(k.object.Source).get("spec")
			list, _ := spec.get(field)
			for _, item := range list.items() {
				take(item)
			}
		}
		for _, l := range c.laidOver(k.object) {
			for _, name := range sortedKeys(l.nodes) {
				keys := manifest.Keys(name)
				switch {
				case name == "spec."+field:
					for _, item := range l.nodes[name].items() {
						take(item)
					}
				case len(keys) == 3 && path.Join(keys[:2]...) == "spec/"+field:
					take(l.nodes[name])
				}
			}
		}
	}
	return all
}

// laidOver are the patches that are meant for an object.
func (c *Cluster) laidOver(o *Object) []*laid {
	i := slices.IndexFunc(c.walk.all, func(k *kustomization) bool { return k.id() == o.By })
	if i < 0 || o.Source == nil {
		return nil
	}
	var all []*laid
	for _, p := range c.patchesFrom(c.walk.all[i]) {
		if p.scope != nil && !p.scope[o.Source.File.Path] {
			continue
		}
		for _, l := range c.walk.tree.readPatch(p) {
			if l.meant(o) {
				all = append(all, l)
			}
		}
	}
	return all
}

// patchesOf are the patches that an object may have been given, of the kinds that lint judges by their fields.
func (c *Cluster) patchesOf(o *Object) []*lint.Patch {
	if !strings.HasSuffix(o.group(), ".toolkit.fluxcd.io") && o.Kind != "ConfigMap" {
		return nil
	}
	var all []*lint.Patch
	for _, l := range c.laidOver(o) {
		all = append(all, &l.Patch)
	}
	return all
}
