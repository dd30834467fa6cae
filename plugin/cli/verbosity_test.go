package cli

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/klog/v2"
)

// TestNothingIsLoggedByItself: what client libraries log as an error is not on stderr, unless it is asked for.
func TestNothingIsLoggedByItself(t *testing.T) {
	stderr := os.Stderr
	t.Cleanup(func() { os.Stderr = stderr })
	v := newVerbosity()
	for level, want := range map[string]bool{"0": false, "1": true} {
		if err := v.Set(level); err != nil {
			t.Fatal(err)
		}
		file, err := os.Create(filepath.Join(t.TempDir(), "stderr"))
		if err != nil {
			t.Fatal(err)
		}
		os.Stderr = file
		klog.Error("the watch was interrupted")
		klog.Flush()
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(file)
		if err != nil || strings.Contains(string(text), "interrupted") != want {
			t.Errorf("-v %s: %v, logged %q", level, err, text)
		}
	}
	if err := v.Set("0"); err != nil {
		t.Fatal(err)
	}
}
