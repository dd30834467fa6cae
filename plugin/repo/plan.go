package repo

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// The bounds of one kustomize build.
const (
	maxVisits = 2_000 // of kustomization files, each time that one is reached
	maxNested = 40    // kustomization files below one another
)

// plan is a look ahead at all that a kustomize build would load, before it is let loose: what is elsewhere is taken
// out, what is missing is named with its line, and a build that would grow without bounds is not begun.
type plan struct {
	tree      *Tree
	over      map[string][]byte // kustomization files without what is elsewhere
	used      map[string]bool   // every file that is loaded
	looked    map[string]bool   // every directory that is looked into; true: for all manifests below it
	visits    int
	ownSchema bool // a kustomization brings types of its own
	problems  []facts.GitProblem
	endless   bool // a limit was met
	stop      bool // kustomize would fail, or must not be begun
}

// kustomizationFile is the kustomization file of dir; empty where there is none.
func (t *Tree) kustomizationFile(dir string) string {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if file := path.Join(clean(dir), name); t.IsFile(file) {
			return file
		}
	}
	return ""
}

func (p *plan) problem(kind string, fatal bool, place manifest.Place, format string, args ...any) {
	p.problems = append(p.problems, facts.GitProblem{
		GitPlace: facts.GitPlace{File: place.File, Line: place.Line, Column: place.Column},
		Kind:     kind, Fatal: fatal, Message: fmt.Sprintf(format, args...),
	})
	p.stop = p.stop || fatal
}

// failed records an error of reading a file.
func (p *plan) failed(name string, err error) {
	p.problems = append(p.problems, readProblem(name, err))
	p.stop = true
}

// directory plans the kustomization of dir, which has a file.
func (p *plan) directory(file string, depth int) {
	p.visits++
	if p.visits > maxVisits || depth > maxNested {
		if !p.endless {
			p.endless = true
			p.problem(facts.ProblemLimit, true, manifest.Place{File: file}, "kustomizations refer to one another %s",
				map[bool]string{true: "in a circle or too deeply", false: fmt.Sprintf("more than %d times", maxVisits)}[depth > maxNested])
		}
		return
	}
	p.used[file] = true
	p.look(path.Dir(file), false)
	f, err := p.tree.Parse(file)
	if err != nil {
		p.failed(file, err)
		return
	}
	if len(f.Docs) == 0 {
		return // kustomize says itself that it is empty
	}
	doc := f.Docs[0]
	kept := maps.Clone(doc.Value)
	changed := false
	for _, field := range []string{"resources", "bases", "components", "generators", "transformers", "validators"} {
		list, ok := doc.Value[field].([]any)
		if !ok {
			continue
		}
		var local []any
		for i, item := range list {
			if p.entry(doc, field, i, item, depth) {
				local = append(local, item)
			}
		}
		if len(local) != len(list) {
			kept[field], changed = local, true
		}
	}
	p.loaded(doc)
	p.ownSchema = p.ownSchema || doc.Value["openapi"] != nil || doc.Value["crds"] != nil
	if changed {
		text, err := yaml.Marshal(kept)
		if err == nil {
			p.over[file] = text
		}
	}
}

// entry plans one entry of a list of files and directories, and tells whether the build may have it.
func (p *plan) entry(doc *manifest.Doc, field string, i int, item any, depth int) bool {
	name, ok := item.(string)
	if !ok || name == "" {
		return true // kustomize says what is wrong
	}
	place := doc.At(field, strconv.Itoa(i))
	if elsewhere(name) {
		p.problem(facts.ProblemRemote, false, place, "%s is not in this repository and was not fetched: what it holds is not known", name)
		return false
	}
	target := path.Join(path.Dir(doc.File.Path), name)
	switch {
	case strings.HasPrefix(target, ".."):
		p.problem(facts.ProblemMissing, true, place, "%s leaves the repository", name)
	case p.tree.IsDir(target):
		if file := p.tree.kustomizationFile(target); file != "" {
			p.directory(file, depth+1)
		} else {
			p.problem(facts.ProblemMissing, true, place, "%s has no kustomization.yaml", target)
		}
	case p.tree.IsFile(target):
		p.file(target, field)
	case slices.Contains(p.tree.links, target):
		p.problem(facts.ProblemMissing, true, place, "%s is a symbolic link: Flux's artifact does not hold it", target)
	default:
		p.problem(facts.ProblemMissing, true, place, "there is no %s", target)
	}
	return true
}

// file plans a file of objects.
func (p *plan) file(name, field string) {
	p.used[name] = true
	f, err := p.tree.Parse(name)
	if err != nil {
		p.failed(name, err)
		return
	}
	if field != "resources" && field != "bases" {
		for _, doc := range f.Docs {
			p.loaded(doc)
		}
	}
}

// loaded notes the other files that a kustomization loads, and refuses what is elsewhere: kustomize would fetch it.
func (p *plan) loaded(doc *manifest.Doc) {
	dir := path.Dir(doc.File.Path)
	for _, leaf := range doc.Leaves() {
		if leaf.Node.Value == "" || strings.Contains(leaf.Node.Value, "\n") || len(leaf.Path) == 0 {
			continue
		}
		switch leaf.Path[0] {
		case "resources", "bases", "components", "metadata", "commonLabels", "commonAnnotations", "labels", "images", "replicas":
			continue
		}
		value := leaf.Node.Value
		if _, file, ok := strings.Cut(value, "="); ok && slices.Contains(leaf.Path, "files") {
			value = file
		}
		place := manifest.Place{File: doc.File.Path, Line: leaf.Node.Line, Column: leaf.Node.Column}
		if loads(leaf.Path) && elsewhere(value) {
			p.problem(facts.ProblemRemote, true, place, "%s is not in this repository and was not fetched", value)
			continue
		}
		if target := path.Join(dir, value); p.tree.IsFile(target) {
			p.used[target] = true
		}
	}
}

// loads tells whether a field of a kustomization, or of a generator's or transformer's configuration, names a file.
func loads(path []string) bool {
	for i, step := range path {
		switch step {
		case "path", "files", "envs", "env", "crds", "configurations", "patchesStrategicMerge", "generators", "transformers", "validators", "paths":
			return i == 0 || step != "path" || path[i-1] != "target"
		}
	}
	return false
}

// elsewhere holds of what kustomize would fetch.
func elsewhere(name string) bool {
	lower := strings.ToLower(name)
	for _, mark := range []string{"://", "::", "@"} {
		if strings.Contains(lower, mark) {
			return true
		}
	}
	for _, prefix := range []string{"github.com/", "github.com:", "gh:", "git@"} {
		if strings.HasPrefix(lower, prefix) {
			return true
		}
	}
	return false
}
