package golden

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCompare(t *testing.T) {
	file := filepath.Join(t.TempDir(), "x.golden")
	if why := compare(file, ""); !strings.Contains(why, "-update") {
		t.Errorf("there is no file; want how to make one, got %q", why)
	}
	rewrite(t, file, "one\r\ntwo\n")
	if why := compare(file, "one\ntwo\r\n"); why != "" {
		t.Errorf("line ends are no difference, got %s", why)
	}
	if why := compare(file, "one\nTWO\n"); !strings.Contains(why, "TWO") {
		t.Errorf("want the line that differs, got %q", why)
	}
	if text, err := os.ReadFile(file); err != nil || string(text) != "one\ntwo\n" {
		t.Errorf("comparing must not write; the file holds %q, %v", text, err)
	}
}
