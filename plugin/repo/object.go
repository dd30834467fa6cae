package repo

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/fluxcd/pkg/ssa/normalize"
	ssa "github.com/fluxcd/pkg/ssa/utils"
	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// Object is one object as kustomize-controller applies it, with nothing masked.
type Object struct {
	facts.GitPlace

	APIVersion string
	Kind       string
	Namespace  string
	Name       string
	By         string         // the Kustomization that applies it, "namespace/name"
	Body       map[string]any // as JSON decodes it, integers as int64
	// Template is the body before substitution, of objects that have variables.
	Template map[string]any
	// Source is the document that it comes from; nil where it is generated.
	Source *manifest.Doc

	sealed bool
	// built is what kustomize makes of the resource that the object is of, before substitution; scope is what is put in.
	built []byte
	scope *scope
}

// id finds an object among those of a cluster.
type id struct{ kind, namespace, name string }

func (o *Object) id() id { return id{o.Kind, o.Namespace, o.Name} }

// ref is "Kind/namespace/name", without the namespace where it has none.
func (o *Object) ref() string {
	if o.Namespace == "" {
		return o.Kind + "/" + o.Name
	}
	return o.Kind + "/" + o.Namespace + "/" + o.Name
}

// group is the object's API group.
func (o *Object) group() string { return manifest.Group(o.APIVersion) }

// at is where a field stands, or where the object does.
func (o *Object) at(path ...string) facts.GitPlace {
	if o.Source == nil {
		return o.GitPlace
	}
	return place(o.Source.At(path...))
}

// objects are what kustomize-controller applies of a resource's YAML: lists taken apart, fields normalised.
func objects(text []byte) ([]*Object, error) {
	list, err := ssa.ReadObjects(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	var all []*Object
	for _, u := range list {
		sealed := u.Object["sops"] != nil
		if err := normalize.UnstructuredList([]*unstructured.Unstructured{u}); err != nil {
			return nil, err
		}
		unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
		all = append(all, &Object{
			APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName(),
			Body: u.Object, sealed: sealed,
		})
	}
	return all, nil
}

// common lays a Kustomization's commonMetadata over the object.
func (o *Object) common(labels, annotations map[string]string) {
	u := &unstructured.Unstructured{Object: o.Body}
	ssa.SetCommonMetadata([]*unstructured.Unstructured{u}, labels, annotations)
}

func (o *Object) labels() map[string]string {
	return stringMap(manifest.Get(o.Body, "metadata", "labels"))
}
func (o *Object) annotations() map[string]string {
	return stringMap(manifest.Get(o.Body, "metadata", "annotations"))
}

const literalStyles = yaml.LiteralStyle | yaml.FoldedStyle

func stringMap(v any) map[string]string {
	m, _ := v.(map[string]any)
	if len(m) == 0 {
		return nil
	}
	out := make(map[string]string, len(m))
	for key, value := range m {
		out[key] = fmt.Sprint(value)
	}
	return out
}

func stringList(v any) []string {
	var out []string
	list, _ := v.([]any)
	for _, item := range list {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func itoa(i int) string { return strconv.Itoa(i) }

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// join writes a path of keys as one text, dots in keys escaped.
func join(path []string) string {
	escaped := make([]string, len(path))
	for i, key := range path {
		escaped[i] = strings.NewReplacer(`\`, `\\`, `.`, `\.`).Replace(key)
	}
	return strings.Join(escaped, ".")
}
