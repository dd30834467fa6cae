package handover_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// leftovers is a row for each thing that may be left over, what is done about it, and a word of why not.
var leftovers = map[string]struct {
	leave func(*handover.CleanupInput)
	want  string // "remove Secret/flux-system/x", "kept: HelmRelease", "-" for a lock, "" for nothing
}{
	"nothing":                   {func(*handover.CleanupInput) {}, ""},
	"a second release's record": {stale, "remove Secret/flux-system/sh.helm.release.v1.kube-system-cilium.v1"},
	"a second release that a HelmRelease manages": {func(in *handover.CleanupInput) {
		stale(in)
		in.Facts.Live.HelmReleases = []facts.HelmRelease{{Namespace: "flux-system", Name: "cilium", TargetNamespace: "kube-system", Suspend: true}}
	}, "kept: HelmRelease flux-system/cilium manages it"},
	"a second release that has the objects": {func(in *handover.CleanupInput) {
		stale(in)
		in.Facts.Live.DaemonSets = slices.Clone(in.Facts.Live.DaemonSets)
		for i := range in.Facts.Live.DaemonSets {
			in.Facts.Live.DaemonSets[i].Release = "flux-system/kube-system-cilium"
		}
	}, "kept: DaemonSet cilium belongs to release flux-system/kube-system-cilium"},
	"a second release, and no DaemonSet": {func(in *handover.CleanupInput) { stale(in); in.Facts.Live.DaemonSets = nil }, "kept: there is no DaemonSet"},
	"a second release, and none of its own": {func(in *handover.CleanupInput) {
		stale(in)
		in.Facts.Live.Records = in.Facts.Live.Records[len(in.Facts.Live.Records)-1:]
	}, "kept: Helm has no record of release kube-system/cilium"},
	"a record that was not read": {func(in *handover.CleanupInput) {
		stale(in)
		in.Facts.Live.Records[len(in.Facts.Live.Records)-1].Chart = ""
	}, "kept: of which chart"},
	"another chart": {func(in *handover.CleanupInput) {
		stale(in)
		in.Facts.Live.Records[len(in.Facts.Live.Records)-1].Chart = "cilium-policies"
	}, ""},
	"Cilium's preflight": {func(in *handover.CleanupInput) {
		stale(in)
		in.Facts.Live.Records[len(in.Facts.Live.Records)-1].Release = "cilium-preflight"
	}, ""},
	"co-owned fields, adopted":             {func(in *handover.CleanupInput) { adopt(in); coOwn(in) }, "hand-fields ConfigMap/kube-system/cilium-config"},
	"co-owned fields, not adopted":         {coOwn, ""},
	"a probe's pod":                        {own("v1", "Pod", "probe", "", 0), "remove Pod/flux-system/probe"},
	"a killed probe's namespace":           {probeSpace(time.Second, false), "remove Namespace/cilium-gitops-probe-x7k2p"},
	"a probe's namespace at work":          {probeSpace(-time.Second, false), "kept: a probe may be at work in it until 2"},
	"a probe's namespace that goes":        {probeSpace(time.Second, true), "kept: the cluster is removing it"},
	"a lock that is held":                  {own("coordination.k8s.io/v1", "Lease", handover.LeaseName, "ann", time.Second), ""},
	"a lock whose holder is ahead in time": {own("coordination.k8s.io/v1", "Lease", handover.LeaseName, "ann", -time.Second), ""},
	"a lock that died":                     {own("coordination.k8s.io/v1", "Lease", handover.LeaseName, "ann", time.Hour), "-"},
	"a lock of nobody's":                   {own("coordination.k8s.io/v1", "Lease", "other", "", 0), "remove Lease/flux-system/other"},
	"the journal":                          {own("v1", "ConfigMap", handover.JournalName, "", 0), ""},
	"the journal, none is kept": {func(in *handover.CleanupInput) {
		own("v1", "ConfigMap", handover.JournalName, "", 0)(in)
		in.Keep, in.Journal = 0, &handover.Journal{Phase: handover.Finished}
	}, "remove ConfigMap/flux-system/cilium-gitops-handover"},
	"the journal of a run that stopped": {func(in *handover.CleanupInput) {
		own("v1", "ConfigMap", handover.JournalName, "", 0)(in)
		in.Keep, in.Journal = 0, &handover.Journal{Phase: handover.Frozen, Steps: []handover.StepRecord{{Begun: 1}}}
	}, ""},
}

func stale(in *handover.CleanupInput) {
	in.Facts.Live.Records = append(slices.Clone(in.Facts.Live.Records), facts.Record{
		Namespace: "flux-system", Release: "kube-system-cilium", Secret: "sh.helm.release.v1.kube-system-cilium.v1", Revision: 1, Status: "deployed", Chart: "cilium",
		Compared: true, Shared: 40,
	})
}

func adopt(in *handover.CleanupInput) {
	in.Facts.Live.HelmReleases = []facts.HelmRelease{{
		Namespace: "kube-system", Name: "cilium", Conditions: []facts.Condition{{Type: "Ready", Status: "True"}},
		History: []facts.Snapshot{{Name: "cilium", Namespace: "kube-system", Version: int64(in.Facts.Live.Records[0].Revision)}},
	}}
}

func coOwn(in *handover.CleanupInput) {
	in.Objects = []handover.Ref{configRef, wiringRef}
	in.Facts.Live.Fields = []facts.FieldOwners{
		{Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config", Shared: 7},
		{Kind: "Kustomization", Namespace: "flux-system", Name: "cilium-core"},
	}
}

func own(api, kind, name, holder string, ago time.Duration) func(*handover.CleanupInput) {
	return func(in *handover.CleanupInput) {
		in.Own = append(in.Own, handover.Own{
			Ref:    handover.Ref{APIVersion: api, Kind: kind, Namespace: "flux-system", Name: name},
			Holder: holder, Renewed: in.Now.Add(-ago),
		})
	}
}

func probeSpace(since time.Duration, removing bool) func(*handover.CleanupInput) {
	return func(in *handover.CleanupInput) {
		in.Own = append(in.Own, handover.Own{
			Ref:   handover.Ref{APIVersion: "v1", Kind: "Namespace", Name: "cilium-gitops-probe-x7k2p"},
			Until: in.Now.Add(-since), Over: since > 0, Removing: removing,
		})
	}
}

func TestLeftovers(t *testing.T) {
	for name, row := range leftovers {
		m := newModel(t)
		in := handover.CleanupInput{Facts: m.facts(), Keep: 1, Now: m.now}
		in.Facts.Live.Fields, in.Facts.Git = nil, nil
		row.leave(&in)
		var got []string
		for _, l := range handover.Leftovers(in) {
			switch {
			case l.What == "" || l.Ref.Name == "":
				t.Errorf("%s: a leftover that says nothing: %+v", name, l)
			case l.Keep != "" && l.Action == nil:
				got = append(got, "kept: "+l.Keep)
			case l.Keep == "" && l.Action != nil:
				got = append(got, fmt.Sprintf("%s %s", l.Action.Verb, l.Ref))
			default:
				got = append(got, "-")
			}
		}
		if text := strings.Join(got, "; "); row.want == "" && text != "" || !strings.HasPrefix(text, row.want) {
			t.Errorf("%s: %q, want %q", name, text, row.want)
		}
	}
}
