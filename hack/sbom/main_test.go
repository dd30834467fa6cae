package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBillOfThisProgram: the test itself is a Go program; its bill names what it was linked from.
func TestBillOfThisProgram(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	first, second := filepath.Join(t.TempDir(), "a.json"), filepath.Join(t.TempDir(), "b.json")
	for _, file := range []string{first, second} {
		if err := write(program, file); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(text, again) {
		t.Error("the same program gives other bytes")
	}
	var doc document
	if err := json.Unmarshal(text, &doc); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range doc.Packages {
		if seen[p.ID] || !strings.HasPrefix(p.ID, "SPDXRef-") {
			t.Errorf("package %s: ID %q is not unique or not SPDX's", p.Name, p.ID)
		}
		seen[p.ID] = true
	}
	for _, r := range doc.Relationships {
		if !seen[r.Related] || (r.Element != doc.ID && !seen[r.Element]) {
			t.Errorf("%s %s %s: no such element", r.Element, r.Type, r.Related)
		}
	}
	if doc.Packages[0].Checksums[0].Value == "" || len(doc.Relationships) != len(doc.Packages) {
		t.Errorf("%d packages, %d relationships", len(doc.Packages), len(doc.Relationships))
	}
}

func TestNoProgram(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bill.json")
	if err := write("main.go", file); err == nil {
		t.Error("a source file has no bill")
	}
	if _, err := os.Stat(file); err == nil {
		t.Error("a bill was written nonetheless")
	}
}
