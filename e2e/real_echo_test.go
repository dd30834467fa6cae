//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

// echoed is what one node's echo has measured.
type echoed struct {
	Node  string
	Peers []struct {
		Node                 string
		Sent, Received, Lost int
		LongestGapMillis     float64
		Connected            bool
		Connections          struct {
			OK, Failed int
			LastError  string
		}
	}
}

// echoes asks every node's echo.
func (l *lab) echoes(t *testing.T, command string) map[string]echoed {
	t.Helper()
	all := map[string]echoed{}
	for _, cluster := range []string{"infra", "apps"} {
		pods := strings.Fields(l.must(t, "", "kubectl", "--context", cluster, "-n", "echo", "get", "pods", "-o", "name"))
		for _, pod := range pods {
			r := l.run(t, "", "kubectl", "--context", cluster, "-n", "echo", "exec", pod, "--", "echo", command)
			var e echoed
			if err := json.Unmarshal([]byte(r.stdout), &e); err == nil {
				all[e.Node] = e
			}
		}
	}
	return all
}

// meet waits until every echo has a stream to both others of its cluster.
func (l *lab) meet(t *testing.T) {
	t.Helper()
	eventually(t, func() (map[string]echoed, bool) {
		all := l.echoes(t, "stats")
		met := 0
		for _, e := range all {
			for _, p := range e.Peers {
				if p.Connected && p.Received > 0 {
					met++
				}
			}
		}
		return all, met == 12
	})
}

func (l *lab) resetEchoes(t *testing.T) {
	t.Helper()
	l.echoes(t, "reset")
}

// heardAll holds that no stream of the lab's echoes ended and no connection failed since, and tells the longest gap.
func (l *lab) heardAll(t *testing.T) {
	t.Helper()
	all := l.echoes(t, "stats")
	if len(all) != 6 {
		t.Errorf("echoes of %d nodes", len(all))
	}
	longest, connections := 0.0, 0
	for node, e := range all {
		for _, p := range e.Peers {
			if p.Lost != 0 || !p.Connected || p.Received == 0 || p.Connections.Failed != 0 || p.Connections.OK == 0 {
				t.Errorf("%s to %s: %+v", node, p.Node, p)
			}
			longest = max(longest, p.LongestGapMillis)
			connections += p.Connections.OK
		}
	}
	t.Logf("no connection lost; longest gap %.0f ms; %d new connections", longest, connections)
}
