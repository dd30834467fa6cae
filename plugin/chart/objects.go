package chart

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"
	kjson "sigs.k8s.io/json"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// parse reads the objects of a manifest, each as its API server would keep it. The namespace is the release's.
func parse(manifest, namespace string, c *cluster) ([]facts.Object, error) {
	all, err := bodies(manifest)
	if err != nil {
		return nil, err
	}
	return objects(all, namespace, c)
}

// bodies are the objects that a manifest has, as they stand there.
func bodies(manifest string) ([]map[string]any, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	var all []map[string]any
	for n := 1; ; n++ {
		var body map[string]any
		switch err := decoder.Decode(&body); {
		case err == io.EOF:
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("object %d of the manifest is not YAML", n) // the decoder's own error may quote it
		case len(body) > 0:
			all = append(all, body)
		}
	}
}

// objects are bodies as their API server would keep them.
func objects(all []map[string]any, namespace string, c *cluster) ([]facts.Object, error) {
	out := make([]facts.Object, 0, len(all))
	for i, body := range all {
		u := unstructured.Unstructured{Object: body}
		if u.GetKind() == "" || u.GetName() == "" {
			return nil, fmt.Errorf("object %d of the manifest has no kind or no name", i+1)
		}
		if u.GetNamespace() == "" && c.namespaced(u.GetAPIVersion(), u.GetKind()) {
			u.SetNamespace(namespace)
		}
		out = append(out, object(&u))
	}
	return out, nil
}

// object is an object as facts have it: without what the API server adds, its fields written the API's way.
func object(u *unstructured.Unstructured) facts.Object {
	o := facts.Object{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
	o.Owners = owners(u)
	delete(u.Object, "status")
	if metadata, ok := u.Object["metadata"].(map[string]any); ok {
		delete(metadata, "managedFields")
	}
	body := canonical(u)
	delete(body, "status")
	if metadata, ok := body["metadata"].(map[string]any); ok {
		for _, key := range []string{"managedFields", "creationTimestamp", "resourceVersion", "uid", "generation", "selfLink"} {
			delete(metadata, key)
		}
	}
	o.Body = body
	return o
}

// canonical writes quantities, numbers and empty fields as the API server does, of the kinds it has by itself.
func canonical(u *unstructured.Unstructured) map[string]any {
	typed, err := scheme.Scheme.New(u.GroupVersionKind())
	if err != nil {
		return tree(u.Object)
	}
	out, err := through(u.Object, typed)
	if err != nil {
		return tree(u.Object)
	}
	out["apiVersion"], out["kind"] = u.GetAPIVersion(), u.GetKind()
	if plain, ok := out["stringData"].(map[string]any); ok && u.GetKind() == "Secret" {
		data, _ := out["data"].(map[string]any)
		if data == nil {
			data = map[string]any{}
		}
		for key, v := range plain {
			text, _ := v.(string)
			data[key] = base64.StdEncoding.EncodeToString([]byte(text))
		}
		out["data"] = data
		delete(out, "stringData")
	}
	return out
}

// through is a body after its Go type. By way of JSON: the converter of unstructured objects learns each type's fields
// anew in each process, which takes longer.
func through(body map[string]any, typed any) (values.Tree, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, typed); err != nil {
		return nil, err
	}
	if text, err = json.Marshal(typed); err != nil {
		return nil, err
	}
	var out values.Tree
	err = json.Unmarshal(text, &out)
	return out, err
}

// tree is v as JSON decodes it: every number a float64.
func tree(v map[string]any) values.Tree {
	if plain, ok := plainJSON(v, func(n int64) any { return float64(n) }); ok {
		return plain.(map[string]any)
	}
	var out values.Tree
	text, err := json.Marshal(v)
	if err != nil || json.Unmarshal(text, &out) != nil {
		return values.Tree{}
	}
	return out
}

func asIs(n int64) any { return n }

// plainJSON copies what JSON can say, whole numbers as wanted; false where there is anything else.
func plainJSON(v any, whole func(int64) any) (any, bool) {
	switch v := v.(type) {
	case nil, bool, float64:
		return v, true
	case string:
		return strings.ToValidUTF8(v, "\uFFFD"), true
	case int:
		return whole(int64(v)), true
	case int64:
		return whole(v), true
	case map[string]any:
		out := make(map[string]any, len(v))
		for key, below := range v {
			plain, ok := plainJSON(below, whole)
			if !ok {
				return nil, false
			}
			out[key] = plain
		}
		return out, true
	case []any:
		out := make([]any, len(v))
		for i, below := range v {
			plain, ok := plainJSON(below, whole)
			if !ok {
				return nil, false
			}
			out[i] = plain
		}
		return out, true
	}
	return nil, false
}

// owners are the field managers of a live object, but for those of its status.
func owners(u *unstructured.Unstructured) []facts.Owner {
	var all []facts.Owner
	for _, m := range u.GetManagedFields() {
		if m.Subresource != "" || m.FieldsV1 == nil {
			continue
		}
		owner := facts.Owner{Manager: m.Manager, Operation: string(m.Operation)}
		if json.Unmarshal(m.FieldsV1.GetRawBytes(), &owner.Fields) == nil {
			all = append(all, owner)
		}
	}
	return all
}
