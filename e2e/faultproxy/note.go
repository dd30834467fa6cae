package faultproxy

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Result is what a test of faults did and saw, for docs/faults.md.
type Result struct {
	Row      string         `json:"row"`      // "R4"
	Test     string         `json:"test"`     // "TestFault_R04_Reads"
	Package  string         `json:"package"`  // "plugin/live"
	Injected map[string]int `json:"injected"` // fault -> how often
	Outcomes map[string]int `json:"outcomes"` // how it ended -> how often
}

// Add counts a fault and how it ended.
func (r *Result) Add(fault, outcome string) {
	if r.Injected == nil {
		r.Injected, r.Outcomes = map[string]int{}, map[string]int{}
	}
	r.Injected[fault]++
	r.Outcomes[outcome]++
}

// Keep logs the result, and writes it into the folder that FAULTS_RESULTS names, where it names one and the test has not
// failed. A test that has injected nothing fails.
func (r *Result) Keep(t testing.TB, pkg, row string) {
	t.Helper()
	r.Row, r.Test, r.Package = row, t.Name(), pkg
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%s", text)
	if len(r.Injected) == 0 && !t.Failed() {
		t.Fatal("nothing was injected")
	}
	dir := os.Getenv("FAULTS_RESULTS")
	if dir == "" || t.Failed() {
		return
	}
	if err := os.WriteFile(filepath.Join(dir, strings.ReplaceAll(r.Test, "/", "-")+".json"), append(text, '\n'), 0o644); err != nil {
		t.Fatal(err)
	}
}
