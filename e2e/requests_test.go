//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"testing"
	"time"
)

// mostRequests is what one cluster may cost without exec for Cilium itself, and neighbours what its neighbours cost
// besides: issuers, and the sources of the tree and the chart (docs/checks.md needs no more).
const (
	mostRequests = 16
	neighbours   = 3
)

// auditEvent is a line of an API server's audit log.
type auditEvent struct {
	AuditID, Stage, Verb, RequestURI, UserAgent string
	RequestReceivedTimestamp, StageTimestamp    time.Time

	ObjectRef struct{ Resource, Namespace, Name, Subresource string }
}

// audit are the lines of a cluster's audit log behind offset that a program of that name brought about.
func (l *lab) audit(t *testing.T, cluster string, offset int64, agent string) iter.Seq[auditEvent] {
	t.Helper()
	return func(yield func(auditEvent) bool) {
		file, err := os.Open(l.auditLog(cluster))
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		if _, err := file.Seek(offset, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(file)
		lines.Buffer(nil, 16<<20)
		for lines.Scan() {
			var e auditEvent
			if json.Unmarshal(lines.Bytes(), &e) == nil && strings.HasPrefix(e.UserAgent, agent) && !yield(e) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// audited are the requests of our program that an API server noted after offset.
func audited(t *testing.T, cluster string, offset int64) []auditEvent {
	t.Helper()
	seen := map[string]auditEvent{}
	var order []string
	for e := range theLab.audit(t, cluster, offset, "kubectl-cilium_gitops/") {
		if _, again := seen[e.AuditID]; !again {
			order = append(order, e.AuditID)
		}
		seen[e.AuditID] = e
	}
	var events []auditEvent
	for _, id := range order {
		events = append(events, seen[id])
	}
	return events
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestRequestsAreFewAndOnlyRead counts at the API server: at most 16 a cluster and 3 of its neighbours, no discovery, no writes.
func TestRequestsAreFewAndOnlyRead(t *testing.T) {
	before := map[string]int64{}
	for _, cluster := range []string{"infra", "apps"} {
		before[cluster] = size(t, theLab.auditLog(cluster))
	}
	must(t, "kubectl", "cilium-gitops", "verify", "--context", "infra,apps", "--no-exec")
	for _, cluster := range []string{"infra", "apps"} {
		events := eventually(t, func() ([]auditEvent, bool) {
			events := audited(t, cluster, before[cluster])
			return events, len(events) >= 10
		})
		listing := ""
		for _, e := range events {
			listing += fmt.Sprintf("  %s %s\n", e.Verb, e.RequestURI)
			if e.Verb != "get" && e.Verb != "list" {
				t.Errorf("%s: writes or watches: %s %s", cluster, e.Verb, e.RequestURI)
			}
			path, _, _ := strings.Cut(e.RequestURI, "?")
			if parts := strings.Split(strings.Trim(path, "/"), "/"); path != "/version" && (len(parts) < 3 || parts[0] == "openapi") {
				t.Errorf("%s: discovers: %s", cluster, e.RequestURI)
			}
		}
		around := strings.Count(listing, "/cert-manager.io/") + strings.Count(listing, "/source.toolkit.fluxcd.io/")
		if len(events)-around > mostRequests || around > neighbours {
			t.Errorf("%s: %d requests, %d of them of neighbours, at most %d and %d:\n%s", cluster, len(events), around, mostRequests, neighbours, listing)
		}
		t.Logf("%s: %d requests\n%s", cluster, len(events), listing)
	}
}

// eventually asks until the answer is good; the audit log is written a moment after the request.
func eventually[T any](t *testing.T, ask func() (T, bool)) T {
	t.Helper()
	return every(t, 100*time.Millisecond, ask)
}

func every[T any](t *testing.T, pause time.Duration, ask func() (T, bool)) T {
	t.Helper()
	tick := time.NewTicker(pause)
	defer tick.Stop()
	deadline := time.NewTimer(3 * time.Minute)
	defer deadline.Stop()
	for {
		if answer, good := ask(); good {
			return answer
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("waited three minutes in vain")
		}
	}
}
