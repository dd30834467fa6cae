//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bootstraps are the versions of Cilium and the majors of Helm that every variation is tried with.
func bootstraps() []bootstrap {
	return []bootstrap{{"1.18.2", "4"}, {"1.18.2", "3"}, {"1.20.2", "4"}, {"1.20.2", "3"}}
}

type bootstrap struct{ cilium, helm string }

func (b bootstrap) String() string { return b.cilium + ", Helm " + b.helm }

// results are outcomes in words, by variation and bootstrap.
type results map[string]string

func key(v variation, b bootstrap) string { return v.name + " | " + b.String() }

// TestMatrix tries every variation with every bootstrap and writes what came to docs/diff.md. E2E_MATRIX names the
// file that keeps results: what it has is not tried again, so that hours of work survive an interruption.
func TestMatrix(t *testing.T) {
	file := os.Getenv("E2E_MATRIX")
	if file == "" {
		t.Skip("an hour; E2E_MATRIX=FILE runs it")
	}
	known := readResults(t, file)
	for _, b := range bootstraps() {
		t.Run(b.cilium+"-helm"+b.helm, func(t *testing.T) {
			untried := known.missing(b)
			if len(untried) == 0 {
				return
			}
			c := cell{lab: &theLab, on: "apps", cilium: b.cilium}
			if b != (bootstrap{"1.18.2", "4"}) { // which is what the common lab has
				c.lab = another(t, "--cilium-version", b.cilium, "--helm", b.helm)
			}
			for _, v := range untried {
				t.Run(v.testName(), func(t *testing.T) {
					if came := adopt(t, c, v); !t.Failed() {
						known[key(v, b)] = came.String()
						known.write(t, file)
					}
				})
			}
		})
	}
	for _, b := range bootstraps() {
		if len(known.missing(b)) > 0 {
			t.Log("docs/diff.md is left as it is: there are variations that were not tried, or not foretold")
			return
		}
	}
	writeTable(t, known.table())
}

func readResults(t *testing.T, file string) results {
	t.Helper()
	known := results{}
	text, err := os.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return known
	case err == nil && len(text) > 0:
		err = json.Unmarshal(text, &known)
	}
	if err != nil {
		t.Fatal(err)
	}
	return known
}

func (r results) write(t *testing.T, file string) {
	t.Helper()
	text, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(file, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// missing are the variations that have no result yet.
func (r results) missing(b bootstrap) []variation {
	var all []variation
	for _, v := range variations() {
		if _, known := r[key(v, b)]; !known && strings.HasPrefix(b.cilium, v.only) {
			all = append(all, v)
		}
	}
	return all
}

func (r results) table() string {
	var text strings.Builder
	text.WriteString("| what differs from the bootstrap |")
	for _, b := range bootstraps() {
		text.WriteString(" " + b.String() + " |")
	}
	text.WriteString("\n|---|" + strings.Repeat("---|", len(bootstraps())) + "\n")
	for _, v := range variations() {
		text.WriteString("| " + v.name + " |")
		for _, b := range bootstraps() {
			fmt.Fprintf(&text, " %s |", r[key(v, b)])
		}
		text.WriteString("\n")
	}
	return text.String()
}

// writeTable puts the table between the markers of docs/diff.md.
func writeTable(t *testing.T, table string) {
	t.Helper()
	const begin, end = "<!-- matrix:begin -->\n", "<!-- matrix:end -->"
	file := filepath.Join("..", "docs", "diff.md")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(text), begin)
	_, tail, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatalf("%s has no place for the table: %s..%s", file, begin, end)
	}
	if err := os.WriteFile(file, []byte(head+begin+table+end+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
