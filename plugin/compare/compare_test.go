package compare_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/cilium-gitops/cilium-gitops/plugin/compare"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// one is a cluster as it should be, the n-th of its fleet.
func one(n int) facts.Facts {
	name := fmt.Sprintf("c%03d", n)
	pods := fmt.Sprintf("10.%d.0.0/16", n)
	f := facts.Facts{
		Cluster: name, Context: name, Server: "https://" + name + ":6443", Taken: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
		Expect: fleet.Default().Expect(fleet.Cluster{Name: name}), Seen: compare.Needs(compare.Aspects()),
		Live: facts.Live{
			Settings: &facts.ConfigMap{Data: map[string]string{
				"CLUSTER": name, "CLUSTER_ID": fmt.Sprint(n), "POD_CIDR_STRING": pods, "CILIUM_VERSION": "1.18.2",
				"SERVICE_CIDR": fmt.Sprintf(`["172.%d.0.0/16"]`, n),
			}},
			Config: &facts.ConfigMap{Data: map[string]string{
				"cluster-name": name, "cluster-id": fmt.Sprint(n), "enable-wireguard": "true", "ipv4-native-routing-cidr": pods,
			}},
			Release: &facts.ReleaseContents{
				Status: "deployed", Chart: "cilium", ChartVersion: "1.18.2", AppVersion: "1.18.2",
				Values: values.Tree{
					"cluster": map[string]any{"name": name, "id": float64(n)}, "ipv4NativeRoutingCIDR": pods,
					"encryption": map[string]any{"enabled": true, "type": "wireguard"}, "k8sServiceHost": "api." + name + ".example.org",
				},
				Defaults: values.Tree{"hubble": map[string]any{"enabled": true}, "cluster": map[string]any{"id": 0.0, "name": "default"}},
			},
			Records: []facts.Record{{Namespace: "kube-system", Release: "cilium", Revision: 1, Status: "deployed"}},
			Agents: []facts.Agent{{
				Node: name + "-1", Version: "1.18.2", Cilium: facts.State{State: "Ok"}, Kubernetes: facts.State{State: "Ok"},
				KubeProxyReplacement: "True", Encryption: facts.Encryption{Mode: "Wireguard"},
			}},
			Nodes: []facts.Node{{Name: name + "-1", Ready: true, PodCIDRs: []string{fmt.Sprintf("10.%d.1.0/24", n)}}},
		},
	}
	return f
}

func fleetOf(n int) []facts.Facts {
	var all []facts.Facts
	for i := range n {
		all = append(all, one(i+1))
	}
	return all
}

func of(all []facts.Facts) compare.Result { return compare.Of(all, compare.Aspects(), "") }

// unexpected are the unexpected differences and clashes, in words.
func unexpected(r compare.Result) []string {
	var out []string
	for _, d := range r.Differences {
		if d.Unexpected() {
			out = append(out, string(d.What)+" "+d.Path)
		}
	}
	for _, c := range r.Clashes {
		out = append(out, "clash "+c.What+" "+c.Value)
	}
	return out
}

func TestHealthyFleetsDifferByVariablesAlone(t *testing.T) {
	for _, n := range []int{2, 3, 9} {
		r := of(fleetOf(n))
		if got := unexpected(r); got != nil {
			t.Errorf("%d clusters: %v", n, got)
		}
		vars := map[string]string{}
		for _, d := range r.Differences {
			vars[string(d.What)+" "+d.Path] = d.Var
		}
		for path, want := range map[string]string{
			"values cluster.id": "CLUSTER_ID", "values k8sServiceHost": "CLUSTER", "values ipv4NativeRoutingCIDR": "POD_CIDR_STRING",
			"config cluster-id": "CLUSTER_ID", "settings SERVICE_CIDR": "SERVICE_CIDR",
		} {
			if vars[path] != want {
				t.Errorf("%d clusters: %s is explained by %q, want %q", n, path, vars[path], want)
			}
		}
		if different, blind := r.Worst(); different || blind || len(r.Groups) != 1 || r.Compared == 0 {
			t.Errorf("%d clusters: different %v, blind %v, %d groups, %d compared", n, different, blind, len(r.Groups), r.Compared)
		}
	}
}

// Each fault of one cluster is found, and nothing else.
func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(*facts.Facts)
		want []string
	}{
		"encryption off": {func(f *facts.Facts) {
			f.Live.Release.Values["encryption"].(map[string]any)["enabled"] = false
		}, []string{"values encryption.enabled", "features wireguard declared"}},
		"type": {func(f *facts.Facts) {
			f.Live.Release.Values["encryption"].(map[string]any)["enabled"] = "true"
		}, []string{"values encryption.enabled"}},
		"default spelt out": {func(f *facts.Facts) {
			f.Live.Release.Values["hubble"] = map[string]any{"enabled": true}
		}, nil},
		"not the default": {func(f *facts.Facts) {
			f.Live.Release.Values["hubble"] = map[string]any{"enabled": false}
		}, []string{"values hubble.enabled", "features hubble declared"}},
		"small number": {func(f *facts.Facts) {
			f.Live.Release.Values["operator"] = map[string]any{"replicas": 2.0}
		}, []string{"values operator.replicas"}},
		"id is not the setting": {func(f *facts.Facts) {
			f.Live.Release.Values["cluster"].(map[string]any)["id"] = 77.0
		}, []string{"values cluster.id"}},
		"same id": {func(f *facts.Facts) {
			f.Live.Release.Values["cluster"].(map[string]any)["id"] = 1.0
			f.Live.Config.Data["cluster-id"], f.Live.Settings.Data["CLUSTER_ID"] = "1", "1"
		}, []string{"clash CLUSTER_ID 1", "clash cluster.id 1"}},
		"version": {func(f *facts.Facts) {
			f.Live.Release.ChartVersion, f.Live.Settings.Data["CILIUM_VERSION"] = "1.18.3", "1.18.3"
		}, []string{"settings CILIUM_VERSION", "versions chart"}},
		"adopted from a registry": {func(f *facts.Facts) { f.Live.Release.ChartVersion = "1.18.2+0c347cf81b87" }, nil},
		"agent":                   {func(f *facts.Facts) { f.Live.Agents[0].Encryption.Mode = "Disabled" }, []string{"features wireguard effective"}},
		"setting lost":            {func(f *facts.Facts) { delete(f.Live.Settings.Data, "CILIUM_VERSION") }, []string{"settings CILIUM_VERSION"}},
		"setting of another kind": {func(f *facts.Facts) { f.Live.Settings.Data["POD_CIDR_STRING"] = "all" }, []string{"settings POD_CIDR_STRING", "values ipv4NativeRoutingCIDR", "config ipv4-native-routing-cidr"}},
		"overlap":                 {func(f *facts.Facts) { f.Live.Nodes[0].PodCIDRs = []string{"10.1.7.0/24"} }, []string{"clash pod CIDR 10.1.0.0/16"}},
		"record":                  {func(f *facts.Facts) { f.Live.Records[0].Status = "failed" }, []string{"objects Helm release kube-system/cilium"}},
		"config":                  {func(f *facts.Facts) { f.Live.Config.Data["debug"] = "true" }, []string{"config debug"}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, n := range []int{2, 5} {
				all := fleetOf(n)
				c.do(&all[1])
				got := unexpected(of(all))
				slices.Sort(got)
				want := slices.Sorted(slices.Values(c.want))
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("of %d (-want +got):\n%s", n, diff)
				}
			}
		})
	}
}

func TestOrderChangesNothing(t *testing.T) {
	all := fleetOf(6)
	all[2].Live.Config.Data["debug"] = "true"
	all[4].Live.Settings.Data["CLUSTER_ID"] = "1"
	all[5].Blind = map[facts.Part]string{facts.Config: "forbidden"}
	want := of(all)
	for seed := range uint64(20) {
		shuffled := slices.Clone(all)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(all), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		got := of(shuffled)
		sortNames := cmp.Transformer("sorted", func(s []string) map[string]bool {
			m := map[string]bool{}
			for _, x := range s {
				m[x] = true
			}
			return m
		})
		if diff := cmp.Diff(want.Differences, got.Differences, sortNames); diff != "" {
			t.Fatalf("differences:\n%s", diff)
		}
		if diff := cmp.Diff(want.Clashes, got.Clashes, sortNames); diff != "" {
			t.Fatalf("clashes:\n%s", diff)
		}
	}
}

func TestWhatIsNotSeenIsNotAbsent(t *testing.T) {
	all := fleetOf(3)
	all[2] = facts.Facts{Cluster: "dark", Expect: all[0].Expect, Blind: map[facts.Part]string{}}
	for _, part := range compare.Needs(compare.Aspects()) {
		all[2].Blind[part] = "connection refused"
	}
	r := of(all)
	if got := unexpected(r); got != nil {
		t.Errorf("nothing can be said of a cluster that is not seen; got %v", got)
	}
	if different, blind := r.Worst(); different || !blind {
		t.Errorf("different %v, blind %v", different, blind)
	}
	declined := fleetOf(2)
	declined[1].Declined = map[facts.Part]string{facts.Agents: "--no-exec"}
	declined[1].Live.Agents = nil
	if r := of(declined); unexpected(r) != nil || len(r.Unseen) > 0 {
		t.Errorf("what nobody asked for is no difference: %v %v", unexpected(r), r.Unseen)
	}
}

// Where variables of one cluster are not seen, nobody can tell whether they explain; other differences are still found.
func TestUnseenVariables(t *testing.T) {
	all := fleetOf(2)
	all[1].Blind = map[facts.Part]string{facts.Settings: "forbidden"}
	r := of(all)
	if different, blind := r.Worst(); different || !blind {
		t.Errorf("different %v, blind %v: %v", different, blind, unexpected(r))
	}
	all[1].Live.Config.Data["debug"] = "true"
	all[1].Live.Config.Data["enable-wireguard"] = "false"
	if diff := cmp.Diff([]string{"features wireguard configured", "config debug", "config enable-wireguard"}, unexpected(of(all))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Clusters without settings have no variables, and names and ids all the same.
func TestFleetWithoutSettings(t *testing.T) {
	all := fleetOf(3)
	for i := range all {
		all[i].Live.Settings = nil
		delete(all[i].Live.Release.Values, "k8sServiceHost")
		delete(all[i].Live.Release.Values, "ipv4NativeRoutingCIDR")
		delete(all[i].Live.Config.Data, "ipv4-native-routing-cidr")
	}
	if got := unexpected(of(all)); got != nil {
		t.Errorf("%v", got)
	}
}

func TestReferenceAndGroups(t *testing.T) {
	all := fleetOf(7)
	for _, i := range []int{1, 3} {
		all[i].Live.Config.Data["debug"] = "true"
	}
	all[5].Live.Config.Data["debug"] = "verbose"
	r := of(all)
	want := []compare.Group{
		{Clusters: []string{"c002", "c004"}, Differs: 1}, {Clusters: []string{"c006"}, Differs: 1},
		{Clusters: []string{"c001", "c003", "c005", "c007"}},
	}
	if diff := cmp.Diff(want, r.Groups); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	r = compare.Of(all, []compare.Aspect{compare.Config}, "c002")
	for _, d := range r.Differences {
		if d.Path == "debug" && strings.Join(d.Odd, " ") != "c001 c003 c005 c006 c007" {
			t.Errorf("against c002 those are odd: %v", d.Odd)
		}
	}
}

// Where nearly every cluster has a value of its own, none is odd by it.
func TestScatteredValuesMakeNoGroups(t *testing.T) {
	all := fleetOf(9)
	for i := range all {
		all[i].Live.Config.Data["own"] = fmt.Sprint("x", i*7)
	}
	if r := of(all); len(r.Groups) > 2 || unexpected(r) == nil {
		t.Errorf("%d groups: %+v", len(r.Groups), r.Groups)
	}
}

// Git's templates are exact: what they do not make of variables no accident explains, and what they do is explained.
func TestGitExplains(t *testing.T) {
	all := fleetOf(2)
	for i := range all {
		all[i].Live.Release.Values["operator"] = map[string]any{"replicas": float64(i + 1)}
		all[i].Git = &facts.Git{
			Variables: []facts.GitVariable{{Name: "CLUSTER_ID", Value: fmt.Sprint(i + 1), From: "x"}, {Name: "REPLICAS", Value: fmt.Sprint(i + 1), From: "x"}},
			Releases: []facts.GitRelease{{
				Values:    values.Tree{"operator": map[string]any{"replicas": float64(i + 1)}},
				Templated: []facts.GitTemplated{{Path: "operator.replicas", Template: "${REPLICAS}", Variables: []string{"REPLICAS"}}},
			}},
		}
	}
	replicas := func() compare.Difference {
		t.Helper()
		for _, d := range of(all).Differences {
			if d.Path == "operator.replicas" {
				return d
			}
		}
		t.Fatal("operator.replicas does not differ")
		return compare.Difference{}
	}
	if d := replicas(); !d.Expected || d.Var != "REPLICAS" {
		t.Errorf("%+v", d)
	}
	all[1].Live.Release.Values["operator"] = map[string]any{"replicas": 9.0}
	if d := replicas(); d.Expected {
		t.Errorf("Git gives 2 and 9 runs: %+v", d)
	}
}

// TestManyClustersTakeLinearWork counts allocations, which do not depend on the machine: eight times the clusters are at
// most ten times the work.
func TestManyClustersTakeLinearWork(t *testing.T) {
	work := func(n int) float64 {
		all := fleetOf(n)
		return testing.AllocsPerRun(1, func() { of(all) })
	}
	if small, large := work(25), work(200); large > 10*small {
		t.Errorf("25 clusters take %.0f allocations, 200 take %.0f", small, large)
	}
}

func TestRecordedFleet(t *testing.T) {
	var all []facts.Facts
	for _, name := range []string{"infra", "apps"} {
		file, err := os.Open("../../examples/fleet/facts/" + name + ".yaml")
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		some, err := facts.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, some...)
	}
	r := compare.Of(all, []compare.Aspect{compare.Settings, compare.Values, compare.Versions, compare.Features, compare.Config, compare.Objects}, "")
	if got := unexpected(r); got != nil {
		t.Errorf("%v", got)
	}
}
