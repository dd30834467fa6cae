package scaffold_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/internal/golden"
	"github.com/cilium-gitops/cilium-gitops/plugin/scaffold"
)

func both() []scaffold.Cluster {
	return []scaffold.Cluster{cluster("infra", story("infra", 1, "10.244.0.0/16")), cluster("apps", story("apps", 2, "10.246.0.0/16"))}
}

func whole(tree scaffold.Tree) string {
	var b strings.Builder
	for _, f := range tree.Files {
		b.WriteString("-- " + f.Path + " --\n" + f.Text)
	}
	return b.String()
}

func TestTrees(t *testing.T) {
	golden.Assert(t, whole(scaffold.Make(both(), options())), "story")

	registry := options()
	registry.Chart = "oci://127.0.0.1:5000/charts/cilium"
	golden.Assert(t, whole(scaffold.Make(both(), registry)), "registry")

	newer := both()
	newer[0].Version, newer[1].Version = "1.20.2", "1.20.2"
	golden.Assert(t, whole(scaffold.Make(newer, registry)), "registry-1.20")

	golden.Assert(t, whole(scaffold.Make([]scaffold.Cluster{cluster("infra", odd("infra", 1)), cluster("apps", odd("apps", 2))}, options())), "odd")

	secret := options()
	secret.Secret = "cilium-secret-values"
	secrets := scaffold.Make(withSecrets(), secret)
	golden.Assert(t, whole(secrets)+strings.Join(secrets.Next, "\n")+"\n", "secrets")

	old := both()
	for i := range old {
		old[i].APIs = []facts.FluxAPI{
			{Kind: "HelmRelease", Served: []string{"helm.toolkit.fluxcd.io/v2beta2", "helm.toolkit.fluxcd.io/v2"}, Fields: []string{"spec.driftDetection"}},
			{Kind: "Kustomization", Served: []string{"kustomize.toolkit.fluxcd.io/v1"}},
			{Kind: "HelmRepository", Served: []string{"source.toolkit.fluxcd.io/v1beta2"}},
		}
		old[i].Nodes = 60
	}
	golden.Assert(t, whole(scaffold.Make(old, options())), "old-flux")
}

func withSecrets() []scaffold.Cluster {
	all := both()
	for i := range all {
		all[i].Values["tls"] = map[string]any{"ca": map[string]any{"key": facts.Redacted}, "secretsNamespace": map[string]any{"name": "cilium-secrets"}}
		all[i].Values["extraEnv"] = []any{map[string]any{"name": "API_TOKEN", "value": "abc"}}
	}
	return all
}

// No secret is written, be it masked already or not.
func TestSecretsAreNotWritten(t *testing.T) {
	refused := scaffold.Make(withSecrets(), options())
	var paths []string
	for _, p := range refused.Problems {
		paths = append(paths, p.Where)
		if !strings.Contains(p.Next, "--secret") {
			t.Errorf("%+v names no way out", p)
		}
	}
	if diff := cmp.Diff([]string{"extraEnv", "tls.ca.key"}, paths); diff != "" || len(refused.Files) > 0 {
		t.Errorf("%d files; refused paths (-want +got):\n%s", len(refused.Files), diff)
	}
	with := options()
	with.Secret = "s"
	for _, f := range scaffold.Make(withSecrets(), with).Files {
		if strings.Contains(f.Text, facts.Redacted) || strings.Contains(f.Text, "abc") || strings.Contains(f.Text, "API_TOKEN") {
			t.Errorf("%s holds a secret:\n%s", f.Path, f.Text)
		}
	}
}

func TestProblems(t *testing.T) {
	for name, c := range map[string]struct {
		do   func(all []scaffold.Cluster)
		want string
	}{
		"setting disagrees": {func(all []scaffold.Cluster) {
			all[1].Settings = map[string]string{"CLUSTER_ID": "7"}
		}, `the settings of apps say "7", but cluster.id is "2" in its release`},
		"version disagrees": {func(all []scaffold.Cluster) {
			all[0].Settings = map[string]string{"CILIUM_VERSION": "1.17.0"}
		}, `the chart's version is "1.18.2"`},
		"no version":    {func(all []scaffold.Cluster) { all[0].Version = "" }, "version of its chart is not known"},
		"no values":     {func(all []scaffold.Cluster) { all[0].Values = nil }, "no values of its own"},
		"one id":        {func(all []scaffold.Cluster) { all[1].Values["cluster"].(map[string]any)["id"] = 1.0 }, "infra and apps both have 1"},
		"bad name":      {func(all []scaffold.Cluster) { all[0].Settings = map[string]string{"a-b": "x"} }, "none that Flux substitutes"},
		"masked":        {func(all []scaffold.Cluster) { all[0].Settings = map[string]string{"TOKEN": facts.Redacted} }, "look like secrets"},
		"merge key":     {func(all []scaffold.Cluster) { all[0].Values["x"] = []any{map[string]any{"<<": 1}} }, "kustomize drops it"},
		"hostile name":  {func(all []scaffold.Cluster) { all[0].Name = "a\nkind: X" }, "is no name and directory"},
		"way out":       {func(all []scaffold.Cluster) { all[0].Path = "../../etc" }, "is no name and directory"},
		"pod CIDR only": {func(all []scaffold.Cluster) { all[0].Settings = map[string]string{"POD_CIDR_STRING": "10.0.0.0/8"} }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			all := both()
			c.do(all)
			tree := scaffold.Make(all, options())
			var got []string
			for _, p := range tree.Problems {
				got = append(got, p.Message)
			}
			if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || !strings.Contains(got[0], c.want) || len(tree.Files) > 0) {
				t.Errorf("want %q and no file, got %q and %d files", c.want, got, len(tree.Files))
			}
		})
	}
}

// A variable that is there is used for what it says, and for nothing that only looks alike.
func TestVariables(t *testing.T) {
	all := both()
	for i, c := range []struct{ asn, gateway string }{{"64512", "10.25.11.120"}, {"64513", "10.25.11.121"}} {
		all[i].Settings = map[string]string{
			"CILIUM_BGP_LOCAL_ASN": c.asn, "GATEWAY": c.gateway, "CLUSTER": all[i].Name, "HA": []string{"true", "false"}[i], "OTHER": "same",
			"CILIUM_OPERATOR_REPLICAS": "taken",
		}
		all[i].Values["asn"] = map[string]any{"local": []float64{64512, 64513}[i]}
		all[i].Values["gateway"] = c.gateway
		all[i].Values["url"] = "https://" + c.gateway + "/" + all[i].Name
		all[i].Values["ha"] = i == 0
		all[i].Values["operator"] = map[string]any{"replicas": float64(i + 1)}
		all[i].Values["same"] = "same"
	}
	tree := scaffold.Make(all, options())
	got := map[string]string{}
	for _, v := range tree.Variables {
		for _, path := range v.Paths {
			got[string(path)] = v.Name
		}
	}
	want := map[string]string{
		"cluster.name": "CLUSTER", "cluster.id": "CLUSTER_ID", "ipv4NativeRoutingCIDR": "POD_CIDR_STRING",
		"asn.local": "CILIUM_BGP_LOCAL_ASN", "gateway": "GATEWAY", "ha": "CILIUM_HA",
		"operator.replicas": "CILIUM_OPERATOR_REPLICAS_2", "url": "CILIUM_URL",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestFromFacts(t *testing.T) {
	c := fleet.Cluster{Name: "infra", Context: "infra"}
	seen := func() facts.Facts {
		return facts.Facts{Seen: scaffold.Parts(), Live: facts.Live{
			Release:  &facts.ReleaseContents{Status: "deployed", ChartVersion: "1.18.2+0c347cf81b87"},
			Settings: &facts.ConfigMap{Data: map[string]string{"A": "b"}},
		}}
	}
	got, err := scaffold.FromFacts(c, seen())
	if err != nil || got.Version != "1.18.2" || got.Settings["A"] != "b" {
		t.Errorf("got %+v, %v", got, err)
	}
	for want, do := range map[string]func(*facts.Facts){
		"forbidden":               func(f *facts.Facts) { f.Blind = map[facts.Part]string{facts.Release: "forbidden"} },
		"record again":            func(f *facts.Facts) { f.Seen = nil },
		"there is no Helm":        func(f *facts.Facts) { f.Live.Release = nil },
		"is pending-upgrade: its": func(f *facts.Facts) { f.Live.Release.Status = "pending-upgrade" },
	} {
		f := seen()
		do(&f)
		if _, err := scaffold.FromFacts(c, f); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
	}
}

func TestReadValues(t *testing.T) {
	for text, want := range map[string]string{
		"USER-SUPPLIED VALUES:\na: 1\n":   "",
		"\ufeffa: 1\n":                    "",
		"\n a: 1\n":                       "",
		"COMPUTED VALUES:\na: 1\n":        "defaults",
		"apiVersion: v2\nkind: X\na: 1\n": "is a X, not values",
		"a: 1\na: 2\n":                    "already set",
		"- a\n":                           "cannot unmarshal array",
		"a: [\n":                          "yaml",
	} {
		v, err := scaffold.ReadValues([]byte(text))
		if want == "" && (err != nil || v.Text("a") != "1") || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: got %v, %v; want %q", text, v, err, want)
		}
	}
}
