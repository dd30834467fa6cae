package repo

import (
	"context"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// defaultValuesKey is the key that values are taken from where a reference names none.
const defaultValuesKey = "values.yaml"

// Inputs are the tree's ConfigMaps and Secrets that a HelmRelease takes values from, and that the Kustomizations which bring
// it and its chart's source about take variables from, compared with the cluster's. Of what is encrypted it is compared
// whether it is there. What values and variables say is in none of it.
func (c *Cluster) Inputs(ctx context.Context, release *Object, live client.Reader) []facts.Input {
	var all []facts.Input
	refs, _ := valuesReferences(release) // composing says what is wrong with them
	for _, r := range refs {
		key := r.ValuesKey
		if key == "" {
			key = defaultValuesKey
		}
		if o := c.walk.objects[id{r.Kind, release.Namespace, r.Name}]; o != nil {
			all = append(all, compared(ctx, o, release.ref(), []string{key}, live))
		}
	}
	for _, k := range c.bringing(release) {
		used := c.walk.usedBy(k)
		for _, r := range k.references() {
			if o := c.walk.objects[id{r.Kind, k.namespace, r.Name}]; o != nil {
				all = append(all, compared(ctx, o, "Kustomization/"+k.id(), used, live))
			}
		}
	}
	return all
}

// bringing are the Kustomizations that apply a HelmRelease or its chart's source, and those that apply these in turn.
func (c *Cluster) bringing(release *Object) []*kustomization {
	ids := []string{release.By}
	if s := c.walk.chart(release).Source; s != nil {
		ids = append(ids, s.By)
	}
	var all []*kustomization
	for len(ids) > 0 {
		i := slices.IndexFunc(c.walk.all, func(k *kustomization) bool { return k.object != nil && k.id() == ids[0] })
		ids = ids[1:]
		if i < 0 || slices.Contains(all, c.walk.all[i]) {
			continue
		}
		all = append(all, c.walk.all[i])
		ids = append(ids, c.walk.all[i].by)
	}
	return all
}

// usedBy are the variables that what k builds asks for.
func (w *walk) usedBy(k *kustomization) []string {
	var names []string
	for name, uses := range w.used {
		if slices.ContainsFunc(uses, func(u use) bool { return u.by == k.id() }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// compared compares those keys of an object of the tree with what the cluster has.
func compared(ctx context.Context, o *Object, user string, keys []string, live client.Reader) facts.Input {
	out := facts.Input{GitPlace: o.GitPlace, Ref: o.ref(), For: user, By: o.By}
	key := client.ObjectKey{Namespace: o.Namespace, Name: o.Name}
	there := map[string]string{}
	var err error
	if o.Kind == "Secret" {
		var s corev1.Secret
		err = live.Get(ctx, key, &s)
		for name, value := range s.Data {
			there[name] = string(value)
		}
	} else {
		var m corev1.ConfigMap
		err = live.Get(ctx, key, &m)
		maps.Copy(there, m.Data)
	}
	switch {
	case apierrors.IsNotFound(err):
		out.Missing = true
		return out
	case err != nil:
		out.Unknown = facts.RedactText(err.Error())
		return out
	case o.encrypted():
		return out
	}
	here := map[string]string{}
	for _, d := range o.data() {
		here[d.name] = d.value
	}
	for _, name := range keys {
		ours, have := here[name]
		if theirs, has := there[name]; have != has || ours != theirs {
			out.Differs = append(out.Differs, name)
		}
	}
	return out
}
