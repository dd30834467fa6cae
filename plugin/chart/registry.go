package chart

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// chartLayer is the media type of a chart in a registry.
const chartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

// fromRegistry fetches from an OCI registry, with the credentials that docker and helm have.
func (f *Fetcher) fromRegistry(ctx context.Context, s Source) (*Fetched, error) {
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	ref, err := reference(s, options)
	if err != nil {
		return nil, fmt.Errorf("fetch the chart %s: %w", s.URL, err)
	}
	found, err := remote.Get(ref, options...)
	if err != nil {
		return nil, fmt.Errorf("fetch the chart oci://%s: %w", ref.Name(), worded(err))
	}
	from := "oci://" + ref.Name()
	if _, byDigest := ref.(name.Digest); !byDigest {
		from += "@" + found.Digest.String()
	}
	image, err := found.Image()
	if err != nil {
		return nil, fmt.Errorf("fetch the chart %s: %w", from, err)
	}
	packed, err := f.layer(image)
	if err != nil {
		return nil, fmt.Errorf("fetch the chart %s: %w", from, err)
	}
	return unpack(packed, from, found.Digest.String())
}

// reference is what to ask a registry for: a digest before a range before a tag, as source-controller has it.
func reference(s Source, options []remote.Option) (name.Reference, error) {
	var how []name.Option
	if s.Insecure {
		how = append(how, name.Insecure)
	}
	repo, err := name.NewRepository(strings.TrimPrefix(s.URL, "oci://"), how...)
	switch {
	case err != nil:
		return nil, err
	case s.Digest != "":
		return repo.Digest(s.Digest), nil
	case s.Version != "":
		tags, err := remote.List(repo, options...)
		if err != nil {
			return nil, worded(err)
		}
		tag, err := newest(tags, s.Version)
		if err != nil {
			return nil, err
		}
		return repo.Tag(tag), nil
	case s.Tag != "":
		return repo.Tag(s.Tag), nil
	}
	return repo.Tag("latest"), nil
}

// newest is the highest of versions that is in a range.
func newest(versions []string, wanted string) (string, error) {
	constraint, err := semver.NewConstraint(wanted)
	if err != nil {
		return "", fmt.Errorf("version %q: %w", wanted, err)
	}
	best, text := (*semver.Version)(nil), ""
	for _, candidate := range versions {
		v, err := semver.NewVersion(candidate)
		if err == nil && constraint.Check(v) && (best == nil || v.GreaterThan(best)) {
			best, text = v, candidate
		}
	}
	if best == nil {
		return "", fmt.Errorf("%w: none of its %d versions is %s; https://helm.cilium.io has every version", ErrNoChart, len(versions), wanted)
	}
	return text, nil
}

// worded says of a registry's refusal what it means.
func worded(err error) error {
	var refused *transport.Error
	if !errors.As(err, &refused) {
		return err
	}
	switch refused.StatusCode {
	case http.StatusNotFound:
		return fmt.Errorf("%w in the registry (404); https://helm.cilium.io has every version", ErrNoChart)
	case http.StatusUnauthorized, http.StatusForbidden:
		return fmt.Errorf("the registry refuses (%d): log in with helm registry login or docker login", refused.StatusCode)
	}
	return fmt.Errorf("the registry answers %d", refused.StatusCode)
}

// layer is the packed chart of an image, from the cache where it has it.
func (f *Fetcher) layer(image v1.Image) ([]byte, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, err
	}
	for _, l := range layers {
		if t, err := l.MediaType(); err != nil || t != chartLayer {
			continue
		}
		digest, err := l.Digest()
		if err != nil {
			return nil, err
		}
		return f.cached(digest.Hex, func() (io.ReadCloser, error) { return l.Compressed() })
	}
	return nil, fmt.Errorf("%w: it holds no Helm chart", ErrNoChart)
}

// cached reads what has a digest, and keeps it.
func (f *Fetcher) cached(digest string, open func() (io.ReadCloser, error)) ([]byte, error) {
	file := filepath.Join(f.Cache, digest+".tgz")
	if f.Cache != "" {
		if packed, err := os.ReadFile(file); err == nil && hexSum(packed) == digest {
			return packed, nil
		}
	}
	stream, err := open()
	if err != nil {
		return nil, worded(err)
	}
	defer stream.Close()
	packed, err := io.ReadAll(io.LimitReader(stream, maxChart+1))
	switch {
	case err != nil:
		return nil, err
	case len(packed) > maxChart:
		return nil, fmt.Errorf("it is larger than %d MiB", maxChart>>20)
	}
	f.keep(file, packed)
	return packed, nil
}

// keep writes a chart to the cache; a cache that cannot be written is no cache, and no error.
func (f *Fetcher) keep(file string, packed []byte) {
	if f.Cache == "" || os.MkdirAll(f.Cache, 0o700) != nil {
		return
	}
	temp, err := os.CreateTemp(f.Cache, ".chart-*")
	if err != nil {
		return
	}
	_, err = temp.Write(packed)
	if err = errors.Join(err, temp.Close()); err == nil {
		err = os.Rename(temp.Name(), file)
	}
	if err != nil {
		_ = os.Remove(temp.Name())
	}
}
