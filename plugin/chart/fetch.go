package chart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	helmchart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// maxChart bounds a packed chart, in bytes. Cilium's is about 200 KiB.
const maxChart = 16 << 20

// Source is where a chart's bytes come from.
type Source struct {
	Kind     string // OCIRepository | HelmRepository | path | release
	URL      string // "oci://registry.example.org/charts/cilium", "https://helm.cilium.io/", or a path
	Chart    string // the chart's name, where URL has many
	Version  string // a version or a range; empty: Tag or Digest say it
	Tag      string
	Digest   string // "sha256:.." of the manifest
	Insecure bool
	Suffix   bool // Flux adds the digest to the chart's version
}

// Fetched is a chart and where it came from.
type Fetched struct {
	Chart  *helmchart.Chart
	From   string // "oci://registry.example.org/charts/cilium:1.18.2@sha256:.."
	Digest string // of the OCI manifest; empty elsewhere
}

// ErrNoChart is the error of a chart that is not where it is looked for.
var ErrNoChart = errors.New("there is no such chart")

// Fetcher fetches charts, each once.
type Fetcher struct {
	Cache  string // folder of packed charts by digest; empty: none is kept
	Client *http.Client
}

// Fetch fetches a chart. What is asked for by digest and was fetched before is not fetched again.
func (f *Fetcher) Fetch(ctx context.Context, s Source) (*Fetched, error) {
	switch {
	case s.Kind == "path":
		return fromPath(s.URL)
	case strings.HasPrefix(s.URL, "oci://"):
		return f.fromRegistry(ctx, s)
	case strings.HasPrefix(s.URL, "https://"), strings.HasPrefix(s.URL, "http://"):
		return f.fromIndex(ctx, s)
	}
	return nil, fmt.Errorf("fetch the chart: %s %q is no place that can be fetched from", s.Kind, s.URL)
}

// fromPath reads a chart's folder or archive.
func fromPath(path string) (*Fetched, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("read the chart: %w", err)
	}
	var c *helmchart.Chart
	if info.IsDir() {
		c, err = loader.LoadDir(path)
	} else {
		c, err = loader.LoadFile(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the chart %s: %w", path, err)
	}
	return &Fetched{Chart: c, From: path}, nil
}

func unpack(packed []byte, from, digest string) (*Fetched, error) {
	c, err := loader.LoadArchive(bytes.NewReader(packed))
	if err != nil {
		return nil, fmt.Errorf("read the chart %s: %w", from, err)
	}
	return &Fetched{Chart: c, From: from, Digest: digest}, nil
}
