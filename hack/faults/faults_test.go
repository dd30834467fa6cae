package faults

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// tests are the names of the tests and fuzz targets of a package, built with any tags.
func tests(t *testing.T, pkg string) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("../..", pkg, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", pkg, err)
	}
	all := map[string]bool{}
	for _, name := range files {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil {
				all[f.Name.Name] = true
			}
		}
	}
	return all
}

// TestNamedTestsExist: whatever the page says is proven by a test that there is.
func TestNamedTestsExist(t *testing.T) {
	rows := append(Promises(), Faults()...)
	seen := map[string]bool{}
	for _, r := range rows {
		if seen[r.ID] || len(r.Proofs) == 0 {
			t.Errorf("%s is there twice, or nothing proves it", r.ID)
		}
		seen[r.ID] = true
		for _, p := range r.Proofs {
			if !tests(t, p.Package)[p.Test] {
				t.Errorf("%s: %s has no %s", r.ID, p.Package, p.Test)
			}
		}
	}
	for _, id := range []string{"I1", "I10", "R1", "R2", "R3", "R4", "R6", "R7", "R8", "R9", "R10", "R11", "R12", "R13", "R14", "R15", "R17", "R18", "R19", "R20", "R22", "R23", "R24"} {
		if !seen[id] {
			t.Errorf("there is no row %s", id)
		}
	}
	all, err := kept()
	if err != nil || len(all) == 0 {
		t.Fatalf("no results: %v", err)
	}
	for _, r := range all {
		test, _, _ := strings.Cut(r.Test, "/")
		if !seen[r.Row] || !tests(t, r.Package)[test] {
			t.Errorf("there is a result of %s %s for %s, and no such test or row", r.Package, r.Test, r.Row)
		}
	}
}

// TestEveryFaultIsTriedByName: each fault has a test that the suite runs by its number, which is named as its proof and
// whose results are kept.
func TestEveryFaultIsTriedByName(t *testing.T) {
	all, err := kept()
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range Faults() {
		name := fmt.Sprintf("TestFault_R%02d_", number(row.ID))
		proven := func(pkg, test string) bool {
			return slices.ContainsFunc(row.Proofs, func(p Proof) bool { return p.Package == pkg && p.Test == test })
		}
		ran := slices.ContainsFunc(all, func(r result) bool {
			return r.Row == row.ID && strings.HasPrefix(r.Test, name) && proven(r.Package, r.Test) && len(r.Injected) > 0 && len(r.Outcomes) > 0
		})
		if !ran {
			t.Errorf("%s: no result of a proof %s* is kept; run make e2e-faults", row.ID, name)
		}
	}
}
