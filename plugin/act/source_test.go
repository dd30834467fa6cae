package act

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strings"
	"testing"
)

// mayDelete are the functions that may: release lets go of a suspended object of Flux's, give gives back our own lock,
// remove removes what this tool made and Helm's records of other releases than Cilium's, forget a template that a drill
// has marked, sweep a probe's namespace.
var mayDelete = []string{"give", "release", "remove", "forget", "sweep"}

// TestDeletes holds that nothing else here deletes, and that these do so on the condition that the object is the one
// they looked at.
func TestDeletes(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".go") || strings.HasSuffix(e.Name(), "_test.go") {
			continue
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, e.Name(), nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			name := "a declaration"
			if f, ok := d.(*ast.FuncDecl); ok {
				name = f.Name.Name
			}
			ast.Inspect(d, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok && deletes(call, name) {
					found = append(found, name)
					if !preconditioned(call) {
						t.Errorf("%s: %s deletes without a precondition", e.Name(), name)
					}
				}
				return true
			})
		}
	}
	for _, name := range found {
		if !slices.Contains(mayDelete, name) {
			t.Errorf("%s deletes; only %v may", name, mayDelete)
		}
	}
	for _, name := range []string{"give", "release"} {
		if !slices.Contains(found, name) {
			t.Errorf("%s was not found to delete: this looks in the wrong place", name)
		}
	}
}

// deletes tells whether a call deletes, of an API or by a verb in a request; stores of our own memory do not count.
func deletes(call *ast.CallExpr, within string) bool {
	f, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains([]string{"Delete", "DeleteCollection", "DeleteAllOf", "Verb", "Evict", "EvictV1"}, f.Sel.Name) {
		return false
	}
	if x, ok := f.X.(*ast.Ident); ok && x.Name == "slices" {
		return false
	}
	store, ok := f.X.(*ast.SelectorExpr)
	return !ok || within != "Delete" || store.Sel.Name != "store"
}

func preconditioned(call *ast.CallExpr) (found bool) {
	ast.Inspect(call, func(n ast.Node) bool {
		if kv, ok := n.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Preconditions" {
				found = true
			}
		}
		return true
	})
	return found
}
