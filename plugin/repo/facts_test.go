package repo

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/fleet"
	"github.com/cilium-gitops/cilium-gitops/plugin/internal/golden"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

func TestFacts(t *testing.T) {
	for _, c := range []struct{ dir, cluster, path string }{
		{"healthy", "infra", "kubernetes/clusters/infra"},
		{"healthy", "apps", "kubernetes/clusters/apps"},
		{"story", "infra", "kubernetes/clusters/infra"},
		{"home", "home", "kubernetes/flux/cluster"},
	} {
		t.Run(c.dir+"."+c.cluster, func(t *testing.T) {
			g, err := Read(t.Context(), "testdata/"+c.dir, fleet.Default(), fleet.Cluster{Name: c.cluster, Path: c.path})
			if err != nil {
				t.Fatal(err)
			}
			text, err := yaml.Marshal(g)
			if err != nil {
				t.Fatal(err)
			}
			golden.Assert(t, string(text), c.dir+"."+c.cluster)

			var out bytes.Buffer
			f := facts.Facts{Cluster: c.cluster, Git: g}
			if err := facts.Write(&out, []facts.Facts{f}); err != nil {
				t.Fatal(err)
			}
			back, err := facts.Read(&out)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(g, back[0].Git); diff != "" {
				t.Errorf("a recording differs (-written +read):\n%s", diff)
			}
		})
	}
}

// canary is a secret that must not be in anything that is shown or kept.
const canary = "hunter2-canary-value"

func TestSecretsStayInMemory(t *testing.T) {
	dir := write(t, &txtar.Archive{Files: []txtar.File{
		{Name: "clusters/a/objects.yaml", Data: []byte(ks("app", "app", ", postBuild: {substituteFrom: [{kind: Secret, name: vars}]}") + `---
apiVersion: v1
kind: Secret
metadata: {name: vars, namespace: flux-system}
stringData: {SECRET: ` + canary + `}
---
apiVersion: v1
kind: Secret
metadata: {name: values, namespace: kube-system}
stringData:
  values.yaml: |
    cluster: {name: ` + canary + `}
  one: ` + canary + "\n")},
		{Name: "app/release.yaml", Data: []byte(`apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: cilium, namespace: kube-system, annotations: {note: "has ${SECRET} in it"}}
spec:
  interval: 1m
  chart: {spec: {chart: cilium, version: 1.18.2, sourceRef: {kind: HelmRepository, name: c}}}
  valuesFrom:
    - {kind: Secret, name: values}
    - {kind: Secret, name: values, valuesKey: one, targetPath: nested.deep}
  values:
    plain: seen
    ca: {key: ` + canary + `}
    list: ["${SECRET}"]
    text: "x ${SECRET} y"
`)},
	}})
	c := read(t, dir, Strict)
	text, err := yaml.Marshal(c.Facts())
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), canary) {
		t.Errorf("a secret is among the facts:\n%s", text)
	}
	v, err := c.Values(t.Context(), c.Release(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"cluster.name": canary, "nested.deep": canary, "text": "x " + canary + " y", "plain": "seen"} {
		if got := v.Text(values.Path(path)); got != want {
			t.Errorf("in memory %s is %q, want %q", path, got, want)
		}
	}
	if got := c.Facts().Cilium().Values.Text("plain"); got != "seen" {
		t.Errorf("what is no secret is masked: %q", got)
	}
}
