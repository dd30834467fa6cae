package repo

import (
	"fmt"
	"path"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// chart is where a HelmRelease takes its chart from, followed to the source's object where the tree has it.
func (w *walk) chart(o *Object) facts.GitChart {
	ref, chart := manifest.Get(o.Body, "spec", "chartRef"), manifest.Get(o.Body, "spec", "chart")
	switch {
	case ref != nil && chart == nil:
		return w.chartRef(o, ref)
	case chart != nil && ref == nil:
		return w.chartTemplate(o, manifest.Get(chart, "spec"))
	}
	return facts.GitChart{}
}

func (w *walk) chartRef(o *Object, ref any) facts.GitChart {
	c := facts.GitChart{By: "chartRef", Kind: manifest.Text(ref, "kind"), SourceName: manifest.Text(ref, "name")}
	c.SourceNamespace = or(manifest.Text(ref, "namespace"), o.Namespace)
	source := w.objects[id{c.Kind, c.SourceNamespace, c.SourceName}]
	if source == nil {
		return c
	}
	s := gitSource(source)
	c.Source = &s
	switch c.Kind {
	case "OCIRepository":
		c.Name = path.Base(s.URL)
		c.Version, c.VersionFrom = ociVersion(s)
	case "HelmChart":
		c.Name, c.Version, c.VersionFrom = s.Chart, s.Version, "spec.version"
	}
	return c
}

func (w *walk) chartTemplate(o *Object, spec any) facts.GitChart {
	c := facts.GitChart{
		By: "chart", Kind: manifest.Text(spec, "sourceRef", "kind"), Name: manifest.Text(spec, "chart"),
		Version: scalarText(manifest.Get(spec, "version")), VersionFrom: "chart.spec.version",
		SourceName:      manifest.Text(spec, "sourceRef", "name"),
		SourceNamespace: or(manifest.Text(spec, "sourceRef", "namespace"), o.Namespace),
	}
	if c.Version == "" {
		c.VersionFrom = ""
	}
	if source := w.objects[id{c.Kind, c.SourceNamespace, c.SourceName}]; source != nil {
		s := gitSource(source)
		c.Source = &s
	}
	return c
}

// ociVersion is what decides which artifact is pulled: digest before semver before tag.
func ociVersion(s facts.GitSource) (version, from string) {
	switch {
	case s.Digest != "":
		return s.Digest, "ref.digest"
	case s.SemVer != "":
		return s.SemVer, "ref.semver"
	case s.Tag != "":
		return s.Tag, "ref.tag"
	}
	return "", ""
}

// gitSource are the facts of an object that artifacts are fetched by.
func gitSource(o *Object) facts.GitSource {
	s := manifest.Get(o.Body, "spec")
	suspend, _ := manifest.Get(s, "suspend").(bool)
	return facts.GitSource{
		GitPlace: o.GitPlace, APIVersion: o.APIVersion, Kind: o.Kind, Namespace: o.Namespace, Name: o.Name, By: o.By,
		URL: manifest.Text(s, "url"), Type: manifest.Text(s, "type"),
		Tag: scalarText(manifest.Get(s, "ref", "tag")), SemVer: scalarText(manifest.Get(s, "ref", "semver")),
		Digest: manifest.Text(s, "ref", "digest"), Branch: scalarText(manifest.Get(s, "ref", "branch")),
		MediaType: manifest.Text(s, "layerSelector", "mediaType"), Operation: manifest.Text(s, "layerSelector", "operation"),
		Verify: manifest.Text(s, "verify", "provider"), Interval: manifest.Text(s, "interval"), Suspend: suspend,
		Chart: manifest.Text(s, "chart"), Version: scalarText(manifest.Get(s, "version")),
	}
}

// isCilium tells whether a HelmRelease's chart is Cilium's, by its name.
func isCilium(c facts.GitChart) bool {
	return c.Name == "cilium" || c.Source != nil && strings.HasSuffix(c.Source.URL, "/cilium/charts/cilium") ||
		c.Source != nil && c.Source.Kind == "OCIRepository" && path.Base(c.Source.URL) == "cilium"
}

// scalarText is a scalar as one would write it: a version may have become a number.
func scalarText(v any) string {
	switch v := v.(type) {
	case nil, map[string]any, []any:
		return ""
	case string:
		return v
	default:
		return fmt.Sprint(v)
	}
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
