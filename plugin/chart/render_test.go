package chart

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	helmv2 "github.com/fluxcd/helm-controller/api/v2"
	"github.com/fluxcd/pkg/apis/kustomize"

	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

const chartLabel = `spec.template.metadata.labels.helm\.sh/chart`

func TestTheDigestReachesThePodTemplate(t *testing.T) {
	plain := rendered(t, newCluster(), fixture(t), nil)
	f := &Fetched{Chart: fixture(t), Digest: "sha256:0cc9a8446c95aaaaaaaa", From: "oci://x"}
	if err := suffixed(f); err != nil {
		t.Fatal(err)
	}
	with := rendered(t, newCluster(), f.Chart, nil)
	if got := find(with.objects, "DaemonSet", "cilium").Body.Text(chartLabel); got != "cilium-1.20.2_0cc9a8446c95" {
		t.Errorf("got %s", got)
	}
	edits := impact.Edits(find(plain.objects, "DaemonSet", "cilium").Body, find(with.objects, "DaemonSet", "cilium").Body)
	if len(edits) != 2 {
		t.Errorf("got %v", edits)
	}
	if err := suffixed(&Fetched{Chart: fixture(t)}); err == nil {
		t.Error("no digest and no error")
	}
}

func TestObjectsAreAsTheAPIHasThem(t *testing.T) {
	out := rendered(t, newCluster(), fixture(t), values.Tree{"tls": map[string]any{"ca": map[string]any{"key": "k"}}})
	ds := find(out.objects, "DaemonSet", "cilium")
	if len(out.objects) != 6 || ds == nil || find(out.objects, "GatewayClass", "cilium").Namespace != "" {
		t.Fatalf("got %d objects", len(out.objects))
	}
	for _, e := range impact.Overrides(values.Tree{"cpu": "100m"}, values.Tree{"cpu": cpu(ds.Body)}) {
		t.Errorf("a quantity: %+v", e)
	}
	if got := find(out.objects, "Secret", "given").Body.Text("data.key"); got != base64.StdEncoding.EncodeToString([]byte("k")) {
		t.Errorf("stringData became %q", got)
	}
}

func cpu(body values.Tree) any {
	all, _ := body.Lookup("spec.template.spec.containers")
	c := values.Tree(all.([]any)[0].(map[string]any))
	v, _ := c.Lookup("resources.requests.cpu")
	return v
}

// TestNullDefaults: a default of null is no value, as Helm 4 has it, and so helm-controller.
func TestNullDefaults(t *testing.T) {
	out := rendered(t, newCluster(), fixture(t), nil)
	if _, there := find(out.objects, "ConfigMap", "cilium-config").Body.Lookup("data.debug-verbose"); there {
		t.Error("debug.verbose is null, and was rendered")
	}
}

func TestCapabilities(t *testing.T) {
	c := newCluster()
	c.apis = c.apis[:4]
	if find(rendered(t, c, fixture(t), nil).objects, "GatewayClass", "cilium") != nil {
		t.Error("a GatewayClass that the cluster does not know")
	}
	c = newCluster()
	c.version = "v1.29.3+k3s1"
	ds := find(rendered(t, c, fixture(t), nil).objects, "DaemonSet", "cilium")
	if !strings.Contains(fmt.Sprint(ds.Body), "OLD") {
		t.Error("the cluster's version did not reach the template")
	}
}

func TestLookupsAreAnswered(t *testing.T) {
	cert := base64.StdEncoding.EncodeToString([]byte("the one that is there"))
	c := newCluster(map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "cilium-ca", "namespace": "kube-system"},
		"data": map[string]any{"ca.crt": cert},
	})
	out := rendered(t, c, fixture(t), nil)
	if got := find(out.objects, "Secret", "cilium-ca").Body.Text(`data.ca\.crt`); got != cert {
		t.Errorf("got %s", got)
	}
}

func TestHooksAreNoObjects(t *testing.T) {
	out := rendered(t, newCluster(), fixture(t), values.Tree{"hook": true})
	if find(out.objects, "Job", "generate-certs") != nil || len(out.hooks) != 1 || out.hooks[0].Events[0] != "post-upgrade" || len(out.hooks[0].Events) != 1 {
		t.Errorf("got %+v", out.hooks)
	}
}

func TestChecksumFollowsTheConfiguration(t *testing.T) {
	one := rendered(t, newCluster(), fixture(t), values.Tree{"rollOutCiliumPods": true})
	two := rendered(t, newCluster(), fixture(t), values.Tree{"rollOutCiliumPods": true, "encryption": map[string]any{"enabled": true}})
	edits := impact.Edits(find(one.objects, "DaemonSet", "cilium").Body, find(two.objects, "DaemonSet", "cilium").Body)
	if len(edits) != 1 || edits[0].Path != "spec.template.metadata.annotations.checksum" {
		t.Errorf("got %v", edits)
	}
}

func TestRenderErrors(t *testing.T) {
	for name, v := range map[string]values.Tree{
		"schema": {"cluster": map[string]any{"id": "1"}},
		"fail":   {"cluster": map[string]any{"name": ""}},
	} {
		_, err := input{chart: fixture(t), values: v, name: "cilium", namespace: "kube-system", revision: 2, cluster: newCluster()}.render()
		if !errors.Is(err, ErrRender) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestRenderers(t *testing.T) {
	hr := &helmv2.HelmRelease{}
	hr.Name, hr.Namespace = "cilium", "kube-system"
	hr.Spec.CommonMetadata = &helmv2.CommonMetadata{Annotations: map[string]string{"helm.sh/resource-policy": "keep"}}
	hr.Spec.PostRenderers = []helmv2.PostRenderer{{Kustomize: &helmv2.Kustomize{
		Patches: []kustomize.Patch{{
			Target: &kustomize.Selector{Kind: "DaemonSet"},
			Patch:  `[{"op": "replace", "path": "/spec/template/metadata/labels/helm.sh~1chart", "value": "plain"}]`,
		}},
		Images: []kustomize.Image{{Name: "cilium", NewName: "mirror/cilium"}},
	}}}
	out := rendered(t, newCluster(), fixture(t), nil, renderersOf(hr))
	ds := find(out.objects, "DaemonSet", "cilium").Body
	for path, want := range map[values.Path]string{
		chartLabel: "plain",
		`metadata.labels.helm\.toolkit\.fluxcd\.io/name`:               "cilium",
		`metadata.labels.helm\.toolkit\.fluxcd\.io/namespace`:          "kube-system",
		`metadata.annotations.helm\.sh/resource-policy`:                "keep",
		`spec.template.metadata.labels.helm\.toolkit\.fluxcd\.io/name`: "",
	} {
		if got := ds.Text(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	if !strings.Contains(fmt.Sprint(ds), "mirror/cilium:1.20.2") {
		t.Error("the image was not replaced")
	}
}
