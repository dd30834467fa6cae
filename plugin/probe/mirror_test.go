package probe

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// spegel answers as Spegel does: what it has itself it does not count.
func spegel(t *testing.T, answers map[string]int, metrics string) Target {
	t.Helper()
	var hits, misses atomic.Int64
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status := answers[r.URL.RequestURI()]
		switch status {
		case 0:
			misses.Add(1)
			status = http.StatusNotFound
		case http.StatusOK:
			hits.Add(1)
		case http.StatusAccepted: // it has that itself
			status = http.StatusOK
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(registry.Close)
	told := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if metrics != "" {
			fmt.Fprint(w, metrics)
			return
		}
		fmt.Fprintf(w, "# TYPE spegel_advertised_images gauge\nspegel_advertised_images{registry=\"docker.io\"} 3\n# TYPE spegel_mirror_requests_total counter\n"+
			"spegel_mirror_requests_total{registry=\"docker.io\",cache=\"hit\"} %d\nspegel_mirror_requests_total{registry=\"docker.io\",cache=\"miss\"} %d\n", hits.Load(), misses.Load())
	}))
	t.Cleanup(told.Close)
	return Target{
		Kind: Mirror, To: "docker.io/library/a@sha256:0c,quay.io:5000/b:v1",
		Address: strings.TrimPrefix(registry.URL, "http://"), Metrics: strings.TrimPrefix(told.URL, "http://"),
	}
}

func TestMirror(t *testing.T) {
	const first, second = "/v2/library/a/manifests/sha256:0c?ns=docker.io", "/v2/b/manifests/v1?ns=quay.io%3A5000"
	for name, c := range map[string]struct {
		answers map[string]int
		metrics string
		image   string
		says    string
		unseen  bool
	}{
		"another node has the first":  {answers: map[string]int{first: 200}, image: "docker.io/library/a@sha256:0c"},
		"another node has the second": {answers: map[string]int{second: 200}, image: "quay.io:5000/b:v1"},
		"it has the first itself":     {answers: map[string]int{first: 202, second: 200}, image: "quay.io:5000/b:v1"},
		"nobody has any":              {says: "HTTP 404 for 2 of 2 images"},
		"it has one, nobody another":  {answers: map[string]int{first: 202}, says: "HTTP 404 for 1 of 2 images"},
		"it is broken":                {answers: map[string]int{first: 500}, says: "HTTP 404, HTTP 500 for 2 of 2 images"},
		"it has both itself":          {answers: map[string]int{first: 202, second: 202}, says: "the counter of hits did not move: the node has 2 of 2 images itself", unseen: true},
		"it wants credentials":        {answers: map[string]int{first: 401}, says: "the mirror wants credentials: HTTP 401", unseen: true},
		"somebody else's metrics":     {answers: map[string]int{first: 200}, metrics: "go_goroutines 3\n", says: "its metrics could not be read: they are not Spegel's", unseen: true},
		"no metrics":                  {answers: map[string]int{first: 200}, metrics: "<html>\n", says: "its metrics could not be read: they are no metrics", unseen: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := asked(t, spegel(t, c.answers, c.metrics))
			if r.OK != (c.says == "") || r.Image != c.image || r.Error != c.says || r.Unseen != c.unseen {
				t.Errorf("%+v", r)
			}
		})
	}
	gone := spegel(t, map[string]int{first: 200}, "")
	address := gone.Address
	gone.Address = dead(t)
	if r := asked(t, gone); r.OK || r.Unseen || r.Error != "connection refused" {
		t.Errorf("a mirror that is gone: %+v", r)
	}
	gone.Address, gone.Metrics = address, dead(t)
	if r := asked(t, gone); r.OK || !r.Unseen || r.Error != "its metrics could not be read: connection refused" {
		t.Errorf("metrics that are gone: %+v", r)
	}
	if back, err := ParseTarget(gone.String()); err != nil || back != gone {
		t.Errorf("%+v, %v", back, err)
	}
}
