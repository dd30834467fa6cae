package chart

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"
)

func files(at time.Time) fstest.MapFS {
	return fstest.MapFS{
		"values.yaml":              {Data: []byte("a: 1\n"), ModTime: at},
		"Chart.yaml":               {Data: []byte("apiVersion: v2\nname: cilium\nversion: 1.18.2\n"), ModTime: at},
		"templates/configmap.yaml": {Data: []byte("kind: ConfigMap\n"), ModTime: at, Mode: 0o600},
		".helmignore":              {Data: []byte("*.orig\n"), ModTime: at},
	}
}

func TestPackIsTheSameForTheSameFiles(t *testing.T) {
	first, err := Pack("cilium", files(time.Unix(1, 0)))
	if err != nil {
		t.Fatal(err)
	}
	second, err := Pack("cilium", files(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Error("two packings of the same files differ")
	}
	metadata, err := Metadata(first)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(metadata), "version: 1.18.2") {
		t.Errorf("Chart.yaml is %q", metadata)
	}
}

func TestMetadataOfWhatIsNoArchive(t *testing.T) {
	if _, err := Metadata([]byte("no gzip")); err == nil {
		t.Error("no error for what is no archive")
	}
}

// registry takes what it is given, as far as pushing needs it.
type registry struct {
	mu        sync.Mutex
	manifests map[string][]byte
}

func (r *registry) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	switch {
	case req.Method == http.MethodPost:
		w.Header().Set("Location", "/v2/charts/cilium/blobs/uploads/1")
		w.WriteHeader(http.StatusAccepted)
	case strings.Contains(req.URL.Path, "/manifests/"):
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.manifests[req.URL.Path] = body
		r.mu.Unlock()
		w.WriteHeader(http.StatusCreated)
	case req.URL.Query().Get("digest") == "":
		http.Error(w, "no digest", http.StatusBadRequest)
	default:
		w.WriteHeader(http.StatusCreated)
	}
}

func TestPushKeepsTheDigest(t *testing.T) {
	r := &registry{manifests: map[string][]byte{}}
	server := httptest.NewServer(r)
	defer server.Close()
	archive, err := Pack("cilium", files(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	img := Image{Repository: "charts/cilium", Tag: "1.18.2", Archive: archive, Chart: []byte("name: cilium\nversion: 1.18.2\n")}
	var digests []string
	for range 2 {
		digest, err := Push(context.Background(), strings.TrimPrefix(server.URL, "http://"), img)
		if err != nil {
			t.Fatal(err)
		}
		digests = append(digests, digest)
	}
	if digests[0] != digests[1] {
		t.Errorf("digests differ: %v", digests)
	}
	raw := r.manifests["/v2/charts/cilium/manifests/1.18.2"]
	var m manifest
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	if m.Config.MediaType != configType || len(m.Layers) != 1 || m.Layers[0].Size != len(archive) {
		t.Errorf("manifest %s", raw)
	}
}
