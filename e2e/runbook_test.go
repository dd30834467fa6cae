//go:build e2e

package e2e

import (
	"encoding/json"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// commands is one block of a page: its lines, and whether they change anything.
type commands struct {
	page    string
	changes bool
	lines   []string
}

// fenced matches a block of commands.
var fenced = regexp.MustCompile("(?ms)^```sh( changes)?\n(.*?)^```$")

// pages are the blocks of the runbook of the tree's fleet, by page.
func (l *lab) pages(t *testing.T, tree string) map[string][]commands {
	t.Helper()
	var doc struct{ Pages []struct{ Name, Text string } }
	if err := json.Unmarshal([]byte(l.must(t, tree, "flux", "handover", "runbook", "--soak", "3s", "-o", "json")), &doc); err != nil {
		t.Fatal(err)
	}
	all := map[string][]commands{}
	for _, p := range doc.Pages {
		for _, m := range fenced.FindAllStringSubmatch(p.Text, -1) {
			all[p.Name] = append(all[p.Name], commands{page: p.Name, changes: m[1] != "", lines: strings.Split(strings.TrimSpace(m[2]), "\n")})
		}
	}
	return all
}

// TestRunbook: every command of the runbook's pages, in the order of the pages with the way back at last, succeeds as it
// stands; handing over touches no pod; and in the end Cilium is the bootstrap's.
func TestRunbook(t *testing.T) {
	t.Parallel()
	l := another(t)
	tree := l.scaffolded(t)
	l.soon(t, tree)
	l.env = append(l.env, "TMPDIR="+t.TempDir())
	pages := l.pages(t, tree)
	before := l.both(t)
	began, count := time.Now(), 0
	for _, page := range []string{"handover.md", "troubleshooting.md", "next-steps.md", "rollback.md"} {
		if len(pages[page]) == 0 {
			t.Fatalf("page %s has no command", page)
		}
		for _, block := range pages[page] {
			count += l.follow(t, tree, block)
		}
		if page == "handover.md" {
			l.handed(t, before)
		}
		t.Logf("%s: %d commands after %s", page, count, time.Since(began).Round(time.Second))
	}
	if count < 100 {
		t.Errorf("the pages have only %d commands", count)
	}
	for _, cluster := range []string{"infra", "apps"} {
		if left := l.get(t, cluster, "kube-system", "helmreleases", "{.items[*].metadata.name}") + l.get(t, cluster, "flux-system", "kustomizations", `{.items[?(@.metadata.name=="cilium-core")].metadata.name}`); left != "" {
			t.Errorf("%s: %q is left of Flux's objects", cluster, left)
		}
		if status := l.must(t, "", "helm", "--kube-context", cluster, "-n", "kube-system", "status", "cilium"); !strings.Contains(status, "STATUS: deployed") {
			t.Errorf("%s: %s", cluster, status)
		}
	}
}

// found tells whether a cleanup that only looks has found what drills leave, their records: its exit code is then 1.
func found(line string, r result) bool {
	return strings.HasPrefix(line, "flux handover cleanup ") && !strings.Contains(line, "--yes") && r.code == 1 &&
		strings.Contains(r.stdout+r.stderr, "ConfigMap/flux-system/cilium-gitops-") && strings.Contains(r.stdout+r.stderr, "Remove them:")
}

// follow runs a block, of which every command has to succeed; those that only look run at once. It
// gives how many there were.
func (l *lab) follow(t *testing.T, tree string, block commands) int {
	t.Helper()
	run := func(line string) {
		if r := l.run(t, tree, "sh", "-c", line); r.code != 0 && !found(line, r) {
			t.Errorf("%s: exit code %d: %s\n%s%s", block.page, r.code, line, r.stderr, r.stdout)
		}
	}
	if block.changes {
		for _, line := range block.lines {
			run(line)
		}
	} else {
		var wg sync.WaitGroup
		few := make(chan struct{}, 3)
		for _, line := range block.lines {
			wg.Go(func() {
				few <- struct{}{}
				defer func() { <-few }()
				run(line)
			})
		}
		wg.Wait()
	}
	if t.Failed() {
		t.FailNow() // what follows stands on it
	}
	return len(block.lines)
}
