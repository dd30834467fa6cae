package repo

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/chartutil"
	"github.com/go-logr/logr"
	"github.com/opencontainers/go-digest"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// lookup is the part of a cluster's API that composing values asks for, answered by the tree. What the tree does not have,
// or has encrypted, is the cluster's: somebody else makes it there.
type lookup struct {
	client.Client // nil: nothing else is asked for

	objects map[id]*Object
	cluster client.Reader // nil: there is none to ask
}

func (l lookup) Get(ctx context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	switch into := into.(type) {
	case *corev1.ConfigMap:
		if o := l.objects[id{"ConfigMap", key.Namespace, key.Name}]; o != nil {
			return runtime.DefaultUnstructuredConverter.FromUnstructured(o.Body, into)
		}
		if l.cluster == nil {
			return apierrors.NewNotFound(schema.GroupResource{Resource: "configmaps"}, key.Name)
		}
	case *corev1.Secret:
		if o := l.objects[id{"Secret", key.Namespace, key.Name}]; o != nil && (!o.encrypted() || l.cluster == nil) {
			return secret(o, into)
		}
		if l.cluster == nil {
			return apierrors.NewNotFound(schema.GroupResource{Resource: "secrets"}, key.Name)
		}
	default:
		return errors.New("is neither a ConfigMap nor a Secret")
	}
	return l.cluster.Get(ctx, key, into)
}

func secret(o *Object, into *corev1.Secret) error {
	if o.encrypted() {
		return errors.New("is encrypted: only the cluster can read it")
	}
	data, _ := o.Body["data"].(map[string]any)
	into.Data = map[string][]byte{}
	for key, value := range data {
		text, _ := value.(string)
		plain, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return fmt.Errorf("its key %s is not base64", key)
		}
		into.Data[key] = plain
	}
	return nil
}

// valuesReferences are spec.valuesFrom.
func valuesReferences(o *Object) ([]meta.ValuesReference, error) {
	var refs []meta.ValuesReference
	text, err := json.Marshal(manifest.Get(o.Body, "spec", "valuesFrom"))
	if err == nil {
		err = json.Unmarshal(text, &refs)
	}
	return refs, err
}

// compose is what helm-controller hands to Helm: valuesFrom in their order, spec.values over them, and what has a
// target path over all. secrets tells whether Secrets count, and cluster, if not nil, has what the tree has not.
func (w *walk) compose(ctx context.Context, o *Object, secrets bool, cluster client.Reader) (values.Tree, error) {
	refs, err := valuesReferences(o)
	if err != nil {
		return nil, fmt.Errorf("read spec.valuesFrom: %w", err)
	}
	if !secrets {
		kept := refs[:0]
		for _, r := range refs {
			if r.Kind != "Secret" {
				kept = append(kept, r)
			}
		}
		refs = kept
	}
	inline := map[string]any{}
	if v := manifest.Get(o.Body, "spec", "values"); v != nil {
		text, err := json.Marshal(v)
		if err == nil {
			err = json.Unmarshal(text, &inline)
		}
		if err != nil {
			return nil, fmt.Errorf("read spec.values: %w", err)
		}
	}
	composed, err := chartutil.ChartValuesFromReferences(
		ctx, logr.Discard(), lookup{objects: w.objects, cluster: cluster}, o.Namespace, inline, refs...)
	if err != nil {
		return nil, err
	}
	return values.Tree(composed), nil
}

// valuesOf adds to r what its values are.
func (w *walk) valuesOf(o *Object, r *facts.GitRelease) {
	refs, _ := valuesReferences(o)
	for _, ref := range refs {
		found := w.objects[id{ref.Kind, o.Namespace, ref.Name}]
		r.ValuesFrom = append(r.ValuesFrom, facts.GitReference{
			Kind: ref.Kind, Name: ref.Name, Key: ref.ValuesKey, TargetPath: ref.TargetPath, Optional: ref.Optional,
			Found: found != nil, Encrypted: found != nil && found.encrypted(),
		})
	}
	composed, err := w.compose(context.Background(), o, true, nil)
	if err != nil {
		w.problem(facts.GitProblem{
			GitPlace: o.at("spec", "valuesFrom"), Kind: facts.ProblemValues, By: o.By, Object: o.ref(), Field: "spec.valuesFrom",
			Message: "the values cannot be composed: " + facts.RedactText(err.Error()),
		})
		return
	}
	undecided := func(ref meta.ValuesReference) bool {
		return len(w.objects[id{ref.Kind, o.Namespace, ref.Name}].unknown()) > 0
	}
	if len(o.unknown()) == 0 && !slices.ContainsFunc(refs, undecided) {
		r.ValuesDigest = chartutil.DigestValues(digest.Canonical, map[string]any(composed)).String()
	}
	r.Templated = templated(manifest.Get(o.Template, "spec", "values"), "")
	plain, err := w.compose(context.Background(), o, false, nil)
	if err != nil {
		plain = values.Tree{}
	}
	r.Values = facts.Redact(maskTree(composed, plain))
}

// maskTree masks every value that is not in plain: what Secrets brought.
func maskTree(composed, plain map[string]any) values.Tree {
	out := make(map[string]any, len(composed))
	for key, value := range composed {
		there, ok := plain[key]
		nested, isMap := value.(map[string]any)
		below, wasMap := there.(map[string]any)
		switch {
		case ok && reflect.DeepEqual(value, there):
			out[key] = value
		case isMap && (wasMap || !ok):
			out[key] = map[string]any(maskTree(nested, below))
		default:
			out[key] = facts.Redacted
		}
	}
	return out
}

// templated are the values that variables decide.
func templated(v any, at values.Path) []facts.GitTemplated {
	var all []facts.GitTemplated
	switch v := v.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			all = append(all, templated(v[key], at.Child(key))...)
		}
	case []any:
		for i, item := range v {
			all = append(all, templated(item, at.Child(itoa(i)))...)
		}
	case string:
		found := expressions(v)
		if len(found) == 0 {
			break
		}
		t := facts.GitTemplated{Path: at, Template: v}
		for _, e := range found {
			t.Variables = append(t.Variables, e.name)
		}
		all = append(all, t)
	}
	return all
}
