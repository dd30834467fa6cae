package compare

import (
	"slices"
	"strconv"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// view is one aspect of one cluster: what it has, by path.
type view struct {
	has map[string]any
	// parts says of the paths that need a part of their own which it is; "" is of all others.
	parts    func(path string) facts.Part
	facts    facts.Facts
	defaults values.Tree
}

// sees tells whether the cluster was looked at there: only then is what it lacks absent.
func (v view) sees(path string) bool {
	part := v.parts(path)
	return seen(v.facts, part)
}

func seen(f facts.Facts, part facts.Part) bool {
	if _, blind := f.Blind[part]; blind {
		return false
	}
	_, declined := f.Declined[part]
	return !declined && slices.Contains(f.Seen, part)
}

// get is what stands at path; where the cluster's values say nothing there, it is the chart's default.
func (v view) get(path string) (any, bool) {
	if value, ok := v.has[path]; ok {
		return value, true
	}
	if v.defaults == nil {
		return nil, false
	}
	value, ok := v.defaults.Lookup(values.Path(path))
	if _, isMap := value.(map[string]any); isMap || value == nil {
		return nil, false
	}
	return value, ok
}

// aspectRow is one aspect: what it needs, and how it looks at a cluster.
type aspectRow struct {
	needs []facts.Part
	look  func(facts.Facts) map[string]any
	parts func(path string) facts.Part // nil: all paths need the first part
}

// aspectRows are all aspects: a new one is a row here and a function.
func aspectRows() map[Aspect]aspectRow {
	return map[Aspect]aspectRow{
		Settings: {needs: []facts.Part{facts.Settings}, look: settingsOf},
		Values:   {needs: []facts.Part{facts.Release, facts.Releases}, look: valuesOf},
		Versions: {
			needs: []facts.Part{facts.Release, facts.Releases, facts.DaemonSets, facts.Deployments, facts.Agents, facts.Pods},
			look:  versionsOf, parts: versionPart,
		},
		Features: {
			needs: []facts.Part{facts.Release, facts.Releases, facts.Config, facts.Agents, facts.Pods, facts.GatewayClasses, facts.ServiceMonitors},
			look:  featuresOf, parts: featurePart,
		},
		Config: {needs: []facts.Part{facts.Config}, look: configOf},
		Objects: {
			needs: []facts.Part{
				facts.DaemonSets, facts.Deployments, facts.CRDs, facts.GatewayClasses, facts.Certificates, facts.Releases, facts.Nodes,
				facts.Agents, facts.Pods,
			},
			look: objectsOf, parts: objectPart,
		},
		Flux: {needs: []facts.Part{facts.HelmReleases, facts.Kustomizations}, look: fluxOf, parts: fluxPart},
	}
}

// Needs are the parts that aspects look at, in a fixed order.
func Needs(aspects []Aspect) []facts.Part {
	var parts []facts.Part
	rows := aspectRows()
	for _, a := range aspects {
		for _, part := range rows[a].needs {
			if !slices.Contains(parts, part) {
				parts = append(parts, part)
			}
		}
	}
	slices.Sort(parts)
	return parts
}

func lookAt(f facts.Facts, a Aspect) view {
	row := aspectRows()[a]
	v := view{facts: f, parts: row.parts}
	if v.parts == nil {
		v.parts = func(string) facts.Part { return row.needs[0] }
	}
	v.has = row.look(f)
	if a == Values && f.Live.Release != nil {
		v.defaults = f.Live.Release.Defaults
	}
	return v
}

func settingsOf(f facts.Facts) map[string]any { return dataOf(f.Live.Settings) }

func configOf(f facts.Facts) map[string]any { return dataOf(f.Live.Config) }

func dataOf(cm *facts.ConfigMap) map[string]any {
	out := map[string]any{}
	if cm == nil {
		return out
	}
	for key, text := range cm.Data {
		out[key] = text
	}
	return out
}

func valuesOf(f facts.Facts) map[string]any {
	out := map[string]any{}
	if f.Live.Release != nil {
		flatten("", map[string]any(f.Live.Release.Values), out)
	}
	return out
}

// flatten notes every value below path that is no map. Lists are told element by element only where they are of maps:
// a list of words is one thing.
func flatten(path values.Path, value any, out map[string]any) {
	switch v := value.(type) {
	case map[string]any:
		for key := range v {
			flatten(path.Child(key), v[key], out)
		}
		return
	case []any:
		if slices.ContainsFunc(v, func(x any) bool { _, ok := x.(map[string]any); return ok }) {
			for i := range v {
				flatten(path.Child(strconv.Itoa(i)), v[i], out)
			}
			return
		}
	}
	out[string(path)] = value
}

// plainVersion is a chart's version without the digest that Flux adds.
func plainVersion(version string) string {
	version, _, _ = strings.Cut(version, "+")
	return version
}
