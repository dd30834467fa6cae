package repo

import (
	"context"
	"maps"
	"path"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/kustomize/api/konfig"

	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// With is the tree with files that it has changed, in memory: their new text, by path. Builds and clusters that none
// of them is part of are not made again. It shares what it reads from with t, which must stay open, and needs no Close.
func (t *Tree) With(files map[string][]byte) *Tree {
	out := *t
	out.texts, out.parsed, out.errs = maps.Clone(t.texts), maps.Clone(t.parsed), maps.Clone(t.errs)
	for name, text := range files {
		name = clean(name)
		out.texts[name] = text
		delete(out.parsed, name)
		delete(out.errs, name)
	}
	reads := func(used map[string]bool) bool {
		for name := range files {
			if used[clean(name)] {
				return true
			}
		}
		return false
	}
	out.builds = map[string]built{}
	for at, b := range t.builds {
		if !reads(b.used) {
			out.builds[at] = b
		}
	}
	out.judged = map[string]judged{}
	for name, j := range t.judged {
		if !reads(j.files) {
			out.judged[name] = j
		}
	}
	return &out
}

// judged is one cluster as lint looks at it, and what it was made of.
type judged struct {
	cluster lint.Cluster
	files   map[string]bool
	applied map[*manifest.Doc]bool
}

// judge gathers one cluster, once.
func (t *Tree) judge(
	ctx context.Context, f fleet.Fleet, c fleet.Cluster, known *runtime.Scheme, schemas *Schemas,
) (judged, error) {
	at := c.Name + "\x00" + c.Path
	if j, ok := t.judged[at]; ok {
		return j, nil
	}
	got, err := t.Cluster(ctx, f, c, Lax)
	if err != nil {
		return judged{}, err
	}
	j := judged{files: map[string]bool{}, applied: map[*manifest.Doc]bool{}}
	for _, file := range got.Files() {
		j.files[file] = true
	}
	j.cluster = got.lint(known, schemas, j.applied)
	if t.judged == nil {
		t.judged = map[string]judged{}
	}
	t.judged[at] = j
	return j, nil
}

// patchFiles are the files that a kustomization of the tree uses as patches, and as nothing else.
func (t *Tree) patchFiles() map[string]bool {
	patches, resources := map[string]bool{}, map[string]bool{}
	for name, e := range t.entries {
		if e.dir || !isKustomizationFile(path.Base(name)) {
			continue
		}
		f, err := t.Parse(name)
		if f == nil || err != nil {
			continue
		}
		for _, doc := range f.Docs {
			for _, list := range patchLists(doc) {
				if list.file != "" {
					patches[list.file] = true
				}
			}
			for _, item := range stringList(doc.Value["resources"]) {
				resources[path.Join(path.Dir(name), item)] = true
			}
		}
	}
	for name := range resources {
		delete(patches, name)
	}
	return patches
}

func isKustomizationFile(base string) bool {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if base == name {
			return true
		}
	}
	return false
}
