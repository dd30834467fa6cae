package chart

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// parse reads the objects of a manifest, each as its API server would keep it. The namespace is the release's.
func parse(manifest, namespace string, c *cluster) ([]facts.Object, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(manifest), 4096)
	var all []facts.Object
	for n := 1; ; n++ {
		var body map[string]any
		err := decoder.Decode(&body)
		switch {
		case err == io.EOF:
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("object %d of the manifest is not YAML", n) // the decoder's own error may quote it
		case len(body) == 0:
			continue
		}
		u := unstructured.Unstructured{Object: body}
		if u.GetKind() == "" || u.GetName() == "" {
			return nil, fmt.Errorf("object %d of the manifest has no kind or no name", n)
		}
		if u.GetNamespace() == "" && c.namespaced(u.GetAPIVersion(), u.GetKind()) {
			u.SetNamespace(namespace)
		}
		all = append(all, object(&u))
	}
}

// object is an object as facts have it: without what the API server adds, its fields written the API's way.
func object(u *unstructured.Unstructured) facts.Object {
	o := facts.Object{APIVersion: u.GetAPIVersion(), Kind: u.GetKind(), Namespace: u.GetNamespace(), Name: u.GetName()}
	o.Owners = owners(u)
	body := canonical(u)
	delete(body, "status")
	if metadata, ok := body["metadata"].(map[string]any); ok {
		for _, key := range []string{"managedFields", "creationTimestamp", "resourceVersion", "uid", "generation", "selfLink"} {
			delete(metadata, key)
		}
	}
	o.Body = plainJSON(body)
	return o
}

// canonical writes quantities, numbers and empty fields as the API server does, of the kinds it has by itself.
func canonical(u *unstructured.Unstructured) map[string]any {
	gvk := u.GroupVersionKind()
	text, err := u.MarshalJSON()
	if err != nil {
		return u.Object
	}
	typed, _, err := scheme.Codecs.UniversalDeserializer().Decode(text, &gvk, nil)
	if err != nil {
		return u.Object
	}
	out, err := runtime.DefaultUnstructuredConverter.ToUnstructured(typed)
	if err != nil {
		return u.Object
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

// plainJSON is v as JSON decodes it.
func plainJSON(v map[string]any) values.Tree {
	var out values.Tree
	text, err := json.Marshal(v)
	if err != nil || json.Unmarshal(text, &out) != nil {
		return values.Tree{}
	}
	return out
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
