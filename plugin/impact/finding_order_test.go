package impact_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields/managedfieldstest"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// lists are the lists of a pod template: where each stands, and its item of a name.
var lists = map[string]func(name string, n int) any{
	"env":              func(name string, _ int) any { return map[string]any{"name": name, "value": "1"} },
	"volumeMounts":     func(name string, _ int) any { return map[string]any{"name": "v", "mountPath": "/" + name} },
	"ports":            func(name string, n int) any { return port(name, n) },
	"envFrom":          func(name string, _ int) any { return map[string]any{"configMapRef": map[string]any{"name": name}} },
	"args":             func(name string, _ int) any { return "--" + name },
	"containers":       func(name string, _ int) any { return map[string]any{"name": name, "image": "i"} },
	"initContainers":   func(name string, _ int) any { return map[string]any{"name": name, "image": "i"} },
	"volumes":          func(name string, _ int) any { return map[string]any{"name": name, "emptyDir": map[string]any{}} },
	"imagePullSecrets": func(name string, _ int) any { return map[string]any{"name": name} },
	"hostAliases": func(_ string, n int) any {
		return map[string]any{"ip": fmt.Sprintf("10.0.0.%d", n), "hostnames": []any{"h"}}
	},
	"tolerations": func(name string, _ int) any { return map[string]any{"key": name, "operator": "Exists"} },
}

func port(name string, n int) any {
	return map[string]any{"name": strings.ToLower(name), "containerPort": 9000 + n, "protocol": "TCP"}
}

// daemonSet has that list, its items in that order, each letter one item.
func daemonSet(list, order string) map[string]any {
	items := make([]any, 0, len(order))
	for _, letter := range order {
		items = append(items, lists[list](string(letter), int(letter-'A')))
	}
	agent := map[string]any{"name": "agent", "image": "i"}
	pod := map[string]any{"containers": []any{agent}}
	switch list {
	case "env", "volumeMounts", "ports", "envFrom", "args":
		agent[list] = items
	default:
		pod[list] = items
	}
	labels := map[string]any{"a": "b"}
	return map[string]any{
		"apiVersion": "apps/v1", "kind": "DaemonSet", "metadata": map[string]any{"name": "cilium", "namespace": "kube-system"},
		"spec": map[string]any{
			"selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{"metadata": map[string]any{"labels": labels}, "spec": pod},
		},
	}
}

func encoded(t *testing.T, v any) []byte {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// template is a DaemonSet's pod template as its history keeps it.
func template(t *testing.T, object []byte) []byte {
	t.Helper()
	var ds apps.DaemonSet
	if err := json.Unmarshal(object, &ds); err != nil {
		t.Fatal(err)
	}
	return encoded(t, ds.Spec.Template)
}

func asObject(t *testing.T, object []byte, owners []facts.Owner) facts.Object {
	t.Helper()
	var body values.Tree
	if err := json.Unmarshal(object, &body); err != nil {
		t.Fatal(err)
	}
	delete(body["metadata"].(map[string]any), "managedFields")
	return facts.Object{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: "kube-system", Name: "cilium", Body: body, Owners: owners}
}

// patched is live after Helm's client-side patch, by Kubernetes' own library.
func patched(t *testing.T, before, after, live []byte) []byte {
	t.Helper()
	meta, err := strategicpatch.NewPatchMetaFromStruct(apps.DaemonSet{})
	if err != nil {
		t.Fatal(err)
	}
	patch, err := strategicpatch.CreateThreeWayMergePatch(before, after, live, meta, true)
	if err != nil {
		t.Fatal(err)
	}
	out, err := strategicpatch.StrategicMergePatchUsingLookupPatchMeta(live, patch, meta)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// applied is a DaemonSet after Helm has applied before, somebody has edited it to be live, and Flux has applied after:
// by the API server's own field manager. It also gives how it was before Flux, and who owned what.
func applied(t *testing.T, before, after, live map[string]any) (was, is []byte, owners []facts.Owner) {
	t.Helper()
	f := managedfieldstest.NewTestFieldManager(applyconfigurations.NewTypeConverter(scheme.Scheme), schema.GroupVersionKind{Group: "apps", Version: "v1", Kind: "DaemonSet"})
	object := func(body map[string]any) *unstructured.Unstructured {
		var copied map[string]any
		if err := json.Unmarshal(encoded(t, body), &copied); err != nil {
			t.Fatal(err)
		}
		u := &unstructured.Unstructured{}
		if err := u.UnmarshalJSON(encoded(t, copied)); err != nil {
			t.Fatal(err)
		}
		return u
	}
	if err := f.Apply(object(before), "helm", true); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(encoded(t, before), encoded(t, live)) {
		if err := f.Update(object(live), "kubectl-edit"); err != nil {
			t.Fatal(err)
		}
	}
	was = encoded(t, f.Live())
	for _, m := range f.ManagedFields() {
		var fields map[string]any
		if err := json.Unmarshal(m.FieldsV1.Raw, &fields); err != nil {
			t.Fatal(err)
		}
		owners = append(owners, facts.Owner{Manager: m.Manager, Operation: string(m.Operation), Fields: fields})
	}
	if err := f.Apply(object(after), "helm-controller", true); err != nil {
		t.Fatal(err)
	}
	return was, encoded(t, f.Live()), owners
}

// foretold is the effect that is predicted.
func foretold(t *testing.T, method string, before, after, live facts.Object) impact.Change {
	t.Helper()
	r := &facts.Rendered{Method: method, LiveSeen: true, Before: []facts.Object{before}, After: []facts.Object{after}, Live: []facts.Object{live}}
	f := facts.Facts{Live: facts.Live{Pods: pods(3)}, Seen: []facts.Part{facts.Pods}}
	changes := impact.Of(f, r)
	if len(changes) == 0 {
		return impact.Change{Effect: impact.None}
	}
	return changes[0]
}

// TestFinding_C3_AsTheAPIServerMerges holds predictions for every list of a pod template to what Kubernetes' own libraries
// make of the object, in both ways of applying: pods roll exactly where the template is not the same any more.
func TestFinding_C3_AsTheAPIServerMerges(t *testing.T) {
	afters := []string{"ABC", "ACB", "BAC", "BCA", "CAB", "CBA", "AB", "BA", "CAD", "DBA"}
	lives := []string{"ABC", "BAC", "XABC", "AXBC", "BAXC"}
	for list := range lists {
		rolls := 0
		for _, after := range afters {
			for _, live := range lives {
				b, a, l := daemonSet(list, "ABC"), daemonSet(list, after), daemonSet(list, live)
				name := fmt.Sprintf("%s ABC -> %s, live %s", list, after, live)
				came := patched(t, encoded(t, b), encoded(t, a), encoded(t, l))
				changed := !bytes.Equal(template(t, encoded(t, l)), template(t, came))
				c := foretold(t, facts.ClientSide, asObject(t, encoded(t, b), nil), asObject(t, encoded(t, a), nil), asObject(t, encoded(t, l), nil))
				if (c.Effect == impact.Restart) != changed {
					t.Errorf("client-side, %s: template changed %t, foretold %s %q", name, changed, c.Effect, c.Why)
				}
				was, is, owners := applied(t, b, a, l)
				changed = !bytes.Equal(template(t, was), template(t, is))
				c = foretold(t, facts.ServerSide, asObject(t, encoded(t, b), nil), asObject(t, encoded(t, a), nil), asObject(t, was, owners))
				if (c.Effect == impact.Restart) != changed {
					t.Errorf("server-side, %s: template changed %t, foretold %s %q; came %s", name, changed, c.Effect, c.Why, template(t, is))
				}
				if changed {
					rolls++
				}
			}
		}
		if rolls == 0 {
			t.Errorf("%s: no case in which pods roll", list)
		}
	}
}
