package chart

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"sigs.k8s.io/yaml"
)

// maxIndex bounds a repository's index, in bytes. Cilium's is about 1 MiB.
const maxIndex = 32 << 20

// entry is one version of a chart in a repository's index.
type entry struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls"`
	Digest  string   `json:"digest"` // sha256 of the archive, hex
}

// fromIndex fetches from a classic Helm repository.
func (f *Fetcher) fromIndex(ctx context.Context, t *http.Transport, s Source) (*Fetched, error) {
	all, err := f.index(ctx, t, s)
	if err != nil {
		return nil, fmt.Errorf("fetch the chart %s from %s: %w", s.Chart, s.URL, err)
	}
	found, err := pickEntry(all, s.Version)
	if err != nil {
		return nil, fmt.Errorf("fetch the chart %s from %s: %w", s.Chart, s.URL, err)
	}
	where, err := url.Parse(folder(s.URL))
	if err == nil {
		where, err = where.Parse(found.URLs[0])
	}
	if err != nil {
		return nil, fmt.Errorf("fetch the chart %s from %s: the index gives it an address that is none", s.Chart, s.URL)
	}
	packed, err := f.read(ctx, blob{
		digest: strings.TrimPrefix(found.Digest, "sha256:"), limit: maxChart, open: opener(t, where.String(), s.Access),
	})
	if err != nil {
		return nil, fmt.Errorf("fetch the chart %s: %w", where.Redacted(), err)
	}
	return unpack(packed, where.Redacted(), "")
}

func folder(repository string) string { return strings.TrimSuffix(repository, "/") + "/" }

// index is a repository's entries of one chart.
func (f *Fetcher) index(ctx context.Context, t *http.Transport, s Source) ([]entry, error) {
	quiet := &Fetcher{} // the index is no chart: nobody is told how far it is
	text, err := quiet.download(ctx, blob{limit: maxIndex, open: opener(t, folder(s.URL)+"index.yaml", s.Access)})
	if err != nil {
		return nil, fmt.Errorf("read its index: %w", err)
	}
	var index struct {
		Entries map[string][]entry `json:"entries"`
	}
	if err := yaml.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("read its index: it is not YAML")
	}
	return index.Entries[s.Chart], nil
}

func pickEntry(all []entry, wanted string) (entry, error) {
	if wanted == "" {
		wanted = "*"
	}
	byVersion := map[string]entry{}
	var versions []string
	for _, e := range all {
		if len(e.URLs) > 0 {
			byVersion[e.Version] = e
			versions = append(versions, e.Version)
		}
	}
	version, err := newest(versions, wanted)
	return byVersion[version], err
}

// opener asks for a file over HTTP. Credentials go to the host that they are for, and to no other.
func opener(t http.RoundTripper, where string, a Access) func(context.Context) (io.ReadCloser, int64, error) {
	return func(ctx context.Context) (io.ReadCloser, int64, error) {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
		if err != nil {
			return nil, 0, err
		}
		plain := a.Encrypted && request.URL.Scheme != "https"
		if a.Username != "" && !plain && (a.Everywhere || request.URL.Host == a.Host) {
			request.SetBasicAuth(a.Username, a.Password)
		}
		answer, err := (&http.Client{Transport: t, CheckRedirect: encrypted}).Do(request)
		if err != nil {
			return nil, 0, err
		}
		if answer.StatusCode != http.StatusOK {
			answer.Body.Close()
			return nil, 0, &status{answer.StatusCode}
		}
		return answer.Body, answer.ContentLength, nil
	}
}

// encrypted follows up to ten redirects, and none from HTTPS to HTTP: credentials may go with it.
func encrypted(request *http.Request, via []*http.Request) error {
	switch {
	case len(via) >= 10:
		return errors.New("it redirects more than ten times")
	case via[0].URL.Scheme == "https" && request.URL.Scheme != "https":
		return errors.New("it redirects from HTTPS to " + request.URL.Scheme)
	}
	return nil
}

// status is an answer over HTTP that is not what was asked for.
type status struct{ code int }

func (s *status) Error() string { return fmt.Sprintf("it answers %d", s.code) }

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
