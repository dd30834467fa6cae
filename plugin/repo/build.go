package repo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"path"
	"sync"

	kustomizer "github.com/fluxcd/pkg/kustomize"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// maxResources bounds what one build may bring.
const maxResources = 50_000

// built is what kustomize makes of one directory, before substitution.
type built struct {
	resources []*resource.Resource
	origins   []*resource.Origin
	used      map[string]bool
	looked    map[string]bool
	problems  []facts.GitProblem
	failed    bool
}

// build runs kustomize on dir with the spec of a Flux Kustomization laid over, in memory. What it makes is kept for
// the next cluster that asks, and must not be changed.
func (t *Tree) build(dir string, spec any) built {
	o, err := readOverlay(spec)
	key, _ := json.Marshal(o)
	at := dir + "\x00" + string(key)
	if b, ok := t.builds[at]; ok {
		return b
	}
	p := &plan{tree: t, over: map[string][]byte{}, used: map[string]bool{}, looked: map[string]bool{}}
	b := t.run(p, dir, o, err)
	b.used, b.looked, b.problems = p.used, p.looked, append(p.problems, b.problems...)
	b.failed = p.stop || b.failed
	t.builds[at] = b
	return b
}

func (t *Tree) run(p *plan, dir string, o overlay, err error) (b built) {
	fail := func(file string, err error) built {
		at := facts.GitPlace{File: file}
		kind := facts.ProblemBuild
		if errors.Is(err, ErrLimit) {
			kind = facts.ProblemLimit
		}
		b.problems = append(b.problems, facts.GitProblem{GitPlace: at, Kind: kind, Fatal: true, Message: t.local(err)})
		b.failed = true
		return b
	}
	if err != nil {
		return fail(dir, fmt.Errorf("read the Kustomization's spec: %w", err))
	}
	file, text, keep, err := p.root(dir, o)
	if err != nil {
		return fail(file, err)
	}
	if p.stop {
		return b
	}
	p.over[file] = text
	v := view{tree: t, over: p.over}
	m, err := kustomizeBuild(v, v.abs(dir), p.ownSchema)
	if err != nil {
		return fail(file, fmt.Errorf("kustomize build: %w", err))
	}
	if m.Size() > maxResources {
		return fail(file, limited("the build brings %d objects", m.Size()))
	}
	for _, res := range m.Resources() {
		origin, err := res.GetOrigin()
		if err != nil || origin == nil {
			origin = &resource.Origin{}
		}
		if !keep {
			err = res.SetOrigin(nil)
		}
		if err != nil {
			return fail(file, err)
		}
		b.resources, b.origins = append(b.resources, res), append(b.origins, origin)
	}
	return b
}

// quiet keeps kustomize from writing to the process' log: what it says there is no part of an answer.
var quiet sync.Mutex

// kustomizeBuild builds as Flux does: any file of the tree may be loaded, and no plugin but kustomize's own. Flux
// reads kustomize's schema anew for every build, which takes a hundred times as long as the build; here that is done
// only for builds that bring a schema of their own.
func kustomizeBuild(v view, dir string, ownSchema bool) (m resmap.ResMap, err error) {
	quiet.Lock()
	defer quiet.Unlock()
	was := log.Writer()
	log.SetOutput(io.Discard)
	defer log.SetOutput(was)
	if ownSchema {
		return kustomizer.Build(v, dir)
	}
	defer func() { // kustomize panics over some invalid objects
		if r := recover(); r != nil {
			err = fmt.Errorf("kustomize cannot make sense of it: %v", r)
		}
	}()
	return krusty.MakeKustomizer(&krusty.Options{
		LoadRestrictions: types.LoadRestrictionsNone, PluginConfig: types.DisabledPluginConfig(),
	}).Run(v, dir)
}

// source finds the document that an object comes from. Where kustomize changed its name, the only one of its kind
// in the file is it.
func (t *Tree) source(dir string, origin *resource.Origin, kind, namespace, name string) (*manifest.Doc, manifest.Place) {
	file := origin.Path
	if origin.ConfiguredIn != "" {
		file = origin.ConfiguredIn
	}
	if origin.Repo != "" || file == "" {
		return nil, manifest.Place{}
	}
	file = path.Join(dir, file)
	f, err := t.Parse(file)
	if err != nil || f == nil {
		return nil, manifest.Place{File: file}
	}
	if origin.ConfiguredIn != "" && origin.Path == "" {
		return nil, generatorPlace(f, kind, name)
	}
	var best *manifest.Doc
	score := 0
	for _, doc := range f.Docs {
		if doc.Kind() != kind {
			continue
		}
		s := 1
		if doc.Name() == name {
			s += 4
		}
		if doc.Namespace() == namespace {
			s++
		}
		if s > score {
			best, score = doc, s
		}
	}
	if best == nil {
		return nil, manifest.Place{File: file}
	}
	return best, best.At()
}
