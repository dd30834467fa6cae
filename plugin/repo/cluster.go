package repo

import (
	"context"
	"fmt"
	"slices"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// Cluster is what the tree gives to one cluster, with nothing masked. It stays in memory: what is shown or kept is
// its Facts.
type Cluster struct {
	Name string
	// Objects are all that Kustomizations apply, in their order.
	Objects []*Object

	walk *walk
	git  *facts.Git
	// fleet is what the facts are told for.
	fleet fleet.Fleet
	// patches are those that each Kustomization lays over what it applies.
	patches map[*kustomization][]*patch
}

// Cluster reads what the tree gives to c. What is wrong in the tree is among the facts' problems; an error is only
// that there is nothing to begin with.
func (t *Tree) Cluster(ctx context.Context, f fleet.Fleet, c fleet.Cluster, mode Mode) (*Cluster, error) {
	w := &walk{
		tree: t, mode: mode, objects: map[id]*Object{}, used: map[string][]use{}, files: map[string]bool{},
		looked: map[string]bool{},
	}
	if err := w.run(ctx, c.Path); err != nil {
		return nil, fmt.Errorf("read the tree for cluster %s: %w", c.Name, err)
	}
	out := &Cluster{Name: c.Name, Objects: w.order, walk: w, fleet: f}
	out.git = w.facts(f, clean(c.Path))
	return out, nil
}

// Read is the facts of one cluster in the working tree at dir.
func Read(ctx context.Context, dir string, f fleet.Fleet, c fleet.Cluster) (*facts.Git, error) {
	t, err := Open(dir)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	cluster, err := t.Cluster(ctx, f, c, Lax)
	if err != nil {
		return nil, err
	}
	return cluster.Facts(), nil
}

// Facts are what may be shown and kept: secrets are masked.
func (c *Cluster) Facts() *facts.Git { return c.git }

// Object finds one; nil where no Kustomization applies it.
func (c *Cluster) Object(kind, namespace, name string) *Object {
	return c.walk.objects[id{kind, namespace, name}]
}

// Release is the HelmRelease of Cilium; nil where there is none.
func (c *Cluster) Release() *Object {
	r := c.git.Cilium()
	if r == nil {
		return nil
	}
	return c.Object("HelmRelease", r.Namespace, r.Name)
}

// Values are a HelmRelease's, composed as helm-controller does, with nothing masked. What values come from and the tree has
// not, or has encrypted, is asked of live, the cluster; nil: that is an error.
func (c *Cluster) Values(ctx context.Context, release *Object, live client.Reader) (values.Tree, error) {
	if u := c.git.Unknown; len(u) > 0 {
		return nil, fmt.Errorf("compose the values of %s: %s", release.ref(), u[0].Text())
	}
	return c.Composed(ctx, release, live)
}

// Composed are the same, with the expressions themselves where variables are not known: those of the facts' Unknown.
func (c *Cluster) Composed(ctx context.Context, release *Object, live client.Reader) (values.Tree, error) {
	v, err := c.walk.compose(ctx, release, true, live)
	if err != nil {
		return nil, fmt.Errorf("compose the values of %s: %w", release.ref(), err)
	}
	return v, nil
}

// Variables are what the Kustomization "namespace/name" substitutes, with nothing masked; none where it substitutes
// nothing.
func (c *Cluster) Variables(kustomization string) map[string]string {
	for _, k := range c.walk.all {
		if k.id() == kustomization && k.scope.active {
			return k.scope.values()
		}
	}
	return nil
}

// Files are the files that the cluster is built of, sorted.
func (c *Cluster) Files() []string { return sortedKeys(c.walk.files) }

// facts are what is told of the walk.
func (w *walk) facts(f fleet.Fleet, path string) *facts.Git {
	g := &facts.Git{Path: path, Revision: w.tree.revision()}
	for _, o := range w.order {
		g.Objects = append(g.Objects, facts.GitObject{
			GitPlace: o.GitPlace, APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, By: o.By,
			Labels: o.labels(), Annotations: o.annotations(),
		})
		if o.group() == sourceGroup {
			g.Sources = append(g.Sources, gitSource(o))
		}
	}
	for _, k := range w.all {
		g.Kustomizations = append(g.Kustomizations, k.facts())
	}
	g.Releases = w.releases(f)
	g.Settings = w.settings(f.Flux)
	g.Variables = w.variables()
	g.Problems = w.trouble
	g.Unknown = w.unknowns(g)
	w.mask(g)
	facts.Clean(&facts.Facts{Git: g}) // a tree's text is whoever's
	return g
}

// releases are the HelmReleases of Cilium, the one that the fleet names first. Others with spec.kubeConfig release on
// another cluster.
func (w *walk) releases(f fleet.Fleet) []facts.GitRelease {
	var all []facts.GitRelease
	for _, o := range w.order {
		if !isRelease(o) || w.objects[o.id()] != o {
			continue
		}
		named := o.Name == f.Flux.HelmRelease && o.Namespace == f.Flux.HelmReleaseNamespace
		r := w.release(o)
		if !named && (r.KubeConfig || !isCilium(r.Chart) && r.ReleaseName != f.Cilium.Release) {
			continue
		}
		w.valuesOf(o, &r)
		if named {
			all = slices.Insert(all, 0, r)
		} else {
			all = append(all, r)
		}
	}
	return all
}

func (w *walk) settings(names facts.FluxNames) *facts.ConfigMap {
	o := w.objects[id{"ConfigMap", names.Namespace, names.Settings}]
	if o == nil {
		return nil
	}
	return &facts.ConfigMap{
		Namespace: o.Namespace, Name: o.Name, Data: facts.RedactData(stringMap(manifest.Get(o.Body, "data"))),
	}
}

// variables are all that are defined or asked for, by name.
func (w *walk) variables() []facts.GitVariable {
	type key struct{ name, from string }
	byKey := map[key]*facts.GitVariable{}
	at := func(d definition) *facts.GitVariable {
		k := key{d.name, d.from}
		if byKey[k] == nil {
			byKey[k] = &facts.GitVariable{Name: d.name, From: d.from, Value: d.value, Secret: d.secret, Unknown: d.why != "", GitPlace: d.place}
		}
		return byKey[k]
	}
	for _, k := range w.all {
		for _, d := range k.scope.all {
			if v := at(d); !slices.Contains(v.For, k.id()) {
				v.For = append(v.For, k.id())
			}
		}
		for name, uses := range w.used {
			for _, u := range uses {
				if u.by != k.id() || !k.scope.active {
					continue
				}
				d, ok := k.scope.defs[name]
				if from, unknown := k.scope.unknown(name); unknown {
					d = from
				} else if !ok {
					d = definition{name: name}
				}
				v := at(d)
				v.Used = append(v.Used, u.GitUse)
			}
		}
	}
	all := make([]facts.GitVariable, 0, len(byKey))
	for _, v := range byKey {
		all = append(all, *v)
	}
	slices.SortFunc(all, func(a, b facts.GitVariable) int { return compare(a.Name+"\x00"+a.From, b.Name+"\x00"+b.From) })
	return all
}
