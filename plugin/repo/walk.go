package repo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"sigs.k8s.io/kustomize/api/resource"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// The bounds of one cluster.
const (
	maxKustomizations = 2_000
	maxObjects        = 100_000
)

// walk is the way through a tree for one cluster.
type walk struct {
	tree    *Tree
	mode    Mode
	all     []*kustomization
	waiting []*kustomization // found and not yet built
	order   []*Object
	objects map[id]*Object
	used    map[string][]use  // variable -> where it is asked for
	files   map[string]bool   // that the cluster is built of
	looked  map[string]bool   // directories that it is built of; true: of all manifests below
	answers map[string]answer // what the cluster has, where it was asked, by "Kind/namespace/name"
	home    string            // the source that this tree is, as Kustomizations name it
	trouble []facts.GitProblem
}

// run builds what the entry point brings, and all that it brings in turn.
func (w *walk) run(ctx context.Context, path string) error {
	entry, err := w.entry(path)
	if err != nil {
		return err
	}
	w.waiting = []*kustomization{entry}
	for len(w.waiting) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(w.all) >= maxKustomizations || len(w.order) > maxObjects {
			return limited("%s brings more than %d Kustomizations or %d objects", path, maxKustomizations, maxObjects)
		}
		w.build(w.next())
	}
	w.leftOut()
	return nil
}

// leftOut notes files that the cluster is built of, and that the source's own spec.ignore keeps from Flux.
func (w *walk) leftOut() {
	i := slices.IndexFunc(w.order, func(o *Object) bool { return o.ref() == w.home && manifest.Has(o.Body, "spec", "ignore") })
	if i < 0 {
		return
	}
	source := w.order[i]
	own := sourceignore.ReadPatterns(strings.NewReader(manifest.Text(source.Body, "spec", "ignore")), nil)
	matcher := sourceignore.NewDefaultMatcher(append(slices.Clone(w.tree.ignored), own...), nil)
	for _, file := range sortedKeys(w.files) {
		if matcher.Match(strings.Split(file, "/"), false) {
			w.problem(facts.GitProblem{
				GitPlace: source.at("spec", "ignore"), Kind: facts.ProblemMissing, Fatal: true, Object: source.ref(), Field: "spec.ignore",
				Message: source.ref() + " leaves " + file + " out, and a Kustomization needs it",
			})
		}
	}
}

// next is the first Kustomization whose variables have all been seen, else the first.
func (w *walk) next() *kustomization {
	i := max(0, slices.IndexFunc(w.waiting, w.ready))
	k := w.waiting[i]
	w.waiting = slices.Delete(w.waiting, i, i+1)
	return k
}

// entry is the Kustomization that applies path: one that is part of it, as `flux bootstrap` leaves it, else one
// without a name.
func (w *walk) entry(path string) (*kustomization, error) {
	path = clean(path)
	if !w.tree.IsDir(path) {
		return nil, fmt.Errorf("there is no directory %s in the tree", path)
	}
	nameless := &kustomization{path: path}
	for _, res := range w.tree.build(path, nil).resources {
		found, err := objects([]byte(res.MustYaml()))
		if err != nil {
			continue
		}
		for _, o := range found {
			if isKustomization(o) && newKustomization(o).path == path {
				k := newKustomization(o)
				k.by = k.id()
				w.home = k.source()
				return k, nil
			}
		}
	}
	return nameless, nil
}

// build builds k and takes in what it applies.
func (w *walk) build(k *kustomization) {
	w.all = append(w.all, k)
	if k.unknown = w.elsewhere(k); k.unknown != "" {
		return
	}
	if !w.tree.IsDir(k.path) {
		k.unknown = "there is no directory " + k.path
		w.problem(facts.GitProblem{
			GitPlace: k.place("spec", "path"), Kind: facts.ProblemMissing, Fatal: true, By: k.by, Object: "Kustomization/" + k.id(),
			Message: "there is no directory " + k.path + " in the tree",
		})
		return
	}
	b := w.tree.build(k.path, anySpec(k.spec))
	for file := range b.used {
		w.files[file] = true
	}
	for dir, all := range b.looked {
		w.looked[dir] = w.looked[dir] || all
	}
	for _, p := range b.problems {
		p.By = k.id()
		w.problem(p)
	}
	if b.failed {
		k.failed, k.unknown = true, "it cannot be built"
		return
	}
	k.scope = w.scope(k)
	var found []*Object
	for i, res := range b.resources {
		some, ok := w.take(k, res, b.origins[i])
		found = append(found, some...)
		k.failed = k.failed || !ok
	}
	if k.failed && w.mode == Strict { // Flux applies all of a Kustomization or nothing
		k.unknown = "it cannot be built"
		return
	}
	for _, o := range found {
		w.add(k, o)
	}
}

func anySpec(spec map[string]any) any {
	if spec == nil {
		return nil
	}
	return spec
}

// elsewhere says why k is not built from this tree; nothing where it is.
func (w *walk) elsewhere(k *kustomization) string {
	if k.object == nil {
		return ""
	}
	if manifest.Get(k.spec, "kubeConfig") != nil {
		return "it applies to another cluster"
	}
	source := k.source()
	if w.home == "" && (w.tree.IsDir(k.path) || !w.applied(source)) {
		w.home = source // no tree holds the source that it is fetched by, but as part of itself
	}
	if source == "" || source == w.home {
		return ""
	}
	return "its source is " + source + ", another repository"
}

// applied tells whether something of this cluster applies the object "Kind/namespace/name".
func (w *walk) applied(ref string) bool {
	return slices.ContainsFunc(w.order, func(o *Object) bool { return o.ref() == ref })
}

// take makes objects of one resource of a build, and tells whether Flux could.
func (w *walk) take(k *kustomization, res *resource.Resource, origin *resource.Origin) ([]*Object, bool) {
	doc, at := w.tree.source(k.path, origin, res.GetKind(), res.GetNamespace(), res.GetName())
	head := &Object{GitPlace: place(at), Kind: res.GetKind(), Namespace: res.GetNamespace(), Name: res.GetName(), Source: doc}
	text, err := res.AsYAML()
	if err != nil {
		return nil, w.fail(k, head, facts.ProblemBuild, err)
	}
	complete, built := true, text
	var template map[string]any
	if k.scope.active && !optedOut(res) {
		w.uses(k, head, string(text))
		substituted, missing, err := Substitute(text, k.scope.given(string(text)), Lax)
		w.unset(k, head, missing)
		if err != nil {
			return nil, w.fail(k, head, facts.ProblemSubstitute, err)
		}
		complete = len(missing) == 0
		if string(substituted) != string(text) {
			if before, err := manifest.Parse("", text); err == nil && len(before.Docs) > 0 {
				template = before.Docs[0].Value
			}
		}
		text = substituted
	}
	found, err := objects(text)
	if err != nil {
		return nil, w.fail(k, head, facts.ProblemSubstitute, err)
	}
	for _, o := range found {
		o.GitPlace, o.Source, o.Template, o.By = head.GitPlace, doc, template, k.id()
		if k.scope.active && !optedOut(res) && len(expressions(string(built))) > 0 {
			o.built, o.scope = built, &k.scope
		}
	}
	return found, complete
}

// fail notes why an object of k cannot be made. It is false, always.
func (w *walk) fail(k *kustomization, o *Object, kind string, err error) bool {
	w.problem(facts.GitProblem{
		GitPlace: o.GitPlace, Kind: kind, Fatal: true, By: k.id(), Object: o.ref(), Message: w.tree.local(err),
	})
	return false
}

func optedOut(res *resource.Resource) bool {
	const key, off = "kustomize.toolkit.fluxcd.io/substitute", "disabled"
	return res.GetLabels()[key] == off || res.GetAnnotations()[key] == off
}

// unset notes variables that have no value. Flux 2.9 fails over them; before, it put in nothing.
func (w *walk) unset(k *kustomization, o *Object, missing []string) {
	for _, name := range missing {
		at := o.GitPlace
		field := ""
		for _, u := range w.used[name] {
			if u.Object == o.ref() && u.by == k.id() {
				at, field = u.GitPlace, u.Field
				break
			}
		}
		w.problem(facts.GitProblem{
			GitPlace: at, Kind: facts.ProblemVariable, Fatal: true, By: k.id(), Object: o.ref(), Field: field,
			Message: fmt.Sprintf("${%s} has no value: nothing that %s substitutes from defines it", name, k.id()),
		})
	}
}

func (w *walk) add(k *kustomization, o *Object) {
	o.common(stringMap(manifest.Get(k.spec, "commonMetadata", "labels")), stringMap(manifest.Get(k.spec, "commonMetadata", "annotations")))
	k.applies++
	w.order = append(w.order, o)
	if _, there := w.objects[o.id()]; !there {
		w.objects[o.id()] = o
	}
	if isKustomization(o) && !w.known(o) {
		w.waiting = append(w.waiting, newKustomization(o))
	}
}

func (w *walk) known(o *Object) bool {
	same := func(k *kustomization) bool { return k.object != nil && k.namespace == o.Namespace && k.name == o.Name }
	return slices.ContainsFunc(w.all, same) || slices.ContainsFunc(w.waiting, same)
}

func (w *walk) problem(p facts.GitProblem) {
	if !slices.Contains(w.trouble, p) {
		w.trouble = append(w.trouble, p)
	}
}
