package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	fences  = regexp.MustCompile("(?ms)^```.*?^```$|`[^`\n]*`")
	marks   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// TestLinksResolve: every relative link of every page leads to a file, and its anchor to a heading of it.
func TestLinksResolve(t *testing.T) {
	list, err := exec.Command("git", "-C", root, "ls-files", "*.md").Output()
	if err != nil {
		t.Skipf("no Git checkout: %v", err)
	}
	links := 0
	for _, page := range strings.Fields(string(list)) {
		if strings.Contains(page, "testdata/") || strings.HasPrefix(page, "plugin/") {
			continue // fixtures, and templates of pages
		}
		text, err := os.ReadFile(filepath.Join(root, page))
		if err != nil {
			continue // removed, and not committed yet
		}
		for _, m := range link.FindAllStringSubmatch(fences.ReplaceAllString(string(text), ""), -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := filepath.Join(root, filepath.Dir(page), file)
			if file == "" {
				target = filepath.Join(root, page)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: there is no %s", page, m[1])
			} else if anchor != "" && !anchored(t, target, anchor) {
				t.Errorf("%s: %s has no heading #%s", page, file, anchor)
			}
		}
	}
	if links < 90 {
		t.Errorf("found %d links; is this the repository's root?", links)
	}
}

// anchored tells whether a page has a heading that code hosts link to so.
func anchored(t *testing.T, page, anchor string) bool {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		return false
	}
	for _, m := range heading.FindAllStringSubmatch(string(text), -1) {
		if strings.ReplaceAll(marks.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-") == anchor {
			return true
		}
	}
	return false
}
