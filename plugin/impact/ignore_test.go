package impact

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

func TestWithout(t *testing.T) {
	body := func() values.Tree {
		return values.Tree{
			"metadata": map[string]any{"labels": map[string]any{"helm.sh/chart": "x", "a": "b"}},
			"spec": map[string]any{
				"containers": []any{
					map[string]any{"name": "one", "image": "i", "env": []any{map[string]any{"name": "E", "value": "v"}}},
					map[string]any{"name": "two", "image": "j"},
				},
				"ports": []any{map[string]any{"port": 80.0, "protocol": "UDP"}, map[string]any{"port": 80.0}},
				"args":  []any{"a", "b"},
			},
		}
	}
	for path, want := range map[values.Path]func(values.Tree){
		`metadata.labels.helm\.sh/chart`: func(t values.Tree) {
			t["metadata"] = map[string]any{"labels": map[string]any{"a": "b"}}
		},
		"metadata": func(t values.Tree) { delete(t, "metadata") },
		"spec.containers[one].env[E].value": func(t values.Tree) {
			one := t["spec"].(map[string]any)["containers"].([]any)[0].(map[string]any)
			one["env"] = []any{map[string]any{"name": "E"}}
		},
		"spec.containers.image": func(t values.Tree) {
			for _, c := range t["spec"].(map[string]any)["containers"].([]any) {
				delete(c.(map[string]any), "image")
			}
		},
		"spec.containers[two]": func(t values.Tree) {
			s := t["spec"].(map[string]any)
			s["containers"] = s["containers"].([]any)[:1]
		},
		"spec.ports[80/UDP].port": func(t values.Tree) {
			delete(t["spec"].(map[string]any)["ports"].([]any)[0].(map[string]any), "port")
		},
		"spec.args[1]":        func(t values.Tree) { t["spec"].(map[string]any)["args"] = []any{"a"} },
		"spec.nothing.at.all": func(values.Tree) {},
		"spec.args.deeper":    func(values.Tree) {},
		"spec[0]":             func(values.Tree) {},
	} {
		given := body()
		object := facts.Object{Kind: "X", Body: given}
		r := &facts.Rendered{Before: []facts.Object{object}, After: []facts.Object{object}, Live: []facts.Object{object}}
		got := Without(r, []values.Path{path})
		expected := body()
		want(expected)
		for _, objects := range [][]facts.Object{got.Before, got.After, got.Live} {
			if diff := cmp.Diff(expected, objects[0].Body); diff != "" {
				t.Errorf("%s: -want +got:\n%s", path, diff)
			}
		}
		if diff := cmp.Diff(body(), given); diff != "" {
			t.Errorf("%s changed what it was given:\n%s", path, diff)
		}
	}
}

// TestWithoutEveryEdit ignores what Edits tells, path by path, until nothing is told.
func TestWithoutEveryEdit(t *testing.T) {
	from := values.Tree{"data": map[string]any{"a.b": "1", "c": "2"}, "spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "x", "ports": []any{map[string]any{"containerPort": 1.0, "protocol": "TCP", "name": "p"}},
			"volumeMounts": []any{map[string]any{"mountPath": "/a.b", "name": "v"}}, "args": []any{"a"}}},
	}}}}
	to := values.Tree{"data": map[string]any{"a.b": "2"}, "spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "x", "ports": []any{map[string]any{"containerPort": 1.0, "protocol": "TCP", "name": "q"}},
			"volumeMounts": []any{map[string]any{"mountPath": "/a.b", "name": "w"}}, "args": []any{"b"}}},
	}}}}
	var paths []values.Path
	for _, e := range Edits(from, to) {
		paths = append(paths, e.Path)
	}
	if len(paths) != 5 {
		t.Fatalf("told are %v", paths)
	}
	r := Without(&facts.Rendered{
		Before: []facts.Object{{Kind: "X", Body: from}}, After: []facts.Object{{Kind: "X", Body: to}},
	}, paths)
	if left := Edits(r.Before[0].Body, r.After[0].Body); len(left) > 0 {
		t.Errorf("ignored %v, left %v", paths, left)
	}
}
