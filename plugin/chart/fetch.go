package chart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	helmchart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// maxChart bounds a packed chart, in bytes. Cilium's is about 200 KiB.
const maxChart = 16 << 20

// Source is where a chart's bytes come from.
type Source struct {
	Kind     string // OCIRepository | HelmRepository | HelmChart | GitRepository | Bucket | ExternalArtifact | path
	URL      string // "oci://registry.example.org/charts/cilium", "https://helm.cilium.io/", an artifact's, or a path
	Chart    string // the chart's name, where URL has many
	Version  string // a version or a range; empty: Tag or Digest say it
	Filter   string // a regular expression that a tag must match for the range to be looked at
	Tag      string
	Digest   string // "sha256:..": of the manifest, or of an artifact's file
	Insecure bool
	Suffix   bool // Flux adds the digest to the chart's version

	Access Access
	Verify *Verification // nil: no signature is asked for

	Artifact *Artifact // where source-controller serves it; nil: URL is upstream's
	Build    Build
}

// Fetched is a chart and where it came from.
type Fetched struct {
	Chart  *helmchart.Chart
	From   string // "oci://registry.example.org/charts/cilium:1.18.2@sha256:.."
	Digest string // of the OCI manifest; empty elsewhere

	archive    string            // "sha256:..": of the packed chart as it came; empty of a folder or of a tree
	unverified string            // why its signature could not be verified; empty: it was, or none is asked for
	files      map[string][]byte // of the tree that the chart is in; nil: there is none
}

var (
	// ErrNoChart is the error of a chart that is not where it is looked for.
	ErrNoChart = errors.New("there is no such chart")
	// ErrRefused is the error of a chart whose signature or whose sum is not what the source asks for.
	ErrRefused = errors.New("the chart is refused")
	// ErrUnreachable is the error of a place that gave no answer.
	ErrUnreachable = errors.New("cannot be reached from here")
)

// Fetcher fetches charts, each once.
type Fetcher struct {
	Cache string // folder of packed charts by digest; empty: none is kept
	// Roots are certificates in PEM that are trusted besides the system's; nil: none.
	Roots []byte
	// Places are asked for a version that is not where it is looked for; nil: where Cilium publishes its chart.
	Places []Source
	// Tell is told how many bytes of how many have come, where that is known beforehand; nil: nobody is.
	Tell func(done, total int64)
}

// Fetch fetches a chart. What is asked for by digest and was fetched before is not fetched again. It takes at most half
// of the time that ctx has left, so that a place which gives no answer leaves time to go on without it.
func (f *Fetcher) Fetch(ctx context.Context, s Source) (*Fetched, error) {
	if s.Kind == "path" {
		return fromPath(s.URL)
	}
	within, cancel := half(ctx)
	defer cancel()
	fetched, err := f.from(within, s)
	if errors.Is(err, ErrNoChart) {
		err = f.elsewhere(ctx, s, err)
	}
	if err != nil {
		return nil, s.Access.explain(err)
	}
	return fetched, nil
}

func half(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, time.Until(deadline)/2)
}

func (f *Fetcher) from(ctx context.Context, s Source) (*Fetched, error) {
	fetch := f.fromIndex
	switch {
	case s.Artifact != nil:
		fetch = f.fromArtifact
	case strings.HasPrefix(s.URL, "oci://"):
		fetch = f.fromRegistry
	case !strings.HasPrefix(s.URL, "https://") && !strings.HasPrefix(s.URL, "http://"):
		return nil, fmt.Errorf("fetch the chart: %s %q is no place that can be fetched from; name a chart with --chart", s.Kind, s.URL)
	}
	t, err := s.Access.transport(f.Roots, s.Insecure)
	if err != nil {
		return nil, fmt.Errorf("fetch the chart %s: %w", s.URL, err)
	}
	defer t.CloseIdleConnections()
	fetched, err := fetch(ctx, t, s)
	if err != nil {
		return nil, err
	}
	return fetched, s.Build.apply(fetched)
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
	return &Fetched{Chart: c, From: from, Digest: digest, archive: "sha256:" + hexSum(packed)}, nil
}
