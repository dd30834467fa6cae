package chart

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	securejoin "github.com/cyphar/filepath-securejoin"
	"github.com/fluxcd/pkg/apis/meta"
	"github.com/fluxcd/pkg/tar"
	helmchart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
)

// maxTree bounds a packed tree, and maxUnpacked what it inflates to, in bytes.
const (
	maxTree     = 64 << 20
	maxUnpacked = 256 << 20
)

// dialFor bounds how long a connection to source-controller may take: from outside of the cluster, there often is none.
const dialFor = 3 * time.Second

// Artifact is a file that source-controller serves.
type Artifact struct {
	Owner    string // "GitRepository flux-system/flux-system"
	Revision string // "main@sha1:.."
	Tree     bool   // a tree, with the chart at Path; else a packed chart
	Path     string
	// Through asks the API server to pass a request on to a Service; nil: it is not asked.
	Through func(ctx context.Context, namespace, service, path string) (io.ReadCloser, error)
}

// served is a source's artifact as a place.
func served(kind, owner string, from *meta.Artifact) Source {
	return Source{
		Kind: kind, URL: from.URL, Digest: from.Digest, Artifact: &Artifact{Owner: owner, Revision: from.Revision},
	}
}

// fromArtifact fetches what source-controller has made of a source: from its address, and where that is one of the
// cluster's own, through the API server.
func (f *Fetcher) fromArtifact(ctx context.Context, t *http.Transport, s Source) (*Fetched, error) {
	a := s.Artifact
	from := a.Owner + " at " + a.Revision
	algorithm, hex, _ := strings.Cut(s.Digest, ":")
	if algorithm != "sha256" {
		return nil, fmt.Errorf("fetch the chart of %s: its digest is of %q, not sha256; name the chart with --chart", from, algorithm)
	}
	b := blob{digest: hex, limit: maxChart, open: func(ctx context.Context) (io.ReadCloser, int64, error) { return a.open(ctx, t, s) }}
	if a.Tree {
		b.limit, b.tree = maxTree, true
	}
	packed, err := f.read(ctx, b)
	if err != nil {
		return nil, fmt.Errorf("fetch the chart of %s: %w", from, err)
	}
	if !a.Tree {
		return unpack(packed, from, s.suffix())
	}
	fetched, err := ofTree(packed, a.Path, s.Build.Values)
	if err != nil {
		return nil, fmt.Errorf("read the chart %s of %s: %w", a.Path, from, err)
	}
	fetched.From = from + ", " + a.Path
	return fetched, nil
}

// suffix is the digest that helm-controller adds to the version of an ExternalArtifact: of its revision, not of its file.
func (s Source) suffix() string {
	if at := strings.LastIndex(s.Artifact.Revision, "@"); s.Suffix && at >= 0 {
		return s.Artifact.Revision[at+1:]
	}
	return ""
}

func (a *Artifact) open(ctx context.Context, t *http.Transport, s Source) (io.ReadCloser, int64, error) {
	where, err := url.Parse(s.URL)
	if err != nil {
		return nil, 0, errors.New("its address is none")
	}
	namespace, service, inside := clusterService(where.Hostname())
	if inside {
		t.DialContext = (&net.Dialer{Timeout: dialFor}).DialContext
	}
	body, size, direct := opener(t, s.URL, s.Access)(ctx)
	if direct == nil {
		return body, size, nil
	}
	direct = worded(direct)
	if !inside {
		return nil, 0, fmt.Errorf("%s: %w; name the chart with --chart", where.Host, direct)
	}
	err = errors.New("it was not asked")
	if a.Through != nil {
		if body, err = a.Through(ctx, namespace, service, where.Path); err == nil {
			return body, 0, nil
		}
	}
	return nil, 0, fmt.Errorf(
		"%w: source-controller serves it inside of the cluster only, and the API server does not pass it on (get services/proxy): %w; fetch it"+
			" (kubectl -n %s port-forward svc/%s 8080:80, then curl -O http://127.0.0.1:8080%s) and name the chart with --chart DIR|ARCHIVE",
		ErrUnreachable, err, namespace, service, where.Path)
}

// clusterService takes a name of the cluster's DNS apart.
func clusterService(host string) (namespace, service string, ok bool) {
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	switch {
	case len(labels) >= 3 && labels[2] == "svc":
		return labels[1], labels[0], true
	case len(labels) == 2 && !strings.Contains(host, ":"):
		return labels[1], labels[0], true // source-controller.flux-system
	}
	return "", "", false
}

// ofTree is the chart at a path of a packed tree, a folder or an archive, and those of the tree's files.
func ofTree(packed []byte, at string, files []string) (*Fetched, error) {
	dir, err := os.MkdirTemp("", "cilium-gitops-chart-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := tar.Untar(bytes.NewReader(packed), dir, tar.WithMaxUntarSize(maxUnpacked), tar.WithSkipSymlinks()); err != nil {
		return nil, fmt.Errorf("unpack the artifact: %w", err)
	}
	full, err := securejoin.SecureJoin(dir, filepath.FromSlash(at))
	if err != nil {
		return nil, err
	}
	c, err := loader.Load(full)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%w at that path", ErrNoChart)
	}
	if err != nil {
		return nil, errors.New(strings.ReplaceAll(err.Error(), dir, ""))
	}
	out := &Fetched{Chart: c, files: map[string][]byte{}}
	for _, name := range files {
		full, err := securejoin.SecureJoin(dir, filepath.FromSlash(name))
		if err != nil {
			return nil, err
		}
		if text, err := os.ReadFile(full); err == nil {
			out.files[name] = text
		}
	}
	return out, complete(c)
}

// complete refuses a chart whose dependencies are elsewhere: source-controller would fetch them, too.
func complete(c *helmchart.Chart) error {
	have := map[string]bool{}
	for _, d := range c.Dependencies() {
		have[d.Name()] = true
	}
	for _, d := range c.Metadata.Dependencies {
		if !have[d.Name] {
			return fmt.Errorf("its dependency %s is not in it; name the chart, with all that it needs, with --chart", d.Name)
		}
	}
	return nil
}
