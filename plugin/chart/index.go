package chart

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"sigs.k8s.io/yaml"
)

// maxIndex bounds a repository's index, in bytes. Cilium's is about 1 MiB.
const maxIndex = 64 << 20

// entry is one version of a chart in a repository's index.
type entry struct {
	Version string   `json:"version"`
	URLs    []string `json:"urls"`
	Digest  string   `json:"digest"` // sha256 of the archive, hex
}

// fromIndex fetches from a classic Helm repository.
func (f *Fetcher) fromIndex(ctx context.Context, s Source) (*Fetched, error) {
	base := strings.TrimSuffix(s.URL, "/") + "/"
	text, err := f.download(ctx, base+"index.yaml", maxIndex)
	if err != nil {
		return nil, fmt.Errorf("fetch the repository's index: %w", err)
	}
	var index struct {
		Entries map[string][]entry `json:"entries"`
	}
	if err := yaml.Unmarshal(text, &index); err != nil {
		return nil, fmt.Errorf("read the index of %s: it is not YAML", s.URL)
	}
	found, err := pickEntry(index.Entries[s.Chart], s.Version)
	if err != nil {
		return nil, fmt.Errorf("fetch the chart %s from %s: %w", s.Chart, s.URL, err)
	}
	where, err := url.Parse(base)
	if err == nil {
		where, err = where.Parse(found.URLs[0])
	}
	if err != nil {
		return nil, fmt.Errorf("fetch the chart %s from %s: its address is none", s.Chart, s.URL)
	}
	digest := strings.TrimPrefix(found.Digest, "sha256:")
	packed, err := f.cached(digest, func() (io.ReadCloser, error) { return f.open(ctx, where.String()) })
	if err != nil {
		return nil, fmt.Errorf("fetch the chart %s: %w", where, err)
	}
	if digest != "" && hexSum(packed) != digest {
		return nil, fmt.Errorf("fetch the chart %s: it is not what the index says (sha256)", where)
	}
	return unpack(packed, where.String(), "")
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

func (f *Fetcher) download(ctx context.Context, where string, limit int64) ([]byte, error) {
	body, err := f.open(ctx, where)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s is larger than %d MiB", where, limit>>20)
	}
	return text, err
}

func (f *Fetcher) open(ctx context.Context, where string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return nil, err
	}
	client := f.Client
	if client == nil {
		client = http.DefaultClient
	}
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		answer.Body.Close()
		return nil, fmt.Errorf("%s answers %s", where, answer.Status)
	}
	return answer.Body, nil
}

func hexSum(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
