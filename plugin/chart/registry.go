package chart

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// chartLayer is the media type of a chart in a registry.
const chartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"

// fromRegistry fetches from an OCI registry, with the source's credentials and else those that docker and helm have.
func (f *Fetcher) fromRegistry(ctx context.Context, t *http.Transport, s Source) (*Fetched, error) {
	options := remotely(ctx, t, s)
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
		return nil, fmt.Errorf("fetch the chart %s: %w", from, worded(err))
	}
	how, unverified, err := s.Verify.registry(ctx, f, ref.Context().Digest(found.Digest.String()), options)
	if err != nil {
		return nil, fmt.Errorf("verify the chart %s: %w", from, err)
	}
	packed, err := f.layer(ctx, image)
	if err != nil {
		return nil, fmt.Errorf("fetch the chart %s: %w", from, err)
	}
	if how != "" {
		from += ", " + how
	}
	fetched, err := unpack(packed, from, found.Digest.String())
	if fetched != nil {
		fetched.unverified = unverified
	}
	return fetched, err
}

func remotely(ctx context.Context, t *http.Transport, s Source) []remote.Option {
	return []remote.Option{remote.WithContext(ctx), remote.WithTransport(t), remote.WithAuthFromKeychain(s.Access.keychain())}
}

func repository(s Source) (name.Repository, error) {
	var how []name.Option
	if s.Insecure {
		how = append(how, name.Insecure)
	}
	return name.NewRepository(strings.TrimPrefix(s.URL, "oci://"), how...)
}

// reference is what to ask a registry for: a digest before a range before a tag, as source-controller has it.
func reference(s Source, options []remote.Option) (name.Reference, error) {
	repo, err := repository(s)
	switch {
	case err != nil:
		return nil, err
	case s.Digest != "":
		return repo.Digest(s.Digest), nil
	case s.Version != "":
		tag, err := tagOf(repo, s, options)
		if err != nil {
			return nil, err
		}
		return repo.Tag(tag), nil
	case s.Tag != "":
		return repo.Tag(s.Tag), nil
	}
	return repo.Tag("latest"), nil
}

// tagOf is the tag of a version, or the newest of a range. Where a version has a plus, its tag has a low line.
func tagOf(repo name.Repository, s Source, options []remote.Option) (string, error) {
	if _, err := semver.StrictNewVersion(s.Version); err == nil && s.Filter == "" {
		return strings.ReplaceAll(s.Version, "+", "_"), nil
	}
	only, err := regexp.Compile(s.Filter)
	if err != nil {
		return "", fmt.Errorf("the filter of its tags is no regular expression: %w", err)
	}
	tags, err := remote.List(repo, options...)
	if err != nil {
		return "", worded(err)
	}
	var versions []string
	for _, tag := range tags {
		if only.MatchString(tag) {
			versions = append(versions, strings.ReplaceAll(tag, "_", "+"))
		}
	}
	version, err := newest(versions, s.Version)
	return strings.ReplaceAll(version, "+", "_"), err
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
		return "", fmt.Errorf("%w: none of its %d versions is %s", ErrNoChart, len(versions), wanted)
	}
	return text, nil
}

// layer is the packed chart of an image, from the cache where it has it.
func (f *Fetcher) layer(ctx context.Context, image v1.Image) ([]byte, error) {
	layers, err := image.Layers()
	if err != nil {
		return nil, worded(err)
	}
	for _, l := range layers {
		if t, err := l.MediaType(); err != nil || t != chartLayer {
			continue
		}
		digest, err := l.Digest()
		if err != nil {
			return nil, err
		}
		return f.read(ctx, blob{digest: digest.Hex, limit: maxChart, open: func(context.Context) (io.ReadCloser, int64, error) {
			size, err := l.Size()
			if err != nil {
				return nil, 0, err
			}
			stream, err := l.Compressed()
			return stream, size, err
		}})
	}
	return nil, fmt.Errorf("%w: it holds no Helm chart", ErrNoChart)
}
