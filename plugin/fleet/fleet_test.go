package fleet_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
)

const head = "apiVersion: cilium-gitops.dev/v1alpha1\nkind: Fleet\n"

func parse(t *testing.T, text string) fleet.Fleet {
	t.Helper()
	f, err := fleet.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestParseDefaults(t *testing.T) {
	if f := parse(t, head); !reflect.DeepEqual(f, fleet.Default()) {
		t.Errorf("an empty fleet file is the default: %+v", f)
	}
	if f := parse(t, "{}"); !reflect.DeepEqual(f, fleet.Default()) {
		t.Errorf("apiVersion and kind have defaults as well: %+v", f)
	}
	f := parse(t, head+"clusters:\n- name: infra\n- {name: apps, context: admin@apps, path: clusters/a}\n")
	want := []fleet.Cluster{
		{Name: "infra", Context: "infra", Path: "kubernetes/clusters/infra"},
		{Name: "apps", Context: "admin@apps", Path: "clusters/a"},
	}
	if !reflect.DeepEqual(f.Clusters, want) {
		t.Errorf("got %+v", f.Clusters)
	}
}

func TestParseLaysOverDefaults(t *testing.T) {
	f := parse(t, head+"cilium: {namespace: cilium}\nflux: {settings: ''}\nbootstrap: {values: v.yaml}\nfeatures: {bgp: off, lb-ipam: required}\n")
	d := fleet.Default()
	if f.Cilium != (facts.Names{Namespace: "cilium", Release: "cilium", DaemonSet: "cilium", Operator: "cilium-operator"}) {
		t.Errorf("cilium: %+v", f.Cilium)
	}
	if f.Flux.Settings != "" || f.Flux.Source != d.Flux.Source || f.Bootstrap.Values != "v.yaml" || f.Bootstrap.Helmfile != d.Bootstrap.Helmfile {
		t.Errorf("%+v %+v", f.Flux, f.Bootstrap)
	}
	for name, was := range d.Features {
		want := map[string]string{"bgp": fleet.Off, "lb-ipam": fleet.Required}[name]
		if want == "" {
			want = was
		}
		if f.Features[name] != want {
			t.Errorf("feature %s: %q, want %q", name, f.Features[name], want)
		}
	}
	if len(f.Features) != len(d.Features) || fleet.Default().Features["bgp"] != fleet.Required {
		t.Errorf("features: %v", f.Features)
	}
}

func TestParseErrors(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown field":   {head + "cluster: []\n", `"cluster"`},
		"unknown deep":    {head + "clusters: [{name: a, ctx: b}]\n", "ctx"},
		"unknown feature": {head + "features: {wiregard: required}\n", `no feature "wiregard"; there are: bgp, cert-manager, coredns, `},
		"feature's word":  {head + "features: {bgp: 'true'}\n", `bgp: "true" is not one of required, optional, off`},
		"no name":         {head + "clusters: [{context: a}]\n", "clusters[0]: has no name"},
		"name twice":      {head + "clusters: [{name: a}, {name: b}, {name: a}]\n", `clusters[2]: the name "a" is used twice`},
		"field twice":     {head + "clusters: []\nclusters: []\n", "clusters"},
		"other kind":      {strings.Replace(head, "Fleet", "Facts", 1), `"Facts", not a fleet`},
		"other version":   {strings.Replace(head, "v1alpha1", "v2", 1), "v2"},
		"no namespace":    {head + "cilium: {namespace: ''}\n", "cilium.namespace: is empty"},
		"no release":      {head + "cilium: {release: ''}\n", "cilium.release: is empty"},
		"no daemonset":    {head + "cilium: {daemonSet: ''}\n", "cilium.daemonSet: is empty"},
		"no operator":     {head + "cilium: {operator: ''}\n", "cilium.operator: is empty"},
		"wrong type":      {head + "clusters: 3\n", "clusters"},
		"not YAML":        {"\t{", "yaml"},
	} {
		if _, err := fleet.Parse([]byte(c.text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}

func TestByContext(t *testing.T) {
	f := parse(t, head+"clusters: [{name: infra, context: admin@infra}, {name: apps}]\n")
	for context, want := range map[string]fleet.Cluster{
		"admin@infra": {Name: "infra", Context: "admin@infra", Path: "kubernetes/clusters/infra"},
		"apps":        {Name: "apps", Context: "apps", Path: "kubernetes/clusters/apps"},
		"infra":       {Name: "infra", Context: "infra", Path: "kubernetes/clusters/infra"}, // no context of the fleet
	} {
		if got := f.ByContext(context); got != want {
			t.Errorf("%s: got %+v, want %+v", context, got, want)
		}
	}
}

func TestExpect(t *testing.T) {
	f := parse(t, head+"clusters: [{name: infra, context: admin@infra}]\nfeatures: {spegel: optional}\n")
	e := f.Expect(f.Clusters[0])
	if e.Name != "infra" || e.Cilium != f.Cilium || e.Flux != f.Flux || e.Features["spegel"] != fleet.Optional {
		t.Errorf("%+v", e)
	}
	if stranger := f.Expect(f.ByContext("infra")); stranger.Name != "" {
		t.Errorf("a context that the fleet does not name expects the name %q", stranger.Name)
	}
	e.Features["spegel"] = "changed"
	if f.Features["spegel"] != fleet.Optional {
		t.Error("what one cluster expects is shared with the others: they are looked at at the same time")
	}
}
