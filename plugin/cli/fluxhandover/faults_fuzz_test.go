package fluxhandover

import (
	"os"
	"path/filepath"
	"testing"
)

// FuzzReaders: files that are said to be plans or journals are read or refused.
func FuzzReaders(f *testing.F) {
	f.Add(`{"apiVersion":"cilium-gitops.dev/v1alpha1","kind":"Plan","plans":[{"cluster":"infra","steps":[{"id":"x","do":[{}]}]}]}`)
	f.Add(`{"apiVersion":"cilium-gitops.dev/v1alpha1","kind":"Plan","plans":[null]}`)
	f.Add(`{"apiVersion":"cilium-gitops.dev/v1alpha1","kind":"Journal","run":"\u001b[31m","steps":[{}],"base":null}`)
	f.Add(`[`)
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "x.json")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if doc, err := readPlan(file); err == nil {
			for _, p := range doc.Plans {
				if p == nil {
					t.Error("an empty plan")
				}
			}
		}
		if j, err := cleanJournal(file); (j == nil) != (err != nil) {
			t.Error(j, err)
		}
	})
}
