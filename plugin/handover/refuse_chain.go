package handover

import (
	"fmt"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// remote are the parts of the tree that were not fetched, of Kustomizations that decide what the HelmRelease is.
func remote(in *Input) []check.Evidence {
	git := in.Facts.Git
	if git.Cilium() == nil {
		return nil
	}
	by := chain(git)
	var out []check.Evidence
	for _, p := range git.Problems {
		if p.Kind == facts.ProblemRemote && slices.Contains(by, p.By) {
			where := fmt.Sprintf("%s:%d", p.File, p.Line)
			out = append(out, check.Evidence{Where: where, Got: p.Message, Want: "a copy in this repository"})
		}
	}
	return out
}

// undecided are the fields of what the run applies, and of what values come from, that are not known.
func undecided(in *Input) []check.Evidence {
	if in.Facts.Git == nil {
		return nil
	}
	var out []check.Evidence
	for _, u := range in.Facts.Git.Unknown {
		out = append(out, check.Evidence{
			Where: fmt.Sprintf("%s:%d %s %s", u.File, u.Line, u.Object, u.Field),
			Got:   fmt.Sprintf("${%s} of %s: %s", u.Variable, u.From, u.Why), Want: "a value",
		})
	}
	return out
}

// chain are the Kustomizations, "namespace/name" and empty for a nameless entry point, that decide what the
// HelmRelease of Cilium is: those that apply it, its source, and what its values and their variables come from; and
// those that apply these.
func chain(git *facts.Git) []string {
	r := git.Cilium()
	var all []string
	var add func(id string)
	object := func(kind, namespace, name string) {
		if o := git.Object(kind, namespace, name); o != nil {
			add(o.By)
		}
	}
	add = func(id string) {
		if slices.Contains(all, id) {
			return
		}
		all = append(all, id)
		ks := git.Kustomization(id)
		if id == "" || ks == nil {
			return
		}
		add(ks.By)
		for _, from := range ks.SubstituteFrom {
			object(from.Kind, ks.Namespace, from.Name)
		}
	}
	add(r.By)
	if s := r.Chart.Source; s != nil {
		add(s.By)
	}
	for _, from := range r.ValuesFrom {
		object(from.Kind, r.Namespace, from.Name)
	}
	return all
}
