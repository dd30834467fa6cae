package act

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// counted does something at the n-th request.
type counted struct {
	mu sync.Mutex
	n  int
	at int
}

// now tells whether this is that request, or, where always, one after it.
func (c *counted) now(always bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n++
	return c.n == c.at || always && c.n > c.at
}

// requests is how many a probe of two nodes makes when nothing happens.
func requests(t *testing.T) (all int) {
	t.Helper()
	inTime(t, func(t *testing.T) {
		n := probedCluster("infra-1", "infra-2")
		if _, err := open(t, n.api).Probe(t.Context(), probing); err != nil {
			t.Fatal(err)
		}
		all = len(n.asked(""))
	})
	if all < 27 {
		t.Fatalf("only %d requests", all)
	}
	return all
}

// TestAProbeLeavesNothing lets something happen to each request in its turn: whatever it is, nothing is left, or what
// is left is named; and what was not seen is no result.
func TestAProbeLeavesNothing(t *testing.T) {
	for name, happens := range map[string]struct {
		do   func(n *nodesOf, c *counted, cancel func())
		left bool // something may be left, and is then named
	}{
		"fails once": {do: func(n *nodesOf, c *counted, _ func()) {
			n.each = func(request) *http.Response {
				if c.now(false) {
					return refuse(http.StatusInternalServerError, metav1.StatusReasonInternalError, "etcd")
				}
				return nil
			}
		}},
		"is forbidden": {left: true, do: func(n *nodesOf, c *counted, _ func()) {
			n.each = func(request) *http.Response {
				if c.now(false) {
					return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `it is forbidden: User "ann" cannot`)
				}
				return nil
			}
		}},
		"is taken, and its answer lost": {do: func(n *nodesOf, c *counted, _ func()) {
			n.lost = func(request) error {
				if c.now(false) {
					return errReset
				}
				return nil
			}
		}},
		"is interrupted": {do: func(n *nodesOf, c *counted, cancel func()) {
			n.each = func(request) *http.Response {
				if c.now(false) {
					cancel()
				}
				return nil
			}
		}},
		"is the last that is answered": {left: true, do: func(n *nodesOf, c *counted, _ func()) {
			n.each = func(request) *http.Response {
				if c.now(true) {
					return refuse(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "away")
				}
				return nil
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for at := 1; at <= requests(t); at++ {
				t.Run(fmt.Sprint(at), func(t *testing.T) {
					inTime(t, func(t *testing.T) {
						leavesNothing(t, happens.left, func(n *nodesOf, cancel func()) { happens.do(n, &counted{at: at}, cancel) })
					})
				})
			}
		})
	}
}

func leavesNothing(t *testing.T, mayLeave bool, happens func(*nodesOf, func())) {
	t.Helper()
	n := probedCluster("infra-1", "infra-2")
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	happens(n, cancel)
	var told []string
	c := open(t, n.api, func(o *Options) { o.Tell = func(s string) { told = append(told, s) } })
	began := time.Now()
	found, err := c.Probe(ctx, probing)
	if took := time.Since(began); took > probing.Within+readWithin+removeWithin {
		t.Errorf("it took %s", took)
	}
	left := n.left()
	switch {
	case len(left) > 0 && !mayLeave:
		t.Errorf("left %q; %v, %+v", left, err, found)
	case len(left) > 0 && (!strings.Contains(left[0], strings.Fields(found.Left)[0]) || !strings.Contains(found.Left, "its pods end at ")):
		t.Errorf("left %q, and says %q", left, found.Left)
	case found.Left != "" && !strings.Contains(strings.Join(told, "\n"), "remove it: kubectl --context infra delete namespace "+probePrefix):
		t.Errorf("told %q", told)
	}
	if ctx.Err() != nil && err == nil && len(found.Results) == 0 {
		t.Error("it was interrupted, and does not say so")
	}
	whole(t, found.Probe, err)
	n.each, n.lost = nil, nil
	cleansUp(t, n, c)
}

// whole holds of a node without a reason that everything was asked from it: what is missing must not look like passing.
func whole(t *testing.T, p *facts.Probe, err error) {
	t.Helper()
	if err != nil {
		return // nobody judges it
	}
	silent := 0
	for _, node := range p.Nodes {
		if node.Why != "" {
			silent++
		}
	}
	for _, node := range p.Nodes {
		from := map[string]int{}
		for _, r := range p.Results {
			if r.From == node.Name {
				from[r.Kind]++
			}
		}
		for _, kind := range []string{facts.ProbePod, facts.ProbeService, facts.ProbeDNS, facts.ProbeAPI} {
			if node.Why == "" && p.Unasked[kind] == "" && from[kind] == 0 && (kind != facts.ProbePod || silent == 0) {
				t.Errorf("%s: nothing of %s, and no reason: %+v", node.Name, kind, p)
			}
		}
	}
}

// cleansUp has another probe come by: before the deadline of what was left, and after it.
func cleansUp(t *testing.T, n *nodesOf, c *Cluster) {
	t.Helper()
	left := n.left()
	if _, err := c.Probe(t.Context(), probing); err != nil {
		t.Fatal(err)
	}
	if now := n.left(); len(now) != len(left) {
		t.Errorf("a probe took away what may belong to another: %q, then %q", left, now)
	}
	if len(left) == 0 {
		return
	}
	all, err := c.LeftProbes(t.Context())
	if err != nil || len(all) != 1 || !strings.Contains(left[0], all[0].Namespace) || !all[0].Deadline.After(time.Now().Add(-time.Hour)) {
		t.Errorf("%+v, %v", all, err)
	}
	time.Sleep(time.Hour)
	if _, err := c.Probe(t.Context(), probing); err != nil {
		t.Fatal(err)
	}
	if now := n.left(); len(now) != 0 {
		t.Errorf("the next probe leaves %q", now)
	}
}

// TestOthersNamespaces removes none that only looks like a probe's.
func TestOthersNamespaces(t *testing.T) {
	const old = `"cilium-gitops.dev/probe-deadline":"2020-01-01T00:00:00Z"`
	const ours = `"app.kubernetes.io/managed-by":"cilium-gitops"`
	for name, meta := range map[string]string{
		"team-a":                    `"labels":{` + ours + `},"annotations":{` + old + `}`,
		"cilium-gitops-probe-aaaaa": `"annotations":{` + old + `}`,
		"cilium-gitops-probe-bbbbb": `"labels":{` + ours + `},"annotations":{"cilium-gitops.dev/probe-deadline":"soon"}`,
		"cilium-gitops-probe-ccccc": `"labels":{` + ours + `}`,
		"cilium-gitops-probe-ddddd": `"labels":{` + ours + `},"annotations":{"cilium-gitops.dev/probe-deadline":"2999-01-01T00:00:00Z"}`,
	} {
		inTime(t, func(t *testing.T) {
			n := probedCluster("infra-1")
			path := "/api/v1/namespaces/" + name
			n.put(path, fmt.Sprintf(`{"kind":"Namespace","apiVersion":"v1","metadata":{"name":%q,%s}}`, name, meta))
			c := open(t, n.api)
			if _, err := c.Probe(t.Context(), probing); err != nil || n.object(path) == nil {
				t.Errorf("%s: %v; it is %v", name, err, n.object(path))
			}
			if err := c.removeProbe(t.Context(), name); (err == nil) == (name != "cilium-gitops-probe-ddddd") {
				t.Errorf("%s: %v", name, err)
			}
		})
	}
}

// TestANamespaceThatStays waits for one whose finalizers nobody removes, and says so in time.
func TestANamespaceThatStays(t *testing.T) {
	inTime(t, func(t *testing.T) {
		n := probedCluster("infra-1")
		n.each = func(r request) *http.Response {
			if r.method == http.MethodDelete {
				o := n.object(r.path)
				n.mu.Lock()
				defer n.mu.Unlock()
				o["metadata"].(map[string]any)["deletionTimestamp"] = "2026-11-22T09:12:00Z"
				n.store(r.path, o)
				return answered(http.StatusOK, o)
			}
			return nil
		}
		found, err := open(t, n.api).Probe(t.Context(), probing)
		if err != nil || !strings.Contains(found.Left, "(it is still being removed)") || len(found.Results) == 0 {
			t.Errorf("%v %+v", err, found)
		}
		if deletes := n.asked("DELETE "); len(deletes) != 1 {
			t.Errorf("%q", deletes)
		}
	})
}
