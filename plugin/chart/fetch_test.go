package chart

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
)

// archive is the fixture, packed.
func archive(t *testing.T) []byte {
	t.Helper()
	file, err := chartutil.Save(fixture(t), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// image is the fixture as a registry has it.
func image(t *testing.T) v1.Image {
	t.Helper()
	out, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), static.NewLayer(archive(t), chartLayer))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// pushed is a registry that has the fixture under those tags, and the repository's address.
func pushed(t *testing.T, tags ...string) (*httptest.Server, string) {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	url := strings.TrimPrefix(server.URL, "http://") + "/charts/cilium"
	for _, tag := range tags {
		ref, err := name.NewTag(url+":"+tag, name.Insecure)
		if err == nil {
			err = remote.Write(ref, image(t))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return server, "oci://" + url
}

func TestFetchFromARegistry(t *testing.T) {
	server, url := pushed(t, "1.18.2", "1.20.2")
	f := &Fetcher{Cache: t.TempDir(), Places: []Source{}}
	byTag, err := f.Fetch(t.Context(), Source{URL: url, Tag: "1.20.2", Insecure: true})
	if err != nil || byTag.Chart.Metadata.Version != "1.20.2" || !strings.HasPrefix(byTag.Digest, "sha256:") || !strings.HasSuffix(byTag.From, byTag.Digest) {
		t.Fatalf("%+v, %v", byTag, err)
	}
	for name, s := range map[string]Source{
		"a range":  {Version: "~1.20.0"},
		"a digest": {Digest: byTag.Digest, Tag: "not there"},
	} {
		s.URL, s.Insecure = url, true
		if got, err := f.Fetch(t.Context(), s); err != nil || got.Digest != byTag.Digest {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if kept, _ := filepath.Glob(filepath.Join(f.Cache, "*.tgz")); len(kept) != 1 {
		t.Errorf("the cache has %v", kept)
	}
	for name, s := range map[string]Source{"a tag": {Tag: "1.17.0"}, "a range": {Version: ">=2"}} {
		s.URL, s.Insecure = url, true
		if _, err := f.Fetch(t.Context(), s); !errors.Is(err, ErrNoChart) || !strings.Contains(err.Error(), "it has 1.18.2, 1.20.2; point the source") {
			t.Errorf("%s that is not there: %v", name, err)
		}
	}
	server.Close()
	if _, err := f.Fetch(t.Context(), Source{URL: url, Tag: "1.20.2", Insecure: true}); !errors.Is(err, ErrUnreachable) {
		t.Errorf("a registry that is down: %v", err)
	}
}

func TestFetchFromARepository(t *testing.T) {
	text := archive(t)
	sum := hexSum(text)
	var index string
	mux := http.NewServeMux()
	mux.HandleFunc("/index.yaml", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, index) })
	mux.HandleFunc("/c.tgz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(text) })
	server := httptest.NewServer(mux)
	defer server.Close()
	index = fmt.Sprintf("entries: {cilium: [{version: 1.18.2, urls: [gone.tgz]}, {version: 1.20.2, urls: [c.tgz], digest: %s}]}", sum)
	f := &Fetcher{Cache: t.TempDir(), Places: []Source{}}
	if got, err := f.Fetch(t.Context(), Source{URL: server.URL, Chart: "cilium", Version: "1.20.x"}); err != nil || got.Digest != "" || got.Chart.Name() != "cilium" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := f.Fetch(t.Context(), Source{URL: server.URL, Chart: "cilium", Version: "1.18.2"}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("an archive that is gone: %v", err)
	}
	if _, err := f.Fetch(t.Context(), Source{URL: server.URL, Chart: "cilium", Version: "1.99.0"}); !errors.Is(err, ErrNoChart) {
		t.Errorf("a version that is not there: %v", err)
	}
	text = append(bytes.Clone(text), 0)
	if _, err := (&Fetcher{Places: []Source{}}).Fetch(t.Context(), Source{URL: server.URL, Chart: "cilium"}); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), "sha256") {
		t.Errorf("an archive that was changed: %v", err)
	}
}

func TestFetchFromAPath(t *testing.T) {
	f := &Fetcher{}
	if got, err := f.Fetch(t.Context(), Source{Kind: "path", URL: "testdata/cilium"}); err != nil || got.Chart.Name() != "cilium" {
		t.Errorf("%+v, %v", got, err)
	}
	for _, s := range []Source{{Kind: "path", URL: "testdata/none"}, {Kind: "Bucket", URL: "s3://x"}} {
		if _, err := f.Fetch(t.Context(), s); err == nil {
			t.Errorf("%v: no error", s)
		}
	}
}
