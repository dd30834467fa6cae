package component

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
)

// key names the cache folder of a component: its version, and a hash of all it is built from, so that a change of
// either is another folder and nothing stale is ever run.
func (b Builder) key(c Component) (string, error) {
	dir := filepath.Join(b.Source, c.Module)
	files := []string{"go.mod", "go.sum"}
	if c.Upstream != "" {
		files = nil
	}
	for _, src := range c.Source {
		more, err := filepath.Glob(filepath.Join(dir, src, "*.go"))
		if err != nil {
			return "", fmt.Errorf("hash source of %s: %w", c.Name, err)
		}
		for _, path := range more {
			if rel, err := filepath.Rel(dir, path); err == nil && !strings.HasSuffix(path, "_test.go") {
				files = append(files, rel)
			}
		}
	}
	sort.Strings(files)
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOARCH, c.Programs, c.LDFlags, c.Links, c.Upstream, c.Placeholder)
	if len(c.Tags) > 0 {
		fmt.Fprintln(hash, c.Tags)
	}
	for _, name := range files {
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("hash source of %s: %w", c.Name, err)
		}
		fmt.Fprintln(hash, name, len(raw))
		hash.Write(raw)
	}
	return c.Name + "-" + c.Version + "-" + hex.EncodeToString(hash.Sum(nil))[:10], nil
}

// FindSource returns the folder lab/ of the checkout that the program was built in: named by LAB_SOURCE, beside the
// executable's folder, above the working folder, or where the compiler saw this file.
func FindSource(getenv func(string) string) (string, error) {
	var tries []string
	if dir := getenv("LAB_SOURCE"); dir != "" {
		tries = append(tries, dir)
	}
	if exe, err := os.Executable(); err == nil {
		tries = append(tries, filepath.Join(filepath.Dir(filepath.Dir(exe)), "lab"))
	}
	if wd, err := os.Getwd(); err == nil {
		for dir := wd; dir != "/"; dir = filepath.Dir(dir) {
			tries = append(tries, dir, filepath.Join(dir, "lab"))
		}
	}
	if _, file, _, ok := runtime.Caller(0); ok {
		tries = append(tries, filepath.Dir(filepath.Dir(file)))
	}
	for _, dir := range tries {
		if _, err := os.Stat(filepath.Join(dir, "kube", "controlplane", "main.go")); err == nil {
			return dir, nil
		}
	}
	return "", errors.New("find the lab's source: it builds its programs from a checkout; run it there or set LAB_SOURCE to its folder lab")
}
