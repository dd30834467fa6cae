// Command spegel speaks for Spegel, whose module cannot be had everywhere: its registry API towards the container
// runtime, its health and its metrics, over the real network. It holds no images but the names of some: what one node
// has, the others find there, and each request counts as Spegel counts it: what a node has itself is served and is no
// request of the mirror's.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

func main() {
	registry := flag.String("registry-addr", ":5000", "where the registry's API is served")
	flag.String("router-addr", ":5001", "where Spegel's nodes find each other; here they do so by name")
	metrics := flag.String("metrics-addr", ":9090", "where metrics are served")
	peers := flag.String("bootstrap", "spegel-peers.spegel.svc.cluster.local", "the name of all nodes")
	images := flag.String("images", "", "what this node holds: REPOSITORY:TAG or REPOSITORY@DIGEST, with commas between")
	if len(os.Args) > 1 && os.Args[1] == "registry" { // the command that Spegel has its server under
		os.Args = slices.Delete(os.Args, 1, 2)
	}
	flag.Parse()
	m := &mirror{peers: *peers, self: os.Getenv("POD_IP"), held: map[string]bool{}, requests: map[string]int{}}
	_, m.port, _ = net.SplitHostPort(*registry)
	for image := range strings.SplitSeq(*images, ",") {
		if image != "" {
			m.held[image] = true
		}
	}
	go func() { log.Fatal(http.ListenAndServe(*metrics, http.HandlerFunc(m.metrics))) }()
	log.Fatal(http.ListenAndServe(*registry, m.api()))
}

// mirrored marks a request that another node passed on: it is answered from here or not at all.
const mirrored = "X-Spegel-Mirrored"

type mirror struct {
	peers, self, port string
	mu                sync.Mutex
	held              map[string]bool
	requests          map[string]int // "registry cache source" -> how many
	lastSuccess       time.Time
}

func (m *mirror) api() http.Handler {
	mux := http.NewServeMux()
	ok := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }
	mux.HandleFunc("GET /readyz", ok)
	mux.HandleFunc("GET /livez", ok)
	mux.HandleFunc("GET /v2/{$}", ok)
	mux.HandleFunc("GET /v2/{path...}", m.manifest)
	return mux
}

// manifest answers for "REPOSITORY/manifests/TAG", from here or from a node that has it.
func (m *mirror) manifest(w http.ResponseWriter, r *http.Request) {
	repository, tag, ok := strings.Cut(r.PathValue("path"), "/manifests/")
	if !ok {
		http.NotFound(w, r)
		return
	}
	registry := r.URL.Query().Get("ns")
	image := repository + ":" + tag
	if strings.Contains(tag, ":") { // a digest
		image = repository + "@" + tag
	}
	m.mu.Lock()
	here := m.held[image]
	m.mu.Unlock()
	source := "external"
	if r.Header.Get(mirrored) != "" {
		source = "internal"
	}
	if !here && (source == "internal" || !m.elsewhere(r.Context(), r.URL.RequestURI())) {
		m.count(registry, "miss", source)
		http.NotFound(w, r)
		return
	}
	if !here {
		m.count(registry, "hit", source)
	}
	w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
	fmt.Fprintf(w, `{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","annotations":{"image":%q}}`+"\n", image)
}

// elsewhere asks the other nodes.
func (m *mirror) elsewhere(ctx context.Context, uri string) bool {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	hosts, err := net.DefaultResolver.LookupHost(ctx, m.peers)
	if err != nil {
		log.Printf("find other nodes: %v", err)
		return false
	}
	for _, host := range hosts {
		if host == m.self {
			continue
		}
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, m.port)+uri, nil)
		if err != nil {
			return false
		}
		request.Header.Set(mirrored, "true")
		answer, err := http.DefaultClient.Do(request)
		if err != nil {
			log.Printf("ask %s: %v", host, err)
			continue
		}
		answer.Body.Close()
		if answer.StatusCode == http.StatusOK {
			return true
		}
	}
	return false
}

func (m *mirror) count(registry, cache, source string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.requests[fmt.Sprintf("registry=%q,cache=%q,source=%q", registry, cache, source)]++
	if cache == "hit" {
		m.lastSuccess = time.Now()
	}
}

// metrics are in Spegel's names.
func (m *mirror) metrics(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	fmt.Fprintf(w, "# TYPE spegel_advertised_images gauge\nspegel_advertised_images{registry=\"docker.io\"} %d\n", len(m.held))
	fmt.Fprintf(w, "# TYPE spegel_advertised_image_tags gauge\nspegel_advertised_image_tags{registry=\"docker.io\"} %d\n", len(m.held))
	last := 0.0
	if !m.lastSuccess.IsZero() {
		last = float64(m.lastSuccess.UnixMilli()) / 1000
	}
	fmt.Fprintf(w, "# TYPE spegel_mirror_last_success_timestamp_seconds gauge\nspegel_mirror_last_success_timestamp_seconds %.3f\n", last)
	fmt.Fprintf(w, "# TYPE spegel_mirror_requests_total counter\n")
	for labels, n := range m.requests {
		fmt.Fprintf(w, "spegel_mirror_requests_total{%s} %d\n", labels, n)
	}
}
