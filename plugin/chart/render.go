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
	renderers renderers // after Helm
}

// output is what came of it, with nothing masked.
type output struct {
	objects []facts.Object
	hooks   []facts.Hook
	files   map[string]string // that it came from
}

// ErrRender is the error of a chart that cannot be rendered with those values.
var ErrRender = errors.New("the chart cannot be rendered")

func (in input) render() (output, error) {
	files, err := in.files(true)
	if err != nil {
		return output{}, err
	}
	return in.collect(files)
}

// files are the templates' output by name. The values are checked against the chart's schema unless they were.
func (in input) files(check bool) (map[string]string, error) {
	quiet()
	caps, err := in.cluster.capabilities()
	if err != nil {
		return nil, err
	}
	supplied := map[string]any(values.Coalesce(nil, nil))
	maps.Copy(supplied, in.values)
	if err := chartutil.ProcessDependencies(in.chart, supplied); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRender, err)
	}
	top, err := util.ToRenderValuesWithSchemaValidation(in.chart, supplied, common.ReleaseOptions{
		Name: in.name, Namespace: in.namespace, Revision: in.revision,
		IsUpgrade: in.revision > 1, IsInstall: in.revision <= 1,
	}, caps, !check)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRender, err)
	}
	functions := generators()
	if in.cluster.resources != nil {
		functions["lookup"] = in.cluster.lookup
	}
	files, err := engine.Engine{CustomTemplateFuncs: functions}.Render(in.chart, top)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrRender, err)
	}
	for _, name := range slices.Collect(maps.Keys(files)) {
		if base := path.Base(name); base == "NOTES.txt" || strings.HasPrefix(base, "_") {
			delete(files, name)
		}
	}
	return files, nil
}

// collect takes rendered files apart: hooks aside, the rest through the post-renderers.
func (in input) collect(files map[string]string) (output, error) {
	hooks, manifests, err := releaseutil.SortManifests(maps.Clone(files), nil, releaseutil.InstallOrder)
	if err != nil {
		return output{}, fmt.Errorf("%w: %w", ErrRender, err)
	}
	var text strings.Builder
	for _, m := range manifests {
		text.WriteString("---\n" + m.Content + "\n")
	}
	bodies, err := in.renderers.run(text.String())
	if err != nil {
		return output{}, fmt.Errorf("%w: %w", ErrRender, err)
	}
	out := output{files: files}
	if out.objects, err = objects(bodies, in.namespace, in.cluster); err != nil {
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
