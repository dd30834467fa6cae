package report

import (
	"bytes"
	"regexp"
	"strings"
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
	class := facts.Object{APIVersion: "gateway.networking.k8s.io/v1", Kind: "GatewayClass", Name: "cilium", Body: values.Tree{"kind": "GatewayClass"}}
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
		"values": NewValuesDiff("release", "git", "", []ValuesOf{{Name: "infra", Deltas: []ValuesDelta{
			delta("cluster.id", values.Changed, 1.0, 2.0), delta("debug.enabled", values.Default, nil, false),
			delta("kubeProxyReplacement", values.TypeOnly, "true", true), delta("tls", values.Added, nil, "<redacted 1a2b3c4d>"),
		}}, {Name: "apps", Unseen: "unreachable: connection refused"}}, false),
		"values-alike": NewValuesDiff("release", "git", "", []ValuesOf{{Name: "infra"}}, false),
	} {
		t.Run(name, func(t *testing.T) {
			formats := []string{"table", "wide", "json", "name", "markdown", "html"}
			if isPatch(doc) {
				formats = append(formats, "unified")
			}
			for _, format := range formats {
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
			cases, err := renderCases(doc, Style{})
			if err != nil {
				t.Fatal(err)
			}
			golden.Assert(t, string(cases), "diff-"+name+".junit")
		})
	}
}

// TestDiffThreePlaces shows a column for each place and which of them differs.
func TestDiffThreePlaces(t *testing.T) {
	delta := func(path values.Path, from, to, with any, odd string, absent ...string) ValuesDelta {
		return ValuesDelta{
			Cluster: "infra", Delta: values.Delta{Path: path, Class: values.Changed, From: from, To: to}, With: with, Odd: odd, Absent: absent,
		}
	}
	doc := NewValuesDiff("release", "git", "bootstrap", []ValuesOf{{
		Name: "infra", Unknown: []string{"tls.ca.key is a secret"}, Deltas: []ValuesDelta{
			delta("cluster.id", 1.0, 2.0, 1.0, "git"), delta("debug.enabled", true, true, nil, "bootstrap", "bootstrap"),
			delta("tunnelPort", 1.0, 2.0, 3.0, "each"),
		},
	}}, false)
	for _, format := range []string{"table", "json", "markdown"} {
		var f Format
		if err := f.Set(format); err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := Print(&out, f, doc, Style{}); err != nil {
			t.Fatal(err)
		}
		golden.Assert(t, out.String(), "diff-three."+format)
	}
}

// hostile is a text that would be markup, an escape, a fence, a table or reversed, if it were not made harmless.
const hostile = "</pre></td><script>alert(1)</script><img src=//x onerror=a()>`````\n# h|[a](javascript:a)\x1b[31m\u202eevil\u2066"

// TestHostileNames puts hostile text wherever a cluster can.
func TestHostileNames(t *testing.T) {
	object := func(body string) facts.Object {
		return facts.Object{APIVersion: "v1", Kind: "ConfigMap", Namespace: hostile, Name: hostile, Body: values.Tree{"data": map[string]any{hostile: body}}}
	}
	f := adopted()
	f.Cluster, f.Rendered.ChartFrom, f.Rendered.Unknown = hostile, hostile, []string{hostile}
	f.Rendered.Before = []facts.Object{object("a" + hostile)}
	f.Rendered.After = []facts.Object{object("b" + hostile)}
	f.Rendered.Live = f.Rendered.Before
	dark := ImpactOf{Facts: facts.Facts{Cluster: hostile}, Unseen: hostile}
	value := ValuesDelta{Cluster: hostile, Delta: values.Delta{Path: hostile, Class: values.Changed, From: hostile, To: hostile}}
	for name, doc := range map[string]Doc{
		"impact":    NewImpact([]ImpactOf{{Facts: f}, dark}),
		"manifests": NewManifestDiff([]ImpactOf{{Facts: f}, dark}),
		"values":    NewValuesDiff("file="+hostile, "git", "", []ValuesOf{{Name: hostile, Unknown: []string{hostile}, Deltas: []ValuesDelta{value}}}, false),
	} {
		t.Run(name, func(t *testing.T) {
			for format, forbidden := range map[string][]string{
				"html":     {"<script", "<img", "</pre></td>", "http://", "https://", "\u202e", "\u2066", "\x1b", "<link", "@import", "url("},
				"markdown": {"<script", "<img", "\n# h", "\u202e", "\u2066", "\x1b"},
				"unified":  {"\u202e", "\u2066", "\x1b"},
			} {
				var f Format
				if err := f.Set(format); err != nil {
					t.Fatal(err)
				}
				if f.Knows(doc) != nil {
					continue
				}
				var out bytes.Buffer
				if err := Print(&out, f, doc, Style{}); err != nil {
					t.Fatal(err)
				}
				text := out.String()
				if format == "markdown" { // what stands in a fence is text, whatever it looks like
					text = outsideFences(t, text)
				}
				if format == "markdown" && regexp.MustCompile(`(^|[^\\])[\[`+"`"+`]`).MatchString(text) {
					t.Errorf("a bracket or a backtick has its meaning:\n%s", text)
				}
				for _, bad := range forbidden {
					if strings.Contains(text, bad) {
						t.Errorf("%s has %q:\n%s", format, bad, text)
					}
				}
			}
		})
	}
}

// outsideFences is Markdown without its code; every fence must be closed by one of its own length.
func outsideFences(t *testing.T, text string) string {
	t.Helper()
	var out strings.Builder
	fence := ""
	for line := range strings.Lines(text) {
		trimmed := strings.TrimRight(line, "\n")
		switch {
		case fence == "" && strings.HasPrefix(trimmed, "```"):
			fence = trimmed[:strings.LastIndex(trimmed, "`")+1]
		case fence != "" && trimmed == fence:
			fence = ""
		case fence == "":
			out.WriteString(line)
		}
	}
	if fence != "" {
		t.Error("a fence is not closed")
	}
	return out.String()
}

// TestFormatsOfTheirOwn: a document without such a form refuses it, and names those it has.
func TestFormatsOfTheirOwn(t *testing.T) {
	for format, doc := range map[string]Doc{"unified": ValuesDiff{}, "html": Comparison{}, "markdown": Scaffold{}} {
		var f Format
		if err := f.Set(format); err != nil {
			t.Fatal(err)
		}
		if err := Print(&bytes.Buffer{}, f, doc, Style{}); err == nil || !strings.Contains(err.Error(), "there are: table, wide") {
			t.Errorf("%s of a %T: %v", format, doc, err)
		}
	}
}

// TestAlike: null and nothing are alike but for the keys of data.
func TestAlike(t *testing.T) {
	before := map[string]any{
		"data": map[string]any{"gone": ""}, "spec": map[string]any{"a": nil, "list": []any{map[string]any{"x": ""}}, "both": map[string]any{}},
	}
	after := map[string]any{
		"data": map[string]any{}, "spec": map[string]any{"list": []any{map[string]any{}}, "b": []any{}, "both": nil},
	}
	was, is := alike(before, after, true)
	text, err := human(was, is, Style{})
	if err != nil || !strings.Contains(text, "gone") || strings.Contains(text, "spec") {
		t.Errorf("%v\n%s", err, text)
	}
}
