package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestRequestsAreCountedAsSpegelCountsThem(t *testing.T) {
	m := &mirror{peers: "nobody.invalid", held: map[string]bool{"library/alpine:3": true, "library/alpine@sha256:0c": true}, requests: map[string]int{}}
	server := httptest.NewServer(m.api())
	defer server.Close()
	for path, want := range map[string]int{
		"/readyz": 200, "/v2/": 200, "/v2/library/alpine/manifests/3?ns=docker.io": 200, "/v2/library/alpine/manifests/sha256:0c?ns=docker.io": 200, "/v2/library/other/manifests/3?ns=docker.io": 404,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(mirrored, "true")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, answer.StatusCode, want)
		}
	}
	w := httptest.NewRecorder()
	m.metrics(w, nil)
	if strings.Contains(w.Body.String(), `cache="hit"`) {
		t.Errorf("what it has itself is no hit: %s", w.Body)
	}
	for _, line := range []string{
		`spegel_mirror_requests_total{registry="docker.io",cache="miss",source="internal"} 1`,
	} {
		if !strings.Contains(w.Body.String(), line) {
			t.Errorf("no %s in %s", line, w.Body)
		}
	}
}
