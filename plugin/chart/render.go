package chart

import (
	"errors"
	"fmt"
	"io"
	"log"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	helmchart "helm.sh/helm/v4/pkg/chart/v2"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// quiet keeps Helm from writing warnings, which quote values, to the process' log.
var quiet = sync.OnceFunc(func() { log.SetOutput(io.Discard) })

// input is all that decides what a chart renders to.
type input struct {
	chart     *helmchart.Chart
	values    values.Tree
	name      string // of the release
	namespace string
	revision  int // that it would be
	cluster   *cluster
	renderers []renderer // after Helm, in their order
}

// output is what came of it, with nothing masked.
type output struct {
	objects []facts.Object
	hooks   []facts.Hook
}

// ErrRender is the error of a chart that cannot be rendered with those values.
var ErrRender = errors.New("the chart cannot be rendered")

func (in input) render() (output, error) {
	quiet()
	caps, err := in.cluster.capabilities()
	if err != nil {
		return output{}, err
	}
	supplied := map[string]any(values.Coalesce(nil, nil))
	maps.Copy(supplied, in.values)
	if err := chartutil.ProcessDependencies(in.chart, supplied); err != nil {
		return output{}, fmt.Errorf("%w: %w", ErrRender, err)
	}
	top, err := util.ToRenderValues(in.chart, supplied, common.ReleaseOptions{
		Name: in.name, Namespace: in.namespace, Revision: in.revision,
		IsUpgrade: in.revision > 1, IsInstall: in.revision <= 1,
	}, caps)
	if err != nil {
		return output{}, fmt.Errorf("%w: %w", ErrRender, err)
	}
	files, err := in.execute(top)
	if err != nil {
		return output{}, fmt.Errorf("%w: %w", ErrRender, err)
	}
	return in.collect(files)
}

func (in input) execute(top common.Values) (map[string]string, error) {
	if in.cluster.resources == nil {
		return engine.Render(in.chart, top)
	}
	return engine.RenderWithClientProvider(in.chart, top, in.cluster)
}

// collect takes rendered files apart: notes and partials out, hooks aside, the rest through the post-renderers.
func (in input) collect(files map[string]string) (output, error) {
	for _, name := range slices.Collect(maps.Keys(files)) {
		if base := path.Base(name); base == "NOTES.txt" || strings.HasPrefix(base, "_") {
			delete(files, name)
		}
	}
	hooks, manifests, err := releaseutil.SortManifests(files, nil, releaseutil.InstallOrder)
	if err != nil {
		return output{}, fmt.Errorf("%w: %w", ErrRender, err)
	}
	var text strings.Builder
	for _, m := range manifests {
		text.WriteString("---\n" + m.Content + "\n")
	}
	rendered := text.String()
	for _, r := range in.renderers {
		if rendered, err = r(rendered); err != nil {
			return output{}, fmt.Errorf("%w: post-renderers: %w", ErrRender, err)
		}
	}
	var out output
	if out.objects, err = parse(rendered, in.namespace, in.cluster); err != nil {
		return output{}, fmt.Errorf("%w: %w", ErrRender, err)
	}
	out.hooks = in.hooks(hooks)
	return out, nil
}

// hooks are those that run at what Flux would do.
func (in input) hooks(all []*release.Hook) []facts.Hook {
	run := []release.HookEvent{release.HookPreUpgrade, release.HookPostUpgrade}
	if in.revision <= 1 {
		run = []release.HookEvent{release.HookPreInstall, release.HookPostInstall}
	}
	var out []facts.Hook
	for _, h := range all {
		hook := facts.Hook{Kind: h.Kind, Namespace: in.namespace, Name: h.Name}
		for _, e := range h.Events {
			if slices.Contains(run, e) {
				hook.Events = append(hook.Events, string(e))
			}
		}
		if len(hook.Events) > 0 {
			out = append(out, hook)
		}
	}
	return out
}
