package repo

import (
	"path"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/cilium-gitops/cilium-gitops/plugin/lint"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// patch is one patch of a kustomization file, or of a Flux Kustomization's spec, whatever it is laid over.
type patch struct {
	by     string
	file   string // that holds it; empty where it is written inline
	inline string
	at     written // of the scalar that holds it
	target map[string]any
	scope  map[string]bool // the files whose objects it may be laid over; nil: all
	all    []*laid
}

// laid is a document of a patch: what it sets, and which objects that is meant for.
type laid struct {
	lint.Patch

	kind, name, namespace *regexp.Regexp // nil is any
	nodes                 map[string]written
}

// patchLists are the patches of a kustomization file, in the order in which kustomize lays them.
func patchLists(doc *manifest.Doc) []patch {
	root, dir := rootOf(doc), path.Dir(doc.File.Path)
	var all []patch
	if list, ok := root.get("patchesStrategicMerge"); ok {
		for _, item := range list.items() {
			p := patch{by: "patchesStrategicMerge of " + doc.File.Path, at: item, inline: item.node.Value}
			if !strings.Contains(item.node.Value, "\n") {
				p.file, p.inline = path.Join(dir, item.node.Value), ""
				p.by = "the patch " + p.file
			}
			all = append(all, p)
		}
	}
	for _, field := range []string{"patches", "patchesJson6902"} {
		list, _ := root.get(field)
		for _, item := range list.items() {
			if p, ok := onePatch(item, field+" of "+doc.File.Path, dir); ok {
				all = append(all, p)
			}
		}
	}
	return all
}

// onePatch is an item of a list of patches: of a kustomization file or of a Flux Kustomization's spec.
func onePatch(item written, by, dir string) (patch, bool) {
	p := patch{by: by}
	if target, ok := item.get("target"); ok {
		p.target, _ = target.value().(map[string]any)
	}
	if file, ok := item.get("path"); ok && file.node.Value != "" {
		p.file = path.Join(dir, file.node.Value)
		p.by = "the patch " + p.file
		return p, true
	}
	var ok bool
	if p.at, ok = item.get("patch"); !ok {
		return p, false
	}
	p.inline = p.at.node.Value
	return p, true
}

// read reads what the patch sets, once.
func (t *Tree) readPatch(p *patch) []*laid {
	if p.all != nil {
		return p.all
	}
	p.all = []*laid{}
	switch {
	case p.file != "":
		text, err := t.Text(p.file)
		if err != nil {
			return nil
		}
		lines := strings.Split(string(text), "\n")
		dec := yaml.NewDecoder(strings.NewReader(string(text)))
		for range 100 {
			var root yaml.Node
			if dec.Decode(&root) != nil {
				break
			}
			if len(root.Content) > 0 {
				p.document(written{file: p.file, node: root.Content[0], text: lines})
			}
		}
	case p.inline != "":
		if w, ok := p.at.inner(p.inline); ok {
			p.document(w)
		}
	case p.at.node != nil && p.at.node.Kind != yaml.ScalarNode: // spec.patchesJson6902 and spec.patchesStrategicMerge
		p.document(p.at)
	}
	return p.all
}

// document adds what one document of the patch sets: a merge, or a list of operations.
func (p *patch) document(w written) {
	l := &laid{Patch: lint.Patch{By: p.by}, nodes: map[string]written{}}
	if p.target != nil {
		l.kind, l.name = whole(manifest.Text(p.target, "kind")), whole(manifest.Text(p.target, "name"))
		l.namespace = whole(manifest.Text(p.target, "namespace"))
	}
	switch w.node.Kind {
	case yaml.MappingNode:
		if p.target == nil {
			body, _ := w.value().(map[string]any)
			l.kind = whole(regexp.QuoteMeta(manifest.Text(body, "kind")))
			l.name = whole(regexp.QuoteMeta(manifest.Text(body, "metadata", "name")))
		}
		l.merges(w, nil, 0)
	case yaml.SequenceNode:
		for _, op := range w.items() {
			l.operation(op)
		}
	}
	p.all = append(p.all, l)
}

// whole is a pattern that a whole name must match; nil where it is empty or none.
func whole(pattern string) *regexp.Regexp {
	if pattern == "" {
		return nil
	}
	re, err := regexp.Compile("^(?:" + pattern + ")$")
	if err != nil {
		return nil
	}
	return re
}

// maxPatchDepth bounds how deep a patch is looked into.
const maxPatchDepth = 40

// merges adds all fields of a mapping that is merged.
func (l *laid) merges(w written, at []string, depth int) {
	if depth > maxPatchDepth || w.node.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(w.node.Content); i += 2 {
		key, value := w.below(w.node.Content[i]), w.below(w.node.Content[i+1])
		field := append(at[:len(at):len(at)], key.node.Value)
		switch joined := manifest.JoinKeys(field); joined {
		case "apiVersion", "kind", "metadata.name", "metadata.namespace", "metadata":
			if joined == "metadata" {
				l.merges(value, field, depth+1)
			}
			continue
		}
		if strings.HasPrefix(key.node.Value, "$") {
			continue
		}
		directive, directed := value.get("$patch")
		l.add(field, value, key, value.node.Tag == "!!null" || directed && directive.node.Value == "delete")
		l.merges(value, field, depth+1)
	}
}

// operation adds what one JSON patch operation sets.
func (l *laid) operation(op written) {
	text := func(key string) string {
		if w, ok := op.get(key); ok {
			return w.node.Value
		}
		return ""
	}
	var field []string
	for _, step := range strings.Split(strings.TrimPrefix(text("path"), "/"), "/") {
		field = append(field, strings.NewReplacer("~1", "/", "~0", "~").Replace(step))
	}
	value, _ := op.get("value")
	place := op
	if w, ok := op.get("path"); ok {
		place = w
	}
	switch text("op") {
	case "add", "replace":
		l.add(field, value, place, false)
		if value.node != nil {
			l.merges(value, field, 0)
		}
	case "remove":
		l.add(field, value, place, true)
	}
}

func (l *laid) add(field []string, value, at written, removes bool) {
	name := manifest.JoinKeys(field)
	l.nodes[name] = value
	l.Sets = append(l.Sets, lint.PatchSet{Field: name, Value: value.value(), Removes: removes, Place: at.place()})
}

// meant tells whether the patch is for an object, by the names that it has now or had in its file.
func (l *laid) meant(o *Object) bool {
	fits := func(re *regexp.Regexp, names ...string) bool {
		return re == nil || slices.ContainsFunc(names, re.MatchString)
	}
	names, namespaces := []string{o.Name}, []string{o.Namespace}
	if o.Source != nil {
		names, namespaces = append(names, o.Source.Name()), append(namespaces, o.Source.Namespace())
	}
	return fits(l.kind, o.Kind) && fits(l.name, names...) && fits(l.namespace, namespaces...)
}
