package chart

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// TestOpen learns what Helm would of the cluster, and does nothing but get.
func TestOpen(t *testing.T) {
	answers := map[string]any{
		"/version": map[string]string{"major": "1", "minor": "34", "gitVersion": "v1.34.1"},
		"/api":     metav1.APIVersions{Versions: []string{"v1"}},
		"/apis": metav1.APIGroupList{Groups: []metav1.APIGroup{{
			Name: "apps", Versions: []metav1.GroupVersionForDiscovery{{GroupVersion: "apps/v1", Version: "v1"}},
		}}},
		"/api/v1": metav1.APIResourceList{GroupVersion: "v1", APIResources: []metav1.APIResource{
			{Name: "secrets", Kind: "Secret", Namespaced: true}, {Name: "nodes", Kind: "Node"},
		}},
		"/apis/apps/v1": metav1.APIResourceList{GroupVersion: "apps/v1", APIResources: []metav1.APIResource{
			{Name: "daemonsets", Kind: "DaemonSet", Namespaced: true}, {Name: "daemonsets/status", Kind: "DaemonSet", Namespaced: true},
		}},
	}
	var mu sync.Mutex
	var methods []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		methods = append(methods, r.Method)
		mu.Unlock()
		answer, ok := answers[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(answer)
	}))
	defer server.Close()
	s, err := Open(t.Context(), &rest.Config{Host: server.URL}, facts.Expect{Cilium: facts.Names{Namespace: "kube-system", Release: "cilium"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, api := range []string{"v1", "v1/Secret", "apps/v1", "apps/v1/DaemonSet"} {
		if !s.cluster.apis.Has(api) {
			t.Errorf("%s is not among the APIs", api)
		}
	}
	if s.cluster.version != "v1.34.1" || !s.cluster.namespaced("apps/v1", "DaemonSet") || s.cluster.namespaced("v1", "Node") {
		t.Errorf("got %+v", s.cluster)
	}
	if hr, err := s.HelmRelease(t.Context()); hr != nil || err != nil {
		t.Errorf("a HelmRelease without its kind: %v, %v", hr, err)
	}
	if slices.ContainsFunc(methods, func(m string) bool { return m != http.MethodGet }) {
		t.Errorf("asked by %v", methods)
	}
}

// TestOpenEnds: a server that says nothing costs the context's time and no more.
func TestOpenEnds(t *testing.T) {
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := Open(ctx, &rest.Config{Host: server.URL}, facts.Expect{}); err == nil || time.Since(begun) > 5*time.Second {
		t.Errorf("%v after %v", err, time.Since(begun))
	}
}
