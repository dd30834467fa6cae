package chart

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// elsewhereFor bounds how long other places are asked for a version.
const elsewhereFor = 5 * time.Second

// published is where Cilium's charts are: every version in the repository, those since about 1.19 in the registry.
func published() []Source {
	return []Source{
		{Kind: "HelmRepository", URL: "https://helm.cilium.io/", Chart: "cilium"},
		{Kind: "OCIRepository", URL: "oci://quay.io/cilium/charts/cilium", Chart: "cilium"},
	}
}

// elsewhere adds to the error of a version that is not where it was looked for what is there, and where it is.
func (f *Fetcher) elsewhere(ctx context.Context, s Source, err error) error {
	wanted := cmp.Or(s.Version, s.Tag)
	if wanted == "" || s.Digest != "" {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, elsewhereFor)
	defer cancel()
	places := f.Places
	if places == nil {
		places = published()
	}
	places = slices.DeleteFunc(slices.Clone(places), func(p Source) bool { return folder(p.URL) == folder(s.URL) })
	said := make([]string, 1+len(places))
	var wg sync.WaitGroup
	wg.Go(func() {
		if all, err := f.versions(ctx, s); err == nil && len(all) > 0 {
			said[0] = "it has " + strings.Join(nearest(all, wanted), ", ")
		}
	})
	for i, p := range places {
		wg.Go(func() { said[i+1] = p.URL + " " + f.has(ctx, p, wanted) })
	}
	wg.Wait()
	said = slices.DeleteFunc(said, func(one string) bool { return one == "" })
	return fmt.Errorf("%w: %s; point the source to where it is, or name a chart with --chart", err, strings.Join(said, "; "))
}

// has says whether a place has a version.
func (f *Fetcher) has(ctx context.Context, p Source, wanted string) string {
	all, err := f.versions(ctx, p)
	switch {
	case errors.Is(err, ErrNoChart):
		return "has no such chart"
	case err != nil:
		return "could not be asked: " + err.Error()
	}
	if version, err := newest(all, wanted); err == nil && version != wanted {
		return "has it (" + version + ")"
	} else if err == nil {
		return "has it"
	}
	return "has it not"
}

// versions are a place's.
func (f *Fetcher) versions(ctx context.Context, s Source) ([]string, error) {
	t, err := s.Access.transport(f.Roots, s.Insecure)
	if err != nil {
		return nil, err
	}
	defer t.CloseIdleConnections()
	if strings.HasPrefix(s.URL, "oci://") {
		repo, err := repository(s)
		if err != nil {
			return nil, err
		}
		tags, err := remote.List(repo, remotely(ctx, t, s)...)
		if err != nil {
			return nil, worded(err)
		}
		return tags, nil
	}
	entries, err := f.index(ctx, t, s)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Version)
	}
	return all, nil
}

// shown is how many versions are named.
const shown = 5

// nearest are those versions that are next to a wanted one, and the last ones where it is no version.
func nearest(all []string, wanted string) []string {
	var versions []*semver.Version
	for _, one := range all {
		if v, err := semver.NewVersion(strings.ReplaceAll(one, "_", "+")); err == nil {
			versions = append(versions, v)
		}
	}
	if len(versions) == 0 {
		return []string{fmt.Sprintf("%d tags, none of which is a version", len(all))}
	}
	slices.SortFunc(versions, (*semver.Version).Compare)
	at := len(versions)
	if v, err := semver.NewVersion(wanted); err == nil {
		at, _ = slices.BinarySearchFunc(versions, v, (*semver.Version).Compare)
	}
	from := max(0, min(at-shown/2, len(versions)-shown))
	var out []string
	for _, v := range versions[from:min(from+shown, len(versions))] {
		out = append(out, v.Original())
	}
	return out
}
