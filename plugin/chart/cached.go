package chart

import (
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
)

// find is a chart of that name and version: the one that --chart names, or one that was fetched before. Whatever is
// behind the "+" of a version is Flux's.
func (o Offline) find(name, version string) (*Fetched, error) {
	version, _, _ = strings.Cut(version, "+")
	if o.Chart != "" {
		fetched, err := fromPath(o.Chart)
		if err != nil {
			return nil, err
		}
		if m := fetched.Chart.Metadata; m == nil || !sameVersion(m.Version, version) {
			return nil, fmt.Errorf("what the release has can be rendered from chart %s %s alone, and %s is another", name, version, o.Chart)
		}
		return fetched, nil
	}
	var found *Fetched
	_ = filepath.WalkDir(o.Cache, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || found != nil || !entry.Type().IsRegular() || filepath.Ext(path) != ".tgz" {
			return nil //nolint:nilerr // a cache that cannot be read has nothing
		}
		if c, err := fromPath(path); err == nil && c.Chart.Metadata != nil && c.Chart.Metadata.Name == name && sameVersion(c.Chart.Metadata.Version, version) {
			found = c
			found.From = fmt.Sprintf("%s %s, fetched before", name, version)
		}
		return nil
	})
	if found == nil {
		return nil, fmt.Errorf("find the chart: %s %s was not fetched before; name it with --chart", name, version)
	}
	return found, nil
}

func sameVersion(a, b string) bool {
	a, _, _ = strings.Cut(a, "+")
	return strings.TrimPrefix(a, "v") == strings.TrimPrefix(b, "v")
}
