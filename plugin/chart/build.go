package chart

import (
	"fmt"
	"path"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/fluxcd/pkg/runtime/transform"
	"sigs.k8s.io/yaml"
)

// Build is what source-controller makes of a chart that it has fetched for a HelmChart.
type Build struct {
	Values        []string // files that take the place of the chart's own values, the later ones over the earlier ones
	IgnoreMissing bool
	Metadata      string // behind the version's plus
}

// apply changes the chart's values and version. Both are the chart's own where nothing else is said.
func (b Build) apply(f *Fetched) error {
	c := f.Chart
	if len(b.Values) > 0 {
		merged, err := b.values(f)
		if err != nil {
			return fmt.Errorf("read the chart's values files: %w", err)
		}
		c.Values = merged
	}
	if b.Metadata == "" || c.Metadata == nil {
		return nil
	}
	version, err := semver.NewVersion(c.Metadata.Version)
	if err != nil {
		return fmt.Errorf("read the chart's version %q: %w", c.Metadata.Version, err)
	}
	made, err := version.SetMetadata(b.Metadata)
	if err != nil {
		return fmt.Errorf("add %q to the chart's version: %w", b.Metadata, err)
	}
	c.Metadata.Version = made.String()
	return nil
}

func (b Build) values(f *Fetched) (map[string]any, error) {
	merged := map[string]any{}
	for _, name := range b.Values {
		text, ok := f.file(name)
		if !ok && b.IgnoreMissing {
			continue
		}
		if !ok {
			return nil, fmt.Errorf("there is no file %s", name)
		}
		var t map[string]any
		if err := yaml.Unmarshal(text, &t); err != nil {
			return nil, fmt.Errorf("%s is not YAML of values", name)
		}
		merged = transform.MergeMaps(merged, t)
	}
	return merged, nil
}

// file is one of a tree's, or of the chart's own.
func (f *Fetched) file(name string) ([]byte, bool) {
	if f.files != nil {
		text, ok := f.files[name]
		return text, ok
	}
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	for _, own := range f.Chart.Raw {
		if own.Name == name {
			return own.Data, true
		}
	}
	return nil, false
}

func (b Build) none() bool { return len(b.Values) == 0 && b.Metadata == "" }
