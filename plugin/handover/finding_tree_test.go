package handover_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// refusedBy is a plan's refusal of that id; nil where there is none.
func refusedBy(p *handover.Plan, id string) *handover.Refusal {
	if i := slices.IndexFunc(p.Refusals, func(r handover.Refusal) bool { return r.ID == id }); i >= 0 {
		return &p.Refusals[i]
	}
	return nil
}

// gitSays is the model's input with that of git's.
func gitSays(in handover.Input, revision string, at *facts.GitCheckout) handover.Input {
	git := *in.Facts.Git
	git.Revision, git.Checkout = revision, at
	in.Facts.Git = &git
	return in
}

// TestFinding_C1_UncommittedRefuses: the commit that Flux has is checked out, and a file is not as that commit has it.
func TestFinding_C1_UncommittedRefuses(t *testing.T) {
	for name, wired := range map[string]bool{"pushed": true, "not pushed": false} {
		m := newModel(t)
		m.wired = wired
		in := gitSays(m.input(), "4f1c2d", &facts.GitCheckout{
			Compared: true, Omitted: 3, Dirty: []facts.GitDirty{{File: "cilium/helmrelease.yaml", How: "modified"}, {File: "cilium/new.yaml", How: "untracked"}},
		})
		p := handover.Make(in)
		r := refusedBy(p, "HP114")
		if p.Ready || r == nil || r.Unknown || p.Unsure() {
			t.Fatalf("%s: ready %t, %+v", name, p.Ready, p.Refusals)
		}
		if len(r.Evidence) != 3 || r.Evidence[0].Where != "cilium/helmrelease.yaml" || !strings.Contains(r.Evidence[1].Got, "git add --force") {
			t.Errorf("%s: %+v", name, r.Evidence)
		}
		if !strings.Contains(r.Hint, "git commit") || !strings.Contains(r.Hint, "git stash") {
			t.Errorf("%s: no next command: %s", name, r.Hint)
		}
	}
}

// TestFinding_C1_ResumeRefuses: nothing goes on with a tree that is no longer a commit, or of which that is not known.
func TestFinding_C1_ResumeRefuses(t *testing.T) {
	m := newModel(t)
	m.wired = true
	in := m.input()
	p := handover.Make(in)
	if !p.Ready {
		t.Fatalf("%+v", p.Refusals)
	}
	j := (&handover.Runner{Clock: m}).Begin(p, "run-1")
	if _, err := handover.Again(in, j); err != nil {
		t.Fatalf("a tree that is as it was: %v", err)
	}
	dirty := gitSays(in, "4f1c2d", &facts.GitCheckout{Compared: true, Dirty: []facts.GitDirty{{File: "cilium/hr.yaml", How: "modified"}}})
	if _, err := handover.Again(dirty, j); err == nil || errors.Is(err, handover.ErrUnsure) || !strings.Contains(err.Error(), "cilium/hr.yaml (modified)") || !strings.Contains(err.Error(), "git stash") {
		t.Errorf("an edit: %v", err)
	}
	dark := gitSays(in, "4f1c2d", &facts.GitCheckout{Unknown: "git is not installed"})
	if _, err := handover.Again(dark, j); !errors.Is(err, handover.ErrUnsure) || !strings.Contains(err.Error(), "git is not installed") {
		t.Errorf("not known: %v", err)
	}
}

// TestFinding_M17_UnknownCommitIsUnknown: a tree of which git says nothing is not one that Flux does not have.
func TestFinding_M17_UnknownCommitIsUnknown(t *testing.T) {
	export := &facts.GitCheckout{NoRepository: true}
	for name, c := range map[string]struct {
		revision string
		at       *facts.GitCheckout
		live     func(*facts.Live)
		ready    bool
	}{
		"nobody asked git":           {revision: "4f1c2d"},
		"git is not installed":       {revision: "4f1c2d", at: &facts.GitCheckout{Unknown: "git is not installed"}},
		"dubious ownership":          {at: &facts.GitCheckout{Unknown: "git rev-parse: detected dubious ownership"}},
		"files not compared":         {revision: "4f1c2d", at: &facts.GitCheckout{}},
		"an export, and its source":  {at: export},
		"an export, of no source":    {at: export, live: func(l *facts.Live) { l.Sources = nil }, ready: true},
		"an export, nothing fetched": {at: export, live: func(l *facts.Live) { l.Sources[0].Revision = "" }, ready: true},
		"an export, and whatever applies the HelmRelease": {at: export, live: func(l *facts.Live) {
			l.Sources = nil
			l.Kustomizations = []facts.FluxKustomization{{Namespace: "flux-system", Name: "x", Inventory: []string{"HelmRelease/kube-system/cilium"}}}
		}},
	} {
		m := newModel(t)
		in := gitSays(m.input(), c.revision, c.at)
		in.Facts.Live.Sources = slices.Clone(in.Facts.Live.Sources)
		if c.live != nil {
			c.live(&in.Facts.Live)
		}
		p := handover.Make(in)
		r := refusedBy(p, "HP116")
		switch {
		case c.ready && !p.Ready:
			t.Errorf("%s: %+v", name, p.Refusals)
		case !c.ready && (p.Ready || r == nil || !r.Unknown || !p.Unsure()):
			t.Errorf("%s: ready %t, %+v", name, p.Ready, p.Refusals)
		}
	}
}

// TestFinding_H14_ActiveKustomizationOfAnotherCommit: what Flux applies of another commit would replace what the run places.
func TestFinding_H14_ActiveKustomizationOfAnotherCommit(t *testing.T) {
	const older, own = "main@sha1:older", "main@sha1:4f1c2d"
	ks := func(change func(*facts.FluxKustomization)) func(*handover.Input) {
		return func(in *handover.Input) {
			k := facts.FluxKustomization{Namespace: "flux-system", Name: "x", Source: "GitRepository/flux-system/flux-system", AppliedRevision: older}
			change(&k)
			in.Facts.Live.Kustomizations = append(slices.Clone(in.Facts.Live.Kustomizations), k)
		}
	}
	inventory := func(k *facts.FluxKustomization) { k.Inventory = []string{"HelmRelease/kube-system/cilium"} }
	for name, c := range map[string]struct {
		spoil  func(*handover.Input)
		pushed bool
		ready  bool
	}{
		"the tree's own, active":    {spoil: ks(func(k *facts.FluxKustomization) { k.Name = "cilium-core" })},
		"the tree's own, suspended": {spoil: ks(func(k *facts.FluxKustomization) { k.Name, k.Suspend = "cilium-core", true }), ready: true},
		"the tree's own, pushed":    {spoil: ks(func(k *facts.FluxKustomization) { k.Name = "cilium-core" }), pushed: true, ready: true},
		"another, by its inventory": {spoil: ks(inventory)},
		"another, suspended":        {spoil: ks(func(k *facts.FluxKustomization) { inventory(k); k.Suspend = true }), ready: true},
		"the tree's own, which has applied the newest commit that Flux has, without the HelmRelease": {spoil: func(in *handover.Input) {
			ks(func(k *facts.FluxKustomization) { k.Name, k.InventoryKnown = "cilium-core", true })(in)
			in.Facts.Live.Sources = []facts.Source{{Kind: "GitRepository", Namespace: "flux-system", Name: "flux-system", Revision: older}}
		}, ready: true},
		"the tree's own, which has not applied what Flux has fetched": {spoil: func(in *handover.Input) {
			ks(func(k *facts.FluxKustomization) { k.Name, k.InventoryKnown = "cilium-core", true })(in)
			in.Facts.Live.Sources = []facts.Source{{Kind: "GitRepository", Namespace: "flux-system", Name: "flux-system", Revision: "main@sha1:newer"}}
		}},
		"another, of other things":               {spoil: ks(func(*facts.FluxKustomization) {}), ready: true},
		"another, pushed, of another repository": {spoil: ks(func(k *facts.FluxKustomization) { inventory(k); k.Source = "GitRepository/flux-system/other" }), pushed: true},
		"another, by the HelmRelease's labels": {spoil: func(in *handover.Input) {
			present(in, func(hr *facts.HelmRelease) {
				hr.Suspend = true
				hr.Labels = map[string]string{"kustomize.toolkit.fluxcd.io/name": "x", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
			})
			ks(func(*facts.FluxKustomization) {})(in)
		}},
		"the entry point that has no name in the tree": {spoil: func(in *handover.Input) {
			hr := *in.HelmRelease
			hr.By, in.Kustomization, in.HelmRelease = "", nil, &hr
			ks(func(k *facts.FluxKustomization) { k.Path = "kubernetes/clusters/infra" })(in)
		}},
		"the entry point, at the commit": {spoil: func(in *handover.Input) {
			hr := *in.HelmRelease
			hr.By, in.Kustomization, in.HelmRelease = "", nil, &hr
			ks(func(k *facts.FluxKustomization) { k.Path, k.AppliedRevision = "kubernetes/clusters/infra", own })(in)
		}, pushed: true, ready: true},
	} {
		m := newModel(t)
		m.wired = c.pushed
		in := m.input()
		c.spoil(&in)
		p := handover.Make(in)
		r := refusedBy(p, "HP115")
		switch {
		case c.ready && !p.Ready:
			t.Errorf("%s: %+v", name, p.Refusals)
		case !c.ready && (p.Ready || r == nil || r.Unknown):
			t.Errorf("%s: ready %t, %+v", name, p.Ready, p.Refusals)
		case !c.ready && !strings.Contains(r.Evidence[0].Want, "flux suspend kustomization -n flux-system "):
			t.Errorf("%s: no next command: %+v", name, r.Evidence)
		}
	}
}

// TestFinding_H11_RemoteInTheChain: what was not fetched of a Kustomization that decides the HelmRelease is not known; that of
// any other is a note.
func TestFinding_H11_RemoteInTheChain(t *testing.T) {
	for name, c := range map[string]struct {
		by    string
		spoil func(*facts.Git)
		ready bool
	}{
		"the HelmRelease's":     {by: "flux-system/cilium-core"},
		"what applies that":     {by: ""},
		"another":               {by: "flux-system/apps", ready: true},
		"what variables are of": {by: "flux-system/vars", spoil: func(g *facts.Git) { g.Kustomizations[1].SubstituteFrom[0].Name = "vars" }},
		"what values are of":    {by: "flux-system/vars", spoil: func(g *facts.Git) { g.Releases[0].ValuesFrom = []facts.GitReference{{Kind: "Secret", Name: "values"}} }},
		"the chart's source":    {by: "flux-system/vars", spoil: func(g *facts.Git) { g.Releases[0].Chart.Source = &facts.GitSource{By: "flux-system/vars"} }},
	} {
		m := newModel(t)
		m.wired = true
		in := m.input()
		git := *in.Facts.Git
		git.Releases, git.Kustomizations = slices.Clone(git.Releases), slices.Clone(git.Kustomizations)
		git.Kustomizations[1].SubstituteFrom = []facts.GitReference{{Kind: "ConfigMap", Name: "cluster-settings"}}
		git.Objects = append(slices.Clone(git.Objects),
			facts.GitObject{Kind: "ConfigMap", Namespace: "flux-system", Name: "vars", By: "flux-system/vars"},
			facts.GitObject{Kind: "Secret", Namespace: "kube-system", Name: "values", By: "flux-system/vars"})
		git.Problems = []facts.GitProblem{{Kind: facts.ProblemRemote, By: c.by, GitPlace: facts.GitPlace{File: "core/kustomization.yaml", Line: 7}, Message: "https://example.org/base is not in this repository and was not fetched"}}
		if c.spoil != nil {
			c.spoil(&git)
		}
		in.Facts.Git = &git
		p := handover.Make(in)
		r := refusedBy(p, "HP117")
		switch {
		case c.ready && !p.Ready:
			t.Errorf("%s: %+v", name, p.Refusals)
		case !c.ready && (p.Ready || r == nil || !r.Unknown || !p.Unsure() || r.Evidence[0].Where != "core/kustomization.yaml:7"):
			t.Errorf("%s: ready %t, %+v", name, p.Ready, p.Refusals)
		}
	}
}
