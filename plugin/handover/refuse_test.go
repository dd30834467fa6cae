package handover_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// tree is the HelmRelease of the working tree, to be changed.
func tree(in *handover.Input) *facts.GitRelease {
	git := *in.Facts.Git
	git.Releases = slices.Clone(git.Releases)
	in.Facts.Git = &git
	return &git.Releases[0]
}

func present(in *handover.Input, change func(*facts.HelmRelease)) {
	hr := facts.HelmRelease{Namespace: "kube-system", Name: "cilium", Generation: 1}
	change(&hr)
	in.Facts.Live.HelmReleases = []facts.HelmRelease{hr}
}

// rendered changes one object of what Flux would apply.
func rendered(in *handover.Input, o facts.Object, live *facts.Object) {
	r := *in.Facts.Rendered
	r.Before, r.After, r.Live = slices.Clone(r.Before), append(slices.Clone(r.After), o), slices.Clone(r.Live)
	if live != nil {
		r.Before, r.Live = append(r.Before, *live), append(r.Live, *live)
	}
	in.Facts.Rendered = &r
}

func object(kind, name string, body values.Tree) facts.Object {
	api := "v1"
	if kind == "DaemonSet" {
		api = "apps/v1"
	}
	return facts.Object{APIVersion: api, Kind: kind, Namespace: "kube-system", Name: name, Body: body}
}

func template(image string) values.Tree {
	return values.Tree{"spec": map[string]any{"template": map[string]any{"spec": map[string]any{"x": image}}}}
}

// takes has values or variables come from that object.
func takes(in *handover.Input, from facts.Input) {
	r := *in.Facts.Rendered
	r.Inputs = append(slices.Clone(r.Inputs), from)
	in.Facts.Rendered = &r
}

// newest gives Helm's newest record that status.
func newest(in *handover.Input, status string) {
	in.Facts.Live.Records = slices.Clone(in.Facts.Live.Records)
	in.Facts.Live.Records[0].Status = status
}

// refusals is a row for each thing that must not be run, and the ID that names it.
var refusals = map[string]struct {
	id    string
	spoil func(*handover.Input)
}{
	"which cluster it is not known": {"HP101", func(in *handover.Input) { in.Facts.Live.UID = "" }},
	"no HelmRelease in the tree": {"HP102", func(in *handover.Input) {
		tree(in)
		in.Facts.Git.Releases, in.HelmRelease = nil, nil
	}},
	"a HelmRelease in another namespace": {"HP102", func(in *handover.Input) {
		tree(in)
		in.Facts.Git.Releases, in.HelmRelease = nil, nil
		in.Facts.Git.Objects = []facts.GitObject{{Kind: "HelmRelease", Namespace: "flux-system", Name: "cilium"}}
	}},
	"wrong target namespace":  {"HP103", func(in *handover.Input) { tree(in).ReleaseNamespace = "cilium" }},
	"wrong release name":      {"CG208", func(in *handover.Input) { tree(in).ReleaseName = "kube-system-cilium" }},
	"wrong storage namespace": {"CG208", func(in *handover.Input) { tree(in).StorageNamespace = "flux-system" }},
	"a second HelmRelease": {"CG202", func(in *handover.Input) {
		in.Facts.Live.HelmReleases = []facts.HelmRelease{{Namespace: "flux-system", Name: "cilium", TargetNamespace: "kube-system"}}
	}},
	"another chart": {"HP104", func(in *handover.Input) {
		r := *in.Facts.Rendered
		r.Chart = "calico"
		in.Facts.Rendered = &r
	}},
	"install remediation":         {"HP105", func(in *handover.Input) { tree(in).Install.Retries = 3 }},
	"install remediates for ever": {"HP105", func(in *handover.Input) { tree(in).Install.Retries = -1 }},
	"upgrade remediation":         {"HP106", func(in *handover.Input) { tree(in).Upgrade.Retries = 1 }},
	"upgrade remediates its last": {"HP106", func(in *handover.Input) { tree(in).Upgrade.RemediateLastFailure = new(true) }},
	"remediation by uninstall":    {"HP106", func(in *handover.Input) { tree(in).Upgrade.RemediateBy = "uninstall" }},
	"force":                       {"HP107", func(in *handover.Input) { tree(in).Upgrade.Force = true }},
	"cleanup on fail":             {"HP108", func(in *handover.Input) { tree(in).Upgrade.CleanupOnFail = true }},
	"old values kept":             {"HP109", func(in *handover.Input) { tree(in).Upgrade.PreserveValues = true }},
	"prune without orphan":        {"HP110", func(in *handover.Input) { tree(in); in.Facts.Git.Kustomizations[1].Prune = true }},
	"suspend in Git":              {"HP111", func(in *handover.Input) { tree(in).SuspendWritten = true }},
	"the Kustomization's in Git":  {"HP111", func(in *handover.Input) { tree(in); in.Facts.Git.Kustomizations[1].SuspendWritten = true }},
	"another cluster's release":   {"HP112", func(in *handover.Input) { tree(in).KubeConfig = true }},
	"another method of applying":  {"HP113", func(in *handover.Input) { tree(in).Upgrade.ServerSideApply = "enabled" }},
	"files that are not committed": {"HP114", func(in *handover.Input) {
		*in = gitSays(*in, "4f1c2d", &facts.GitCheckout{Compared: true, Dirty: []facts.GitDirty{{File: "hr.yaml", How: "modified"}}})
	}},
	"Flux is at another commit": {"HP115", func(in *handover.Input) {
		in.Facts.Live.Kustomizations = []facts.FluxKustomization{{Namespace: "flux-system", Name: "cilium-core", AppliedRevision: "main@sha1:older"}}
		in.Facts.Live.Sources = []facts.Source{{Kind: "GitRepository", Namespace: "flux-system", Name: "flux-system", Revision: "main@sha1:older"}}
	}},
	"a commit that is not known": {"HP116", func(in *handover.Input) {
		*in = gitSays(*in, "", &facts.GitCheckout{Unknown: "git is not installed"})
	}},
	"a variable that is not known": {"HP118", func(in *handover.Input) {
		tree(in)
		in.Facts.Git.Unknown = []facts.GitUnknown{{Field: "spec.values.a", Variable: "A", From: "Secret/flux-system/s", Why: "it is encrypted"}}
	}},
	"a remote base": {"HP117", func(in *handover.Input) {
		tree(in)
		in.Facts.Git.Problems = []facts.GitProblem{{Kind: facts.ProblemRemote, By: "flux-system/cilium-core", Message: "not fetched"}}
	}},
	"a HelmRelease that is active": {"HP201", func(in *handover.Input) { present(in, func(*facts.HelmRelease) {}) }},
	"adopted and suspended": {"HP202", func(in *handover.Input) {
		present(in, func(hr *facts.HelmRelease) { hr.Suspend, hr.History = true, []facts.Snapshot{{}} })
	}},
	"being deleted": {"HP203", func(in *handover.Input) {
		present(in, func(hr *facts.HelmRelease) { hr.Suspend, hr.Deleting = true, true })
	}},
	"Argo CD": {"HP204", func(in *handover.Input) {
		r := *in.Facts.Rendered
		r.Live = slices.Clone(r.Live)
		r.Live[0].Owners = []facts.Owner{{Manager: "argocd-controller", Operation: "Apply"}}
		in.Facts.Rendered = &r
	}},
	"pods replaced": {"HP301", func(in *handover.Input) {
		was := object("DaemonSet", "cilium", template("a"))
		rendered(in, object("DaemonSet", "cilium", template("b")), &was)
	}},
	"objects deleted": {"HP302", func(in *handover.Input) {
		r := *in.Facts.Rendered
		gone := object("Service", "hubble-relay", values.Tree{"spec": map[string]any{"a": "b"}})
		r.Before, r.Live = append(slices.Clone(r.Before), gone), append(slices.Clone(r.Live), gone)
		in.Facts.Rendered = &r
	}},
	"configuration changed": {"HP303", func(in *handover.Input) {
		was := object("ConfigMap", "cilium-other", values.Tree{"data": map[string]any{"enable-wireguard": "true"}})
		rendered(in, object("ConfigMap", "cilium-other", values.Tree{"data": map[string]any{"enable-wireguard": "false"}}), &was)
	}},
	"fields left": {"HP304", func(in *handover.Input) {
		was := object("ConfigMap", "cilium-other", values.Tree{"data": map[string]any{"a": "b", "c": "d"}})
		was.Owners = []facts.Owner{{Manager: "helm", Operation: "Apply", Fields: map[string]any{"f:data": map[string]any{"f:a": map[string]any{}, "f:c": map[string]any{}}}}}
		rendered(in, object("ConfigMap", "cilium-other", values.Tree{"data": map[string]any{"a": "b"}}), &was)
	}},
	"objects changed": {"HP305", func(in *handover.Input) {
		was := object("Service", "hubble-relay", values.Tree{"spec": map[string]any{"a": "b"}})
		rendered(in, object("Service", "hubble-relay", values.Tree{"spec": map[string]any{"a": "c"}}), &was)
	}},
	"an immutable field": {"HP306", func(in *handover.Input) {
		was := object("RoleBinding", "cilium", values.Tree{"roleRef": map[string]any{"name": "a"}})
		rendered(in, object("RoleBinding", "cilium", values.Tree{"roleRef": map[string]any{"name": "b"}}), &was)
	}},
	"objects created":           {"HP305", func(in *handover.Input) { rendered(in, object("Service", "new", values.Tree{}), nil) }},
	"a strategy that is none":   {"HP401", func(in *handover.Input) { in.Strategy = handover.Reinstall }},
	"taking over with a record": {"HP401", func(in *handover.Input) { in.Strategy = handover.TakeOver }},
	"not rendered":              {"HP403", func(in *handover.Input) { in.Facts.Rendered = nil }},
	"sources not seen": {"HP403", func(in *handover.Input) {
		in.Facts.Seen = slices.DeleteFunc(slices.Clone(in.Facts.Seen), func(p facts.Part) bool { return p == facts.Sources })
	}},
	"release pending": {"CG120", func(in *handover.Input) { newest(in, "pending-upgrade") }},
	"release failed":  {"CG120", func(in *handover.Input) { newest(in, "failed") }},
	"release missing": {"HP401", func(in *handover.Input) {
		in.Strategy, in.Facts.Live.Records, in.Facts.Live.Release = handover.Adopt, nil, nil
	}},
	"a second release": {"CG122", func(in *handover.Input) {
		in.Facts.Live.Records = append(slices.Clone(in.Facts.Live.Records), facts.Record{Namespace: "flux-system", Release: "kube-system-cilium", Revision: 1, Status: "deployed", Chart: "cilium", Secret: "s"})
	}},
	"a record by another name": {"HP205", func(in *handover.Input) {
		in.Facts.Live.Release = nil
		in.Facts.Live.Records = []facts.Record{{Namespace: "flux-system", Release: "kube-system-cilium", Revision: 1, Status: "deployed", Chart: "cilium", Secret: "s"}}
	}},
	"the objects of a release that has no record": {"HP206", func(in *handover.Input) {
		in.Facts.Live.Records, in.Facts.Live.Release = nil, nil
	}},
	"a shared Kustomization is suspended": {"HP507", func(in *handover.Input) {
		among(in)
		in.Facts.Live.Kustomizations = []facts.FluxKustomization{{Namespace: "flux-system", Name: "cilium-core", Suspend: true}}
		in.Facts.Live.Sources = []facts.Source{{Kind: "GitRepository", Namespace: "flux-system", Name: "flux-system", Revision: "main@sha1:" + in.Facts.Git.Revision}}
	}},
	"values from an object that is not there": {"HP120", func(in *handover.Input) {
		takes(in, facts.Input{Ref: "ConfigMap/kube-system/cilium-values", For: "HelmRelease/kube-system/cilium", Missing: true})
	}},
	"variables of an older object": {"HP121", func(in *handover.Input) {
		takes(in, facts.Input{Ref: "ConfigMap/flux-system/net", For: "Kustomization/flux-system/cilium-core", Differs: []string{"HOST"}})
	}},
	"a range of versions": {"HP122", func(in *handover.Input) {
		tree(in).Chart = facts.GitChart{By: "chart", Kind: "HelmRepository", Name: "cilium", Version: "1.18.x", VersionFrom: "chart.spec.version"}
	}},
	"its name is another cluster's": {"HP123", func(in *handover.Input) { in.Facts.Live.Elsewhere = []string{"kube-system/cilium"} }},
	"an agent that is not ready": {"CG104", func(in *handover.Input) {
		in.Facts.Live.DaemonSets = slices.Clone(in.Facts.Live.DaemonSets)
		for i := range in.Facts.Live.DaemonSets {
			in.Facts.Live.DaemonSets[i].Ready = 0
		}
	}},
}

// TestRefusals tries whatever belongs to no row of the faults; those are tried in TestFault_R10 to TestFault_R12.
func TestRefusals(t *testing.T) {
	rows := map[string]bool{}
	for _, names := range refusalsOf {
		for _, name := range names {
			rows[name] = true
		}
	}
	for name := range refusals {
		if !rows[name] {
			refuses(t, name)
		}
	}
}

// refuses holds that a plan is ready, is not once that is wrong, and says why and what next.
func refuses(t *testing.T, name string) {
	t.Helper()
	row, ok := refusals[name]
	if !ok {
		t.Fatalf("there is no %q", name)
	}
	t.Run(name, func(t *testing.T) {
		in := newModel(t).input()
		if p := handover.Make(in); !p.Ready {
			t.Fatalf("not ready before anything is wrong: %+v", p.Refusals)
		}
		row.spoil(&in)
		p := handover.Make(in)
		i := slices.IndexFunc(p.Refusals, func(r handover.Refusal) bool { return r.ID == row.id })
		if p.Ready || i < 0 {
			t.Fatalf("ready %t, refusals %+v", p.Ready, p.Refusals)
		}
		if r := p.Refusals[i]; r.Reason == "" || r.Hint == "" || len(r.Evidence) == 0 {
			t.Errorf("%+v says too little", r)
		}
	})
}

func TestEveryRefusalHasACase(t *testing.T) {
	seen := map[string]bool{"HP402": true, "HP405": true} // TestDeny; TestFinding_C4_JudgedAnew
	for _, row := range noWayBack {
		seen[row.id] = true
	}
	for _, row := range noDrill {
		seen[row.id] = true
	}
	for _, row := range refusals {
		seen[row.id] = true
	}
	ids := map[string]bool{}
	for _, text := range handover.RuleText() {
		if !seen[text[0]] {
			t.Errorf("%s has no case", text[0])
		}
		if ids[text[0]] {
			t.Errorf("%s twice", text[0])
		}
		ids[text[0]] = true
		if text[1] == "" || !strings.HasSuffix(text[2], ".") {
			t.Errorf("%s: %q %q", text[0], text[1], text[2])
		}
	}
}

func TestDeny(t *testing.T) {
	p := handover.Make(newModel(t).input())
	rights := p.Rights()
	if !slices.Contains(rights, handover.Right{Verb: "patch", Group: "helm.toolkit.fluxcd.io", Resource: "helmreleases", Namespace: "kube-system", Name: "cilium"}) {
		t.Errorf("rights: %+v", rights)
	}
	p.Deny(rights[:1])
	if p.Ready || len(p.Refusals) != 1 || p.Refusals[0].ID != "HP402" || p.Refusals[0].Evidence[0].Got != "denied" {
		t.Errorf("%+v", p.Refusals)
	}
}

// TestAccepted: what the user names does not refuse, and nothing else comes with it.
func TestAccepted(t *testing.T) {
	for _, id := range []string{"pods replaced", "objects changed", "configuration changed"} {
		in := newModel(t).input()
		refusals[id].spoil(&in)
		in.Allow = []string{"DaemonSet/cilium", "Service/kube-system/hubble-relay", "ConfigMap/cilium-other"}
		if p := handover.Make(in); !p.Ready {
			t.Errorf("%s: %+v", id, p.Refusals)
		}
		in.Allow = []string{"DaemonSet/other"}
		if p := handover.Make(in); p.Ready {
			t.Errorf("%s: accepted by another name", id)
		}
	}
}

// TestTakeOver: without a record, and with it.
func TestTakeOver(t *testing.T) {
	in := newModel(t).input()
	in.Facts.Live.Records, in.Facts.Live.Release = nil, nil
	in.Facts.Rendered.Revision = 0
	unclaimed(&in.Facts)
	p := handover.Make(in)
	if p.Strategy != handover.TakeOver || !p.Ready {
		t.Errorf("%s %+v %+v", p.Strategy, p.Weighed, p.Refusals)
	}
}

// TestRightsToChangeRoles: a rollback changes labels of roles that allow more than whoever goes back may; the adoption,
// which changes who owns them alone, asks for no such right.
func TestRightsToChangeRoles(t *testing.T) {
	m := finished(t)
	in := m.undoing(journal(t, m))
	role := func(kind, namespace string) facts.Object {
		return facts.Object{APIVersion: "rbac.authorization.k8s.io/v1", Kind: kind, Namespace: namespace, Name: "cilium"}
	}
	in.Rendered.After = append(slices.Clone(in.Rendered.After), role("ClusterRole", ""), role("RoleBinding", "kube-system"))
	rights := handover.UndoHandover(in).Rights()
	for _, want := range []handover.Right{
		{Verb: "escalate", Group: "rbac.authorization.k8s.io", Resource: "clusterroles", Name: "cilium"},
		{Verb: "bind", Group: "rbac.authorization.k8s.io", Resource: "roles", Namespace: "kube-system", Name: "cilium"},
		{Verb: "list", Group: "apps", Resource: "replicasets", Namespace: "kube-system"},
		{Verb: "watch", Resource: "pods", Namespace: "kube-system"},
	} {
		if !slices.Contains(rights, want) {
			t.Errorf("does not ask for %+v", want)
		}
	}
	if powers := slices.DeleteFunc(handover.Make(newModel(t).input()).Rights(), func(r handover.Right) bool { return r.Verb != "escalate" && r.Verb != "bind" }); len(powers) > 0 {
		t.Errorf("a run asks for %+v", powers)
	}
}

// TestMisplaced: a HelmRelease of the right name in another namespace is named.
func TestMisplaced(t *testing.T) {
	in := newModel(t).input()
	refusals["a HelmRelease in another namespace"].spoil(&in)
	refused := handover.Make(in).Refusals
	i := slices.IndexFunc(refused, func(r handover.Refusal) bool { return r.ID == "HP102" })
	if i < 0 || !slices.ContainsFunc(refused[i].Evidence, func(e check.Evidence) bool {
		return e.Got == "HelmRelease flux-system/cilium" && e.Want == "HelmRelease kube-system/cilium"
	}) {
		t.Errorf("%+v", refused)
	}
}
