package rules

import (
	"bytes"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// root is the repository's, from this package's directory.
const root = "../../.."

func TestImports(t *testing.T) { hold(t, Imports(sources(t, "plugin", "cmd"))) }

func TestSizes(t *testing.T) { hold(t, Sizes(sources(t, "plugin", "cmd"))) }

func TestNothingOfOneMachine(t *testing.T) { hold(t, Machines(tracked(t))) }

func hold(t *testing.T, wrong []string) {
	t.Helper()
	for _, w := range wrong {
		t.Error(w)
	}
}

// sources are the Go files below those directories. A directory that is not there yet has none; no files at all
// means that this looks in the wrong place.
func sources(t *testing.T, dirs ...string) []Source {
	t.Helper()
	var all []Source
	for _, dir := range dirs {
		err := filepath.WalkDir(filepath.Join(root, dir), func(file string, entry fs.DirEntry, err error) error {
			if os.IsNotExist(err) {
				return nil
			}
			if err != nil {
				return err
			}
			if entry.IsDir() && entry.Name() == "testdata" {
				return filepath.SkipDir
			}
			if entry.IsDir() || filepath.Ext(file) != ".go" {
				return nil
			}
			all = append(all, read(t, file))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(all) == 0 {
		t.Fatal("found no source file")
	}
	return all
}

// tracked are the files that Git knows, or, where this is no Git checkout, the Go files.
func tracked(t *testing.T) []Source {
	t.Helper()
	list, err := exec.CommandContext(t.Context(), "git", "-C", root, "ls-files", "-z").Output()
	if err != nil {
		t.Logf("git ls-files: %v; looking at Go files alone", err)
		return sources(t, ".")
	}
	var all []Source
	for name := range bytes.SplitSeq(bytes.TrimRight(list, "\x00"), []byte{0}) {
		file := filepath.Join(root, string(name))
		if info, err := os.Lstat(file); err != nil || !info.Mode().IsRegular() {
			continue // removed but not committed yet, or a link
		}
		all = append(all, read(t, file))
	}
	if len(all) == 0 {
		t.Fatal("found no tracked file")
	}
	return all
}

func read(t *testing.T, file string) Source {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	name, err := filepath.Rel(root, file)
	if err != nil {
		t.Fatal(err)
	}
	return Source{Path: filepath.ToSlash(name), Text: strings.ReplaceAll(string(text), "\r\n", "\n")}
}
