package report_test

import (
	"fmt"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/compare"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/internal/golden"
	"github.com/cilium-gitops/cilium-gitops/plugin/report"
	"github.com/cilium-gitops/cilium-gitops/plugin/scaffold"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// compared are that many clusters, alike but for their names and for what bad does to some of them.
func compared(n int, bad func(i int, f *facts.Facts)) report.Comparison {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("edge-%03d", i))
	}
	if n == 2 {
		names = []string{"infra", "apps"}
	}
	all := clusters(names...)
	for i := range all {
		f := &all[i]
		f.Seen = compare.Needs(compare.Aspects())
		f.Live.Settings = &facts.ConfigMap{Data: map[string]string{"CLUSTER": f.Cluster, "CLUSTER_ID": fmt.Sprint(i + 1)}}
		f.Live.Config = &facts.ConfigMap{Data: map[string]string{"cluster-name": f.Cluster, "cluster-id": fmt.Sprint(i + 1), "debug": "false"}}
		f.Live.Release = &facts.ReleaseContents{Status: "deployed", ChartVersion: "1.18.2", AppVersion: "1.18.2", Values: values.Tree{
			"cluster": map[string]any{"name": f.Cluster, "id": float64(i + 1)}, "kubeProxyReplacement": "true", "text": " a\n\x1b[31m",
		}}
		bad(i, f)
		facts.Clean(f)
	}
	return report.NewComparison(all, compare.Of(all, compare.Aspects(), ""), "")
}

func TestComparisonInEveryFormat(t *testing.T) {
	docs := map[string]report.Comparison{
		"alike": compared(2, func(int, *facts.Facts) {}),
		"different": compared(2, func(i int, f *facts.Facts) {
			f.Live.Release.Values["tls"] = map[string]any{"key": facts.Redacted}
			f.Live.Settings.Data["CLUSTER_ID"], f.Live.Config.Data["cluster-id"] = "1", "1"
			f.Live.Release.Values["cluster"].(map[string]any)["id"] = 1.0
			if i == 1 {
				f.Live.Config.Data["debug"] = "true"
				f.Live.Release.Values["kubeProxyReplacement"] = true
				f.Live.Release.Values["text"] = " b\n"
				f.Live.Release.Values["extra"] = []any{"x", nil}
			}
		}),
		"dark": compared(2, func(i int, f *facts.Facts) {
			if i == 1 {
				f.Blind = map[facts.Part]string{facts.Config: "forbidden: may not get configmaps", facts.Settings: "forbidden: may not get configmaps"}
			}
		}),
		"many": compared(200, func(i int, f *facts.Facts) {
			switch {
			case i%40 == 7:
				f.Live.Config.Data["debug"] = "true"
			case i == 50:
				f.Live.Config.Data["debug"], f.Live.Release.Values["kubeProxyReplacement"] = "verbose", "false"
			case i == 60:
				f.Blind = map[facts.Part]string{facts.Config: "timed out"}
			}
		}),
	}
	for name, doc := range docs {
		golden.Assert(t, print(t, "table", doc, report.Style{}), "compare-"+name+".table")
		golden.Assert(t, print(t, "table", doc, report.Style{Color: true, Width: 80, Unicode: true}), "compare-"+name+".table.colour")
		golden.Assert(t, print(t, "name", doc, report.Style{}), "compare-"+name+".name")
		if name != "many" {
			golden.Assert(t, print(t, "wide", doc, report.Style{}), "compare-"+name+".wide")
			golden.Assert(t, print(t, "json", doc, report.Style{}), "compare-"+name+".json")
		}
	}
}

func TestScaffoldInEveryFormat(t *testing.T) {
	tree := scaffold.Tree{
		Variables: []scaffold.Variable{
			{Name: "CILIUM_VERSION", Texts: map[string]string{"infra": "1.18.2", "apps": "1.18.2"}},
			{Name: "CLUSTER", Paths: []values.Path{"cluster.name", "k8sServiceHost"}, Texts: map[string]string{"infra": "infra", "apps": "apps"}, New: true},
		},
		Patches: []scaffold.Patch{{Cluster: "apps", Path: "hubble.metrics.enabled", Value: []any{"dns"}, Why: "differs in shape"}},
		Secrets: []scaffold.Secret{{Path: "tls.ca.key", Clusters: []string{"infra", "apps"}}},
		Notes:   []string{"one push wires all 2 clusters"}, Next: []string{"kubectl create secret"},
	}
	files := []scaffold.Laid{
		{Path: "a.yaml", Action: scaffold.Created, New: "a: 1\n"},
		{Path: "b.yaml", Action: scaffold.Changed, Old: "b: 1\nc: 2\n", New: "b: 2\nc: 2\n"},
		{Path: "c.yaml", Action: scaffold.Unchanged, Old: "c: 1\n", New: "c: 1\n", Why: "left alone"},
	}
	conflict := append(files[:2:2], scaffold.Laid{Path: "d.yaml", Action: scaffold.Conflict, Old: "d: 1\n", New: "d: 2\n", Why: "says something else"})
	refused := scaffold.Tree{Problems: []scaffold.Problem{{Where: "tls.ca.key", Message: "is a secret on infra: it does not go into Git", Next: "name a Secret: --secret NAME"}}}
	names := []string{"infra", "apps"}
	docs := map[string]report.Scaffold{
		"written":  report.NewScaffold("fleet", names, tree, files, true, false),
		"dry":      report.NewScaffold("fleet", names, tree, files, false, true),
		"conflict": report.NewScaffold("fleet", names, tree, conflict, false, false),
		"refused":  report.NewScaffold("fleet", names, refused, nil, false, false),
	}
	for name, doc := range docs {
		for _, format := range []string{"table", "json", "name"} {
			golden.Assert(t, print(t, format, doc, report.Style{}), "scaffold-"+name+"."+format)
		}
	}
}
