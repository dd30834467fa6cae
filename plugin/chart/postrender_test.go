package chart

import (
	"reflect"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
)

// TestMetadataIsAddedAsKustomizeDoes: what is added without kustomize is what kustomize would have made.
func TestMetadataIsAddedAsKustomizeDoes(t *testing.T) {
	one := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {a: b}}\n"
	for name, c := range map[string]struct {
		manifest string
		quick    bool
	}{
		"two objects":              {"---\n# Source: x\n" + one + "---\napiVersion: v1\nkind: Service\nmetadata: {name: a, annotations: null}\nspec: {ports: [{port: 80}]}\n---\n", true},
		"words that YAML 1.1 took": {one + "data: {a: yes, b: on, c: off, d: ~, e: 0644, f: 0x1f, g: 1e3, h: 1.0, i: 12345678901234567, j: 1_000}\n", true},
		"anchors":                  {one + "x: &x {a: 1}\ny: {<<: *x, b: 2}\n", true},
		"block texts":              {one + "data:\n  a: |-\n    one\n    two\n  b: >\n    one\n    two\n", true},
		"a date":                   {one + "x: 2001-01-01\n", false},
		"a key that is a number":   {one + "x: {1: a}\n", false},
		"a list":                   {"apiVersion: v1\nkind: ConfigMapList\nitems:\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: a}}\n- {apiVersion: v1, kind: ConfigMap, metadata: {name: b}}\n", false},
		"the same object twice":    {one + "---\n" + one, false},
		"an object for kustomize":  {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, annotations: {config.kubernetes.io/local-config: \"true\"}}\n", false},
		"no name":                  {"apiVersion: v1\nkind: ConfigMap\nmetadata: {}\n", false},
		"a key twice":              {one + "x: 1\nx: 2\n", false},
		"a label that is a number": {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a, labels: {a: 1}}\n", false},
	} {
		t.Run(name, func(t *testing.T) {
			if _, quick := plainBodies(c.manifest); quick != c.quick {
				t.Fatalf("read without kustomize: %v, want %v", quick, c.quick)
			}
			more := helmv2.CommonMetadata{Labels: map[string]string{"l": "1"}, Annotations: map[string]string{"a/b": "yes"}}
			got, gotErr := renderers{add: []helmv2.CommonMetadata{more}}.run(c.manifest)
			text, wantErr := labelled(more.Labels, more.Annotations)(c.manifest)
			if (gotErr != nil) != (wantErr != nil) {
				t.Fatalf("got error %v, kustomize %v", gotErr, wantErr)
			}
			if wantErr != nil {
				return
			}
			want, err := bodies(text)
			if err != nil {
				t.Fatal(err)
			}
			for i := range max(len(got), len(want)) {
				if i >= len(got) || i >= len(want) || !reflect.DeepEqual(tree(got[i]), tree(want[i])) {
					t.Errorf("object %d: got\n%v\nkustomize\n%v", i, got, want)
				}
			}
		})
	}
}
