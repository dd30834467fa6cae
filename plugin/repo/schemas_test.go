package repo

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

const poolSchema = `{"type":"object","properties":{"apiVersion":{"type":"string"},"kind":{"type":"string"},"metadata":{"type":"object"},
 "spec":{"type":"object","required":["blocks"],"properties":{"blocks":{"type":"array"},"port":{"x-kubernetes-int-or-string":true,"type":"integer"},
 "free":{"type":"object","x-kubernetes-preserve-unknown-fields":true,"properties":{"a":{"type":"string"}}}}}}}`

func TestSchemasOfACluster(t *testing.T) {
	s, err := NewSchemas(nil, []Schema{
		{Group: "cilium.io", Kind: "Pool", Version: "v2", Served: true, OpenAPI: []byte(poolSchema)},
		{Group: "cilium.io", Kind: "Pool", Version: "v1", OpenAPI: []byte(poolSchema)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"apiVersion: cilium.io/v2\nkind: Pool\nspec: {blocks: [], port: http, free: {b: 1}}\n": "",
		"apiVersion: cilium.io/v2\nkind: Pool\nspec:\n  blocks: x\n":                           "3 spec/blocks: got string, want array",
		"apiVersion: cilium.io/v2\nkind: Pool\nspec:\n  blocks: []\n  other: 1\n":              "3 spec: additional properties 'other' not allowed",
		"apiVersion: cilium.io/v2\nkind: Pool\nspec: {}\n":                                     "3 spec: missing property 'blocks'",
		"apiVersion: cilium.io/v1\nkind: Pool\nspec: {blocks: []}\n":                           "1 the cluster does not serve cilium.io/v1 of Pool; it serves v2",
		"apiVersion: cilium.io/v2\nkind: Unheard\n":                                            "",
	} {
		f, err := manifest.Parse("f.yaml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		for _, p := range s.problems(f.Docs[0], f.Docs[0].Value, "x") {
			said = append(said, itoa(p.Line)+" "+p.Message)
		}
		if got := strings.Join(said, "\n"); got != want && !(want != "" && strings.HasSuffix(got, want[2:])) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	dir := s.dir
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Error("schemas are left behind:", err)
	}
}

func TestSchemaLocations(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pool-v2.json"), []byte(poolSchema), 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := NewSchemas([]string{filepath.ToSlash(dir) + "/{{.ResourceKind}}-{{.ResourceAPIVersion}}.json"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	f, err := manifest.Parse("f.yaml", []byte("apiVersion: cilium.io/v2\nkind: Pool\nspec: {}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.problems(f.Docs[0], f.Docs[0].Value, "x"); len(got) != 1 || got[0].Line != 3 {
		t.Errorf("%+v", got)
	}
	if _, err := NewSchemas([]string{"{{.Nonsense}}.json"}, nil); err == nil {
		t.Error("a template that makes no sense is taken")
	}
}
