package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/manifest"
)

// withhold takes the edits off a finding that are mechanical and yet would not mend it, or not it alone, and says why.
func (x *index) withhold(f *Finding) {
	if f.Withheld != "" {
		f.Edits = nil
		return
	}
	if why := x.whyNot(*f); why != "" {
		f.Edits, f.Withheld = nil, facts.Text(why)
		return
	}
	if len(f.Edits) > 0 && !x.All && !x.delivers(f.Edits[0].File) {
		f.Edits, f.Elsewhere = nil, true
		f.Withheld = "Cilium is not delivered by this file: --fix --all mends it"
	}
}

func (x *index) whyNot(f Finding) string {
	if s := f.subject; s != nil {
		fields := []string{f.field}
		for _, e := range f.Edits {
			fields = append(fields, e.Field())
		}
		for _, field := range fields {
			switch o := s.origin(field); {
			case o.patch != nil:
				return fmt.Sprintf("%s decides %s: change it there (%s)", o.patch.By, field, o.set)
			case o.changed && len(f.Edits) > 0:
				return fmt.Sprintf("kustomize gives %s another value than %s does: change it where that is done", field, s.File)
			}
		}
	}
	for _, e := range f.Edits {
		file := x.files[e.File]
		if file == nil || e.Doc() >= len(file.Docs) {
			continue
		}
		doc := file.Docs[e.Doc()]
		if names := variablesIn(doc, e); len(names) > 0 {
			return fmt.Sprintf("the value of %s is of variables: change %s where it is defined", e.Field(), words(names))
		}
		if r, ok := doc.Remark(e); ok {
			return fmt.Sprintf("a comment is about %s (%s): change both by hand", e.Field(), r)
		}
	}
	return ""
}

// variablesIn are the variables in what an edit replaces or takes out.
func variablesIn(doc *manifest.Doc, e manifest.Edit) []string {
	if e.Keeps() {
		return nil
	}
	value := manifest.Get(doc.Value, manifest.Keys(e.Field())...)
	names := expressions(text(value))
	for _, s := range scalars(value, "") {
		names = append(names, expressions(s)...)
	}
	return unique(names)
}

func unique(names []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, name := range names {
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

// delivers tells whether a file is one of those that Cilium's delivery is built of.
func (x *index) delivers(file string) bool {
	if x.mine == nil {
		x.mine = map[string]bool{}
		x.delivery()
	}
	return x.mine[file]
}

// delivery notes the files that Cilium is delivered by: its HelmReleases, the Kustomizations that apply them up to the
// root, the sources of both, and what values and variables are taken from. Without clusters their names tell them.
func (x *index) delivery() {
	if len(x.Clusters) == 0 {
		all := append(x.releases(), x.ciliumKustomizations()...)
		for _, kind := range []string{"OCIRepository", "HelmRepository", "HelmChart"} {
			all = append(all, x.sources(kind)...)
		}
		for _, s := range all {
			x.mine[s.File] = true
		}
		return
	}
	for _, kind := range []string{"OCIRepository", "HelmRepository", "HelmChart"} {
		for _, s := range x.ofKind(sourceGroup, kind) {
			used := slices.ContainsFunc(x.releases(), func(r *subject) bool { return len(r.clusters) > 0 && refersTo(r, s) })
			if len(s.clusters) == 0 && used { // its file is left out of the Kustomization's path
				x.mine[s.File] = true
			}
		}
	}
	for _, c := range x.Clusters {
		for _, r := range c.Git.Releases {
			x.deliveredBy(c, "HelmRelease", r.Namespace, r.Name)
			x.deliveredBy(c, r.Chart.Kind, r.Chart.SourceNamespace, r.Chart.SourceName)
			for _, ref := range r.ValuesFrom {
				x.deliveredBy(c, ref.Kind, r.Namespace, ref.Name)
			}
			x.upFrom(c, r.By, r.File)
		}
	}
}

// upFrom notes the Kustomization of that id, and what applies it in turn, and the kustomization files between a file
// and the path that is applied.
func (x *index) upFrom(c Cluster, id, file string) {
	for seen := map[string]bool{}; !seen[id]; {
		seen[id] = true
		k := c.Git.Kustomization(id)
		if k == nil {
			return
		}
		for dir := path.Dir(file); dir != "." && (dir == k.Path || strings.HasPrefix(dir, k.Path+"/")); dir = path.Dir(dir) {
			for _, name := range []string{"kustomization.yaml", "kustomization.yml", "Kustomization"} {
				x.mine[path.Join(dir, name)] = true
			}
		}
		if k.Name == "" {
			return
		}
		x.deliveredBy(c, "Kustomization", k.Namespace, k.Name)
		for _, ref := range k.SubstituteFrom {
			x.deliveredBy(c, ref.Kind, k.Namespace, ref.Name)
		}
		if parts := strings.SplitN(k.Source, "/", 3); len(parts) == 3 {
			x.deliveredBy(c, parts[0], parts[1], parts[2])
		}
		id, file = k.By, k.File
	}
}

// deliveredBy notes the file of an object of a cluster, and those of the patches that are laid over it.
func (x *index) deliveredBy(c Cluster, kind, namespace, name string) {
	for _, o := range c.Objects {
		if o.Kind != kind || o.Namespace != namespace || o.Name != name {
			continue
		}
		x.mine[o.File] = true
		for _, p := range o.Patches {
			for _, s := range p.Sets {
				x.mine[s.File] = true
			}
		}
	}
}
