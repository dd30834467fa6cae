// Package golden compares what a test got with what testdata/ holds, and rewrites it with `go test -update`. It must
// only be imported by tests.
package golden

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite testdata/*.golden with what the tests get")

// Assert fails the test where got is not what testdata/NAME.golden holds.
func Assert(t testing.TB, got, name string) {
	t.Helper()
	file := filepath.Join("testdata", name+".golden")
	if *update {
		rewrite(t, file, got)
		return
	}
	if why := compare(file, got); why != "" {
		t.Error(why)
	}
}

// compare says how got differs from what file holds, and what to do; nothing where it does not.
func compare(file, got string) string {
	want, err := os.ReadFile(file)
	if err != nil {
		return err.Error() + "; make it with: go test -update"
	}
	diff := cmp.Diff(normal(string(want)), normal(got))
	if diff == "" {
		return ""
	}
	return file + " (-want +got); if the new one is right: go test -update\n" + diff
}

func rewrite(t testing.TB, file, got string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(normal(got)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func normal(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
