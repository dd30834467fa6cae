package repo

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// Lint gathers what lint judges: the manifests below paths, and what the tree gives to each cluster. A cluster whose
// entry point the tree does not have is an error. Objects are also held to schemas, where there are any.
func (t *Tree) Lint(ctx context.Context, f fleet.Fleet, clusters []fleet.Cluster, paths []string, schemas *Schemas) (lint.Input, error) {
	in := lint.Input{
		Templates: t.templates(), Cilium: f.Cilium, In: func(file string) bool { return within(file, paths) }, PatchFiles: t.patchFiles(),
	}
	used := map[string]bool{}
	known, err := apiTypes()
	if err != nil {
		return in, err
	}
	applied := map[*manifest.Doc]bool{}
	for _, c := range clusters {
		j, err := t.judge(ctx, f, c, known, schemas)
		if err != nil {
			return in, err
		}
		maps.Copy(used, j.files)
		maps.Copy(applied, j.applied)
		in.Clusters = append(in.Clusters, j.cluster)
	}
	for _, name := range t.manifests(paths, used) {
		file, err := t.Parse(name)
		if err != nil && (used[name] || looksLikeManifest(file)) {
			in.Problems = append(in.Problems, readProblem(name, err))
		}
		if file == nil {
			continue
		}
		in.Files = append(in.Files, file)
		for _, doc := range file.Docs {
			if !applied[doc] && !in.PatchFiles[name] && !lint.IsPatch(doc) {
				in.Problems = append(in.Problems, schemaProblems(known, doc, doc.Value, doc.Kind()+"/"+doc.Name(), false)...)
			}
		}
	}
	in.Problems = append(in.Problems, t.linkProblems(paths, clusters)...)
	return in, nil
}

// lint is the cluster as rules look at it. What the API's types do not take becomes a problem of the cluster's.
func (c *Cluster) lint(known *runtime.Scheme, schemas *Schemas, applied map[*manifest.Doc]bool) lint.Cluster {
	git := *c.git
	git.Problems = slices.Clone(git.Problems)
	out := lint.Cluster{Name: c.Name, Git: &git}
	for i, o := range c.Objects {
		out.Objects = append(out.Objects, lint.Object{
			GitObject: git.Objects[i], Body: o.Body, Doc: o.Source, Template: o.Template, Patches: c.patchesOf(o),
		})
		if o.Source != nil {
			applied[o.Source] = true
			git.Problems = append(git.Problems, schemaProblems(known, o.Source, o.Body, o.ref(), !o.undecided())...)
			if schemas != nil {
				git.Problems = append(git.Problems, schemas.problems(o.Source, o.Body, o.ref())...)
			}
		}
	}
	return out
}

// manifests are the YAML files below paths, and those that clusters are built of.
func (t *Tree) manifests(paths []string, used map[string]bool) []string {
	var all []string
	for name, e := range t.entries {
		yaml := strings.HasSuffix(name, ".yaml") || strings.HasSuffix(name, ".yml")
		if !e.dir && yaml && (within(name, paths) || used[name]) {
			all = append(all, name)
		}
	}
	slices.Sort(all)
	return all
}

func within(file string, paths []string) bool {
	return slices.ContainsFunc(paths, func(dir string) bool { return below(file, clean(dir)) })
}

// looksLikeManifest tells a broken manifest from a file that is a template, or of another tool.
func looksLikeManifest(f *manifest.File) bool {
	return f != nil && bytes.Contains(append([]byte("\n"), f.Text...), []byte("\napiVersion:")) && !bytes.Contains(f.Text, []byte("{{"))
}

// maxTemplate bounds the bootstrap's templates, in bytes.
const maxTemplate = 1 << 20

// templates are the bootstrap's: Helmfile's, which may copy the values of a HelmRelease.
func (t *Tree) templates() map[string]string {
	out := map[string]string{}
	for name, e := range t.entries {
		if e.dir || e.size > maxTemplate || !strings.HasSuffix(name, ".gotmpl") {
			continue
		}
		if text, err := t.Text(name); err == nil {
			out[name] = string(text)
		}
	}
	return out
}

// linkProblems are the links below paths that a cluster's directories hold.
func (t *Tree) linkProblems(paths []string, clusters []fleet.Cluster) []facts.GitProblem {
	var all []facts.GitProblem
	for _, link := range t.links {
		near := slices.ContainsFunc(clusters, func(c fleet.Cluster) bool { return below(link, strings.Split(clean(c.Path), "/")[0]) })
		if !within(link, paths) || !near {
			continue
		}
		p := facts.GitProblem{
			GitPlace: facts.GitPlace{File: link}, Kind: facts.ProblemLink, Message: "is a symbolic link: Flux's artifact does not hold it",
		}
		if t.loops(link) {
			p.Kind, p.Message = facts.ProblemLimit, "is a symbolic link that leads back to itself"
		}
		all = append(all, p)
	}
	return all
}

// loops tells whether following a link never ends: it leads to a directory that holds it, or round in a circle.
func (t *Tree) loops(link string) bool {
	real, err := filepath.EvalSymlinks(filepath.Join(t.dir, filepath.FromSlash(link)))
	if err != nil {
		return !errors.Is(err, fs.ErrNotExist)
	}
	inside, err := filepath.Rel(t.dir, real)
	return err == nil && below(link, filepath.ToSlash(inside))
}

// EntryPoints are the clusters that the tree seems to have, for trees without a fleet file: the directories of
// clusters/, what `flux bootstrap` writes to, and where single clusters usually begin.
func (t *Tree) EntryPoints() []fleet.Cluster {
	var all []fleet.Cluster
	for _, dir := range []string{"kubernetes/clusters", "clusters"} {
		for _, name := range t.entries[dir].names {
			if t.IsDir(path.Join(dir, name)) {
				all = append(all, fleet.Cluster{Name: name, Context: name, Path: path.Join(dir, name)})
			}
		}
		if len(all) > 0 {
			return all
		}
	}
	for name := range t.entries {
		if dir, ok := strings.CutSuffix(name, "/flux-system/gotk-sync.yaml"); ok {
			all = append(all, fleet.Cluster{Name: path.Base(dir), Context: path.Base(dir), Path: dir})
		}
	}
	for _, dir := range []string{"kubernetes/flux/cluster", "kubernetes/flux", "flux/cluster", "cluster/flux"} {
		if len(all) == 0 && t.IsDir(dir) {
			all = append(all, fleet.Cluster{Name: "cluster", Path: dir})
		}
	}
	slices.SortFunc(all, func(a, b fleet.Cluster) int { return strings.Compare(a.Path, b.Path) })
	return all
}
