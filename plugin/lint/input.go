package lint

import (
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// Input is what is linted.
type Input struct {
	// Files are the manifests to lint, and all others that the clusters are built of.
	Files []*manifest.File
	// Templates are the bootstrap's templates, by path.
	Templates map[string]string
	// Problems are what reading found, of no cluster: files that are no YAML, objects that their API does not take.
	Problems []facts.GitProblem
	Clusters []Cluster
	// Cilium are the names that the fleet has for Cilium's objects; what is empty is as the chart has it.
	Cilium facts.Names
	// In tells whether findings in a file are asked for.
	In func(file string) bool
	// PatchFiles are the files that kustomizations of the tree use as patches: none of their documents is an object.
	PatchFiles map[string]bool
	// Others are clusters that nothing is asked of: a fix must leave them as they are.
	Others []Cluster
	// All tells that fixes are offered in every file, and not alone in those that Cilium is delivered by.
	All bool
}

// Cluster is one cluster of the tree.
type Cluster struct {
	Name    string
	Git     *facts.Git
	Objects []Object
}

// Object is one object as it is applied.
type Object struct {
	facts.GitObject

	Body map[string]any
	Doc  *manifest.Doc // that it comes from; nil where it is generated
	// Template is the body before variables are put in; nil where that is the body itself.
	Template map[string]any
	// Patches are those that kustomize may have laid over it, in their order.
	Patches []*Patch
}

// subject is one object that rules look at: as clusters have it or, where none does, as it is written.
type subject struct {
	Object

	clusters []string // that have it so
}

func (s *subject) group() string { return manifest.Group(s.APIVersion) }

func (s *subject) ref() string {
	if s.Namespace == "" {
		return s.Kind + "/" + s.Name
	}
	return s.Kind + "/" + s.Namespace + "/" + s.Name
}

// text, flag, get and has look into the object.
func (s *subject) text(path string) string { return manifest.Text(s.Body, manifest.Keys(path)...) }
func (s *subject) get(path string) any     { return manifest.Get(s.Body, manifest.Keys(path)...) }
func (s *subject) has(path string) bool    { return manifest.Has(s.Body, manifest.Keys(path)...) }
func (s *subject) flag(path string) bool   { b, _ := s.get(path).(bool); return b }

// list is the list at a path.
func (s *subject) list(path string) []any { l, _ := s.get(path).([]any); return l }

// at is where a field stands, in the patch that sets it or in the object's own document; else the nearest one above it.
func (s *subject) at(path string) manifest.Place {
	if o := s.origin(path); o.patch != nil {
		return o.place
	}
	if s.Doc == nil {
		return manifest.Place{File: s.File, Line: s.Line, Column: s.Column}
	}
	return s.Doc.At(manifest.Keys(path)...)
}

// finding begins one about a field.
func (s *subject) finding(path, message string) Finding {
	return Finding{Place: s.at(path), Clusters: s.clusters, Object: s.ref(), Message: message, subject: s, field: path}
}

// index is the input as rules look at it.
type index struct {
	Input

	subjects []*subject
	byDoc    map[*manifest.Doc][]*subject
	files    map[string]*manifest.File
	mine     map[string]bool // the files that Cilium is delivered by; nil until it is asked for
}

func newIndex(in Input) *index {
	x := &index{Input: in, byDoc: map[*manifest.Doc][]*subject{}, files: map[string]*manifest.File{}}
	defaults := facts.Names{Namespace: "kube-system", Release: "cilium", DaemonSet: "cilium", Operator: "cilium-operator"}
	for _, name := range []struct{ is, otherwise *string }{
		{&x.Cilium.Namespace, &defaults.Namespace}, {&x.Cilium.Release, &defaults.Release},
		{&x.Cilium.DaemonSet, &defaults.DaemonSet}, {&x.Cilium.Operator, &defaults.Operator},
	} {
		if *name.is == "" {
			*name.is = *name.otherwise
		}
	}
	for _, f := range in.Files {
		x.files[f.Path] = f
	}
	applied := map[*manifest.Doc]bool{}
	for _, c := range in.Clusters {
		for _, o := range c.Objects {
			x.add(o, c.Name)
			if o.Doc != nil {
				applied[o.Doc] = true
			}
		}
	}
	for _, f := range in.Files {
		for _, doc := range f.Docs {
			if !applied[doc] && isFlux(doc) && !in.isPatch(doc) {
				x.subjects = append(x.subjects, &subject{Object: written(doc)})
			}
		}
	}
	return x
}

// add joins what several clusters have alike.
func (x *index) add(o Object, cluster string) {
	for _, s := range x.byDoc[o.Doc] {
		if s.Doc != nil && s.Name == o.Name && s.Namespace == o.Namespace && reflect.DeepEqual(s.Body, o.Body) {
			if !slices.Contains(s.clusters, cluster) {
				s.clusters = append(s.clusters, cluster)
			}
			return
		}
	}
	s := &subject{Object: o, clusters: []string{cluster}}
	x.subjects = append(x.subjects, s)
	x.byDoc[o.Doc] = append(x.byDoc[o.Doc], s)
}

// isFlux holds of the documents that rules know how to judge alone.
func isFlux(doc *manifest.Doc) bool { return strings.HasSuffix(doc.Group(), ".toolkit.fluxcd.io") }

// written is a document as it stands in its file.
func written(doc *manifest.Doc) Object {
	o := Object{Body: doc.Value, Doc: doc}
	at := doc.At()
	o.File, o.Line, o.Column = at.File, at.Line, at.Column
	o.APIVersion, o.Kind, o.Namespace, o.Name = doc.APIVersion(), doc.Kind(), doc.Namespace(), doc.Name()
	return o
}

// ofKind are the subjects of a kind in a group.
func (x *index) ofKind(group, kind string) []*subject {
	var all []*subject
	for _, s := range x.subjects {
		if s.Kind == kind && s.group() == group {
			all = append(all, s)
		}
	}
	return all
}

// The API groups of Flux.
const (
	helmGroup      = "helm.toolkit.fluxcd.io"
	kustomizeGroup = "kustomize.toolkit.fluxcd.io"
	sourceGroup    = "source.toolkit.fluxcd.io"
)

func (x *index) kustomizations() []*subject { return x.ofKind(kustomizeGroup, "Kustomization") }

// releases are the HelmReleases of Cilium.
func (x *index) releases() []*subject {
	var all []*subject
	for _, s := range x.ofKind(helmGroup, "HelmRelease") {
		if x.isCilium(s) {
			all = append(all, s)
		}
	}
	return all
}

func (x *index) isCilium(s *subject) bool {
	for _, c := range x.Clusters {
		for _, r := range c.Git.Releases {
			if r.Namespace == s.Namespace && r.Name == s.Name && slices.Contains(s.clusters, c.Name) {
				return true
			}
		}
	}
	return s.text("spec.chart.spec.chart") == "cilium" || s.text("spec.releaseName") == "cilium" || s.Name == "cilium"
}

// sources are the objects that Cilium's chart is fetched by: what a HelmRelease of Cilium refers to or, where nobody
// does, what is named or addressed like it.
func (x *index) sources(kind string) []*subject {
	var all []*subject
	for _, s := range x.ofKind(sourceGroup, kind) {
		url := s.text("spec.url")
		if x.referred(s) || path.Base(url) == "cilium" || strings.Contains(url, "/cilium/charts") || strings.Contains(url, "helm.cilium.io") {
			all = append(all, s)
		}
	}
	return all
}

func (x *index) referred(s *subject) bool {
	return slices.ContainsFunc(x.releases(), func(r *subject) bool {
		for _, ref := range []string{"spec.chartRef", "spec.chart.spec.sourceRef"} {
			namespace := r.text(ref + ".namespace")
			if namespace == "" {
				namespace = r.Namespace
			}
			if r.text(ref+".kind") == s.Kind && r.text(ref+".name") == s.Name && namespace == s.Namespace {
				return true
			}
		}
		return false
	})
}

// appliers are the Kustomizations that apply s, in each of its clusters.
func (x *index) appliers(s *subject) []applier {
	var all []applier
	for _, c := range x.Clusters {
		if !slices.Contains(s.clusters, c.Name) {
			continue
		}
		if k := c.Git.Kustomization(s.By); k != nil && k.Name != "" {
			all = append(all, applier{c, k})
		}
	}
	return all
}

type applier struct {
	Cluster
	*facts.GitKustomization
}

// subjectOf is the subject that a Kustomization of a cluster is.
func (x *index) subjectOf(a applier) *subject {
	for _, s := range x.kustomizations() {
		if s.Namespace == a.Namespace && s.GitObject.Name == a.GitKustomization.Name && slices.Contains(s.clusters, a.Cluster.Name) {
			return s
		}
	}
	return nil
}
