package handover_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// unclaimed has no object of Cilium's say which Helm release it belongs to, as kubectl apply leaves them.
func unclaimed(f *facts.Facts) {
	for _, all := range []*[]facts.Workload{&f.Live.DaemonSets, &f.Live.Deployments} {
		*all = slices.Clone(*all)
		for i := range *all {
			(*all)[i].Release = ""
		}
	}
}

// claimRows are objects of a release that Helm has no record of where the fleet expects it, and what the refusal says.
var claimRows = map[string]struct {
	change func(*facts.Facts)
	want   []string
}{
	"the agents, record in a ConfigMap": {func(f *facts.Facts) {
		f.Live.DaemonSets[0].Release = "kube-system/cni"
		f.Live.Search = &facts.RecordSearch{Claim: "kube-system/cni", Records: []facts.Record{
			{Namespace: "helm", Secret: "cni.v3", Release: "cni", Revision: 3, Status: "deployed", Driver: "configmap"},
		}}
	}, []string{"kube-system/cni", "ConfigMap helm/cni.v3, revision 3 deployed"}},
	"the operator, record nowhere": {func(f *facts.Facts) {
		f.Live.Deployments[0].Release = "kube-system/cni"
		f.Live.Search = &facts.RecordSearch{}
	}, []string{"Deployment/kube-system/cilium-operator", "HELM_DRIVER=sql, or lost"}},
	"a ConfigMap, and nothing may be looked at": {func(f *facts.Facts) {
		f.Rendered.Live = []facts.Object{{APIVersion: "v1", Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config", Body: values.Tree{
			"metadata": map[string]any{"annotations": map[string]any{"meta.helm.sh/release-name": "cni", "meta.helm.sh/release-namespace": "network"}},
		}}}
		f.Live.Search = &facts.RecordSearch{Blind: []string{"secrets of all namespaces: forbidden"}}
	}, []string{"ConfigMap/kube-system/cilium-config", "network/cni", "could not be looked for in secrets of all namespaces: forbidden"}},
}

// TestFinding_H7_NoTakeOver: what says that it belongs to a Helm release is not taken over, by itself or when asked.
func TestFinding_H7_NoTakeOver(t *testing.T) {
	for name, row := range claimRows {
		for _, asked := range []handover.Strategy{"", handover.TakeOver} {
			in := newModel(t).input()
			in.Facts.Live.Records, in.Facts.Live.Release, in.Strategy = nil, nil, asked
			unclaimed(&in.Facts)
			if p := handover.Make(in); p.Strategy != handover.TakeOver || !p.Ready {
				t.Fatalf("%s: not ready before: %+v", name, p.Refusals)
			}
			row.change(&in.Facts)
			p := handover.Make(in)
			i := slices.IndexFunc(p.Refusals, func(r handover.Refusal) bool { return r.ID == "HP206" })
			if p.Ready || i < 0 || !refusedWith(p, "HP401") {
				t.Errorf("%s: ready %t, %+v", name, p.Ready, p.Refusals)
				continue
			}
			var said string
			for _, e := range p.Refusals[i].Evidence {
				said += e.Where + " " + e.Got + "\n"
			}
			for _, want := range row.want {
				if !strings.Contains(said, want) {
					t.Errorf("%s: lacks %q:\n%s", name, want, said)
				}
			}
			if hint := p.Refusals[i].Hint; !strings.Contains(hint, "cilium.release, cilium.namespace") || !strings.Contains(hint, "releaseName") {
				t.Errorf("%s: %s", name, hint)
			}
		}
	}
}

// TestFinding_M23_RecordsWithObjects: a record is removed only where all that its release names is Cilium's release's, too.
func TestFinding_M23_RecordsWithObjects(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*facts.Record)
		want   string // "remove", a word of why it is kept, or empty where it is not listed
	}{
		"the same objects": {func(*facts.Record) {}, "remove"},
		"one of its own": {func(r *facts.Record) {
			r.OwnCount, r.Own = 1, []string{"DaemonSet/kube-system/cilium-pre-flight-check"}
		}, "cilium-pre-flight-check. See them: helm -n flux-system get manifest"},
		"not compared":      {func(r *facts.Record) { r.Compared = false }, "has not been compared"},
		"all are its own":   {func(r *facts.Record) { r.Shared, r.OwnCount, r.Own = 0, 2, []string{"DaemonSet/a/b", "Deployment/a/b"} }, ""},
		"it names nothing":  {func(r *facts.Record) { r.Shared = 0 }, "remove"},
		"not even the kind": {func(r *facts.Record) { r.Chart, r.Compared = "", false }, "of which chart"},
	} {
		m := newModel(t)
		in := handover.CleanupInput{Facts: m.facts(), Keep: 1, Now: m.now}
		in.Facts.Live.Fields, in.Facts.Git = nil, nil
		stale(&in)
		row.change(&in.Facts.Live.Records[len(in.Facts.Live.Records)-1])
		got := ""
		for _, l := range handover.Leftovers(in) {
			if got += l.Keep; l.Action != nil {
				got += string(l.Action.Verb)
			}
		}
		if row.want == "" && got != "" || !strings.Contains(got, row.want) {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

// TestFinding_M16_CleanupGivesBack: what a run that is over had suspended is found by the journal in the cluster, and let go
// where that does not bring the handover back.
func TestFinding_M16_CleanupGivesBack(t *testing.T) {
	ref := handover.Ref{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Namespace: "flux-system", Name: "apps"}
	for name, row := range map[string]struct {
		change func(*handover.CleanupInput)
		want   string
	}{
		"suspended still":     {func(*handover.CleanupInput) {}, "resume"},
		"let go meanwhile":    {func(in *handover.CleanupInput) { in.Facts.Live.Kustomizations[0].Suspend = false }, ""},
		"the run goes on":     {func(in *handover.CleanupInput) { in.Journal.Phase = handover.Frozen }, ""},
		"no HelmRelease":      {func(in *handover.CleanupInput) { in.Facts.Live.HelmReleases = nil }, "Take that out of Git"},
		"it applies no other": {func(in *handover.CleanupInput) { in.Facts.Live.Kustomizations[0].Inventory = nil }, "it is not what applies the HelmRelease"},
	} {
		m := newModel(t)
		in := handover.CleanupInput{Facts: m.facts(), Keep: 1, Now: m.now, Journal: &handover.Journal{
			Name: handover.RollbackName, Phase: handover.RolledBack, Owed: []handover.Ref{ref}, Steps: []handover.StepRecord{{ID: handover.StepLetGo, Begun: 1}},
		}}
		in.Facts.Live.Fields, in.Facts.Git = nil, nil
		in.Facts.Live.HelmReleases = []facts.HelmRelease{{Namespace: "kube-system", Name: "cilium", Suspend: true}}
		in.Facts.Live.Kustomizations = []facts.FluxKustomization{{Namespace: "flux-system", Name: "apps", Suspend: true, Inventory: []string{"HelmRelease/kube-system/cilium"}}}
		row.change(&in)
		got := ""
		for _, l := range handover.Leftovers(in) {
			if got += l.Keep; l.Action != nil {
				got += string(l.Action.Verb) + " " + l.Action.Ref.String()
			}
		}
		if row.want == "" && got != "" || !strings.Contains(got, row.want) {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}
