package repo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// answer is what the cluster has of a ConfigMap or Secret that variables are taken from.
type answer struct {
	defs []definition
	err  error
}

var errNotThere = errors.New("not found")

// source are the variables of one ConfigMap or Secret, o, that k takes variables from; the cluster's, where that was
// asked, of what the tree does not have or has encrypted. What is not known is noted in s.
func (w *walk) source(s *scope, k *kustomization, r facts.GitReference, o *Object) []definition {
	if o != nil && !o.encrypted() {
		return o.data()
	}
	from := r.Kind + "/" + k.namespace + "/" + r.Name
	got, asked := w.answers[from]
	if asked && got.err == nil {
		return got.defs
	}
	failed := ""
	if asked {
		failed = "; the cluster's could not be read: " + got.err.Error()
	}
	if o != nil {
		defs := o.data()
		for i := range defs {
			defs[i].why += failed
		}
		return defs
	}
	if !r.Optional || asked && !errors.Is(got.err, errNotThere) {
		s.absent = append(s.absent, absent{from, notInTree + failed})
		s.shadow(from, asked && !errors.Is(got.err, errNotThere), failed)
	}
	return nil
}

// shadow makes what is defined so far unknown, where from is there and may define it anew.
func (s *scope) shadow(from string, there bool, failed string) {
	if !there {
		return
	}
	for name, d := range s.defs {
		d.from, d.why = from, "it may define it anew"+failed
		s.defs[name] = d
	}
}

// Resolve asks the cluster for the variables that the tree does not tell, where Cilium's HelmRelease, or what its values
// come from, is made of any. What cannot be read stays among the facts' Unknown, with the reason. Nothing else of the tree
// is built of what the cluster has: what a Secret holds goes nowhere but into the HelmRelease.
func (c *Cluster) Resolve(ctx context.Context, live client.Reader) {
	w := c.walk
	objects := w.composing(c.git)
	if live == nil || !slices.ContainsFunc(objects, w.lacks) {
		return
	}
	w.answers = map[string]answer{}
	for _, o := range objects {
		k := w.kustomizationOf(o)
		if !w.lacks(o) {
			continue
		}
		for _, r := range k.references() {
			from := r.Kind + "/" + k.namespace + "/" + r.Name
			found := w.objects[id{r.Kind, k.namespace, r.Name}]
			if _, asked := w.answers[from]; !asked && (found == nil || found.encrypted()) {
				w.answers[from] = ask(ctx, live, r.Kind, k.namespace, r.Name)
			}
		}
		known := w.scope(k)
		w.substitute(o, k, &known)
	}
	again := w.facts(c.fleet, c.git.Path)
	again.Checkout, again.Revision = c.git.Checkout, c.git.Revision
	*c.git = *again
}

// lacks tells whether o has variables, of which some may be of what only the cluster has.
func (w *walk) lacks(o *Object) bool {
	k := w.kustomizationOf(o)
	return k != nil && o.scope != nil &&
		slices.ContainsFunc(o.scope.references, func(r facts.GitReference) bool { return !r.Found || r.Encrypted })
}

func (w *walk) kustomizationOf(o *Object) *kustomization {
	for _, k := range w.all {
		if k.id() == o.By {
			return k
		}
	}
	return nil
}

// substitute puts the variables of known into o. Where that cannot be done, o stays as it is, and is not known.
func (w *walk) substitute(o *Object, k *kustomization, known *scope) {
	text, missing, err := Substitute(o.built, known.given(string(o.built)), Lax)
	w.unset(k, o, missing)
	if err != nil || len(missing) > 0 {
		return
	}
	found, err := objects(text)
	if err != nil {
		w.fail(k, o, facts.ProblemSubstitute, errors.New("the variables that the cluster has leave no valid object"))
		return
	}
	for _, again := range found {
		if again.id() == o.id() {
			o.Body, o.scope = again.Body, known
			o.common(stringMap(manifest.Get(k.spec, "commonMetadata", "labels")),
				stringMap(manifest.Get(k.spec, "commonMetadata", "annotations")))
		}
	}
}

// ask reads the variables of a ConfigMap or Secret off the cluster.
func ask(ctx context.Context, live client.Reader, kind, namespace, name string) answer {
	data := map[string]string{}
	key := client.ObjectKey{Namespace: namespace, Name: name}
	var err error
	switch kind {
	case "Secret":
		var o corev1.Secret
		err = live.Get(ctx, key, &o)
		for name, value := range o.Data {
			data[name] = string(value)
		}
	case "ConfigMap":
		var o corev1.ConfigMap
		err = live.Get(ctx, key, &o)
		data = o.Data
	default:
		err = errors.New("it is neither a ConfigMap nor a Secret")
	}
	switch {
	case apierrors.IsNotFound(err):
		return answer{err: errNotThere}
	case apierrors.IsForbidden(err):
		return answer{err: fmt.Errorf("forbidden; ask for: get %ss in %s", strings.ToLower(kind), namespace)}
	case err != nil:
		return answer{err: errors.New(facts.RedactText(err.Error()))}
	}
	var a answer
	from := kind + "/" + namespace + "/" + name
	for _, name := range slices.Sorted(maps.Keys(data)) {
		a.defs = append(a.defs, definition{name: name, value: data[name], from: from, secret: kind == "Secret"})
	}
	return a
}
