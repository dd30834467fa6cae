package chart

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"testing"

	helmchart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// fixture is a small chart with the traits of Cilium's that matter here.
func fixture(t testing.TB) *helmchart.Chart {
	t.Helper()
	c, err := loader.LoadDir("testdata/cilium")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// newCluster is a cluster that has those objects, and every kind that the fixture renders.
func newCluster(objects ...map[string]any) *cluster {
	c := &cluster{version: "v1.34.1", resources: map[schema.GroupVersionKind]*resource{}}
	kinds := map[schema.GroupVersionResource]string{}
	for _, k := range []struct {
		group, version, kind, plural string
		cluster                      bool
	}{
		{"", "v1", "ConfigMap", "configmaps", false}, {"", "v1", "Secret", "secrets", false},
		{"apps", "v1", "DaemonSet", "daemonsets", false}, {"apps", "v1", "Deployment", "deployments", false},
		{"batch", "v1", "Job", "jobs", false},
		{"gateway.networking.k8s.io", "v1", "GatewayClass", "gatewayclasses", true},
		{"helm.toolkit.fluxcd.io", "v2", "HelmRelease", "helmreleases", false},
		{"source.toolkit.fluxcd.io", "v1", "OCIRepository", "ocirepositories", false},
		{"source.toolkit.fluxcd.io", "v1", "HelmRepository", "helmrepositories", false},
		{"source.toolkit.fluxcd.io", "v1", "HelmChart", "helmcharts", false},
		{"source.toolkit.fluxcd.io", "v1", "GitRepository", "gitrepositories", false},
		{"source.toolkit.fluxcd.io", "v1", "Bucket", "buckets", false},
		{"source.toolkit.fluxcd.io", "v1", "ExternalArtifact", "externalartifacts", false},
		{"", "v1", "ServiceAccount", "serviceaccounts", false},
	} {
		own := schema.GroupVersionKind{Group: k.group, Version: k.version, Kind: k.kind}
		gvr := own.GroupVersion().WithResource(k.plural)
		c.resources[own] = &resource{gvr, !k.cluster}
		c.apis = append(c.apis, own.GroupVersion().String(), own.GroupVersion().String()+"/"+k.kind)
		kinds[gvr] = k.kind + "List"
	}
	var all []runtime.Object
	for _, o := range objects {
		all = append(all, &unstructured.Unstructured{Object: o})
	}
	c.dynamic = fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, all...)
	return c
}

func newSession(c *cluster) *Session {
	return &Session{cluster: c, Fetcher: &Fetcher{Places: []Source{}}, Masker: NewMasker(), expect: facts.Expect{
		Cilium: facts.Names{Namespace: "kube-system", Release: "cilium"},
		Flux:   facts.FluxNames{Namespace: "flux-system", HelmRelease: "cilium", HelmReleaseNamespace: "kube-system"},
	}}
}

// rendered is the fixture's output with those values.
func rendered(t testing.TB, c *cluster, chart *helmchart.Chart, v values.Tree, r ...renderers) output {
	t.Helper()
	in := input{chart: chart, values: v, name: "cilium", namespace: "kube-system", revision: 2, cluster: c}
	for _, in.renderers = range r {
	}
	out, err := in.render()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func find(all []facts.Object, kind, name string) *facts.Object {
	for i := range all {
		if all[i].Kind == kind && all[i].Name == name {
			return &all[i]
		}
	}
	return nil
}

// packed is plain as Helm keeps it.
func packed(t testing.TB, plain []byte) []byte {
	t.Helper()
	var zip bytes.Buffer
	w := gzip.NewWriter(&zip)
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return []byte(base64.StdEncoding.EncodeToString(zip.Bytes()))
}

// recordSecret is the Secret of a release of the fixture with those values, its manifest rendered.
func recordSecret(t testing.TB, c *cluster, v values.Tree, method string) map[string]any {
	t.Helper()
	chart := fixture(t)
	var manifest bytes.Buffer
	for _, o := range rendered(t, c, chart, v).objects {
		text, err := json.Marshal(o.Body)
		if err != nil {
			t.Fatal(err)
		}
		manifest.WriteString("---\n" + string(text) + "\n")
	}
	plain, err := json.Marshal(map[string]any{
		"name": "cilium", "namespace": "kube-system", "version": 1, "config": v, "chart": chart, "manifest": manifest.String(),
		"apply_method": method, "info": map[string]any{"status": "deployed"},
	})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "helm.sh/release.v1",
		"metadata": map[string]any{
			"name": "sh.helm.release.v1.cilium.v1", "namespace": "kube-system",
			"labels": map[string]any{"owner": "helm", "name": "cilium", "version": "1", "status": "deployed"},
		},
		"data": map[string]any{"release": base64.StdEncoding.EncodeToString(packed(t, plain))},
	}
}

func gvk(apiVersion, kind string) schema.GroupVersionKind {
	return schema.FromAPIVersionAndKind(apiVersion, kind)
}
