package report

import (
	"bytes"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/internal/golden"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// adopted is a cluster whose agents would be replaced, one key changed, one object deleted, and one made anew.
func adopted() facts.Facts {
	label := func(version string) map[string]any {
		return map[string]any{"metadata": map[string]any{"labels": map[string]any{"helm.sh/chart": "cilium-" + version}}}
	}
	agents := func(version string) facts.Object {
		return facts.Object{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: "kube-system", Name: "cilium", Body: values.Tree{"spec": map[string]any{"template": label(version)}}}
	}
	config := func(data map[string]any) facts.Object {
		return facts.Object{APIVersion: "v1", Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config", Body: values.Tree{"data": data}}
	}
	secret := func(cert string) facts.Object {
		return facts.Object{APIVersion: "v1", Kind: "Secret", Namespace: "kube-system", Name: "hubble-certs", Body: values.Tree{"data": map[string]any{"tls.crt": cert}}, Random: []values.Path{`data.tls\.crt`}}
	}
	class := facts.Object{APIVersion: "gateway.networking.k8s.io/v1", Kind: "GatewayClass", Name: "cilium"}
	account := func(labels map[string]any) facts.Object {
		return facts.Object{APIVersion: "v1", Kind: "ServiceAccount", Namespace: "kube-system", Name: "cilium", Body: values.Tree{"metadata": map[string]any{"labels": labels}}}
	}
	before := []facts.Object{agents("1.20.2"), config(map[string]any{"cluster-id": "1", "debug": "false"}), secret("one"), class, account(nil)}
	live := append([]facts.Object(nil), before...)
	live[1].Owners = []facts.Owner{{Manager: "helm", Operation: "Apply", Fields: map[string]any{"f:data": map[string]any{"f:debug": map[string]any{}}}}}
	return facts.Facts{
		Cluster: "infra", Context: "infra",
		Live: facts.Live{Pods: []facts.Pod{{Namespace: "kube-system", Owner: "DaemonSet/cilium"}, {Namespace: "kube-system", Owner: "DaemonSet/cilium"}}},
		Rendered: &facts.Rendered{
			By: "HelmRelease/kube-system/cilium", Release: "kube-system/cilium", Revision: 1, Method: facts.ServerSide,
			Chart: "cilium", ChartVersion: "1.20.2+0cc9a8446c95", ChartFrom: "oci://registry.example.org/charts/cilium:1.20.2", KubeVersion: "v1.34.1",
			LiveSeen: true, Before: before, Live: live,
			After: []facts.Object{
				agents("1.20.2_0cc9a8446c95"), config(map[string]any{"cluster-id": "2"}), secret("two"),
				account(map[string]any{"helm.toolkit.fluxcd.io/name": "cilium"}),
			},
			Hooks:   []facts.Hook{{Kind: "Job", Namespace: "kube-system", Name: "certs", Events: []string{"post-upgrade"}}},
			Unknown: []string{"the chart's signature was not verified; Flux will"},
		},
	}
}

func TestDiffDocuments(t *testing.T) {
	dark := ImpactOf{Facts: facts.Facts{Cluster: "apps", Context: "apps"}, Unseen: "unreachable: connection refused"}
	delta := func(path values.Path, class values.Class, from, to any) ValuesDelta {
		return ValuesDelta{Cluster: "infra", Delta: values.Delta{Path: path, Class: class, From: from, To: to}, Blocking: path == "cluster.id"}
	}
	for name, doc := range map[string]Doc{
		"impact":         NewImpact([]ImpactOf{{Facts: adopted()}}),
		"impact-dark":    NewImpact([]ImpactOf{{Facts: adopted()}, dark}),
		"manifests":      NewManifestDiff([]ImpactOf{{Facts: adopted()}}),
		"manifests-dark": NewManifestDiff([]ImpactOf{dark}),
		"values": NewValuesDiff("release", "git", []ValuesOf{{Name: "infra", Deltas: []ValuesDelta{
			delta("cluster.id", values.Changed, 1.0, 2.0), delta("debug.enabled", values.Default, nil, false),
			delta("kubeProxyReplacement", values.TypeOnly, "true", true), delta("tls", values.Added, nil, "<redacted 1a2b3c4d>"),
		}}, {Name: "apps", Unseen: "unreachable: connection refused"}}, false),
		"values-alike": NewValuesDiff("release", "git", []ValuesOf{{Name: "infra"}}, false),
	} {
		t.Run(name, func(t *testing.T) {
			for _, format := range []string{"table", "wide", "json", "name"} {
				var f Format
				if err := f.Set(format); err != nil {
					t.Fatal(err)
				}
				var out bytes.Buffer
				if err := Print(&out, f, doc, Style{}); err != nil {
					t.Fatal(err)
				}
				golden.Assert(t, out.String(), "diff-"+name+"."+format)
			}
		})
	}
}
