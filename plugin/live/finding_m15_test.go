package live

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	tree "github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// composed is a record whose values came from a Secret, under keys that sound like nothing.
const composed = `{"name":"cilium","namespace":"kube-system","version":3,"info":{"status":"deployed"},
	"chart":{"metadata":{"name":"cilium","version":"1.18.2","appVersion":"1.18.2"},"values":{"routingMode":"tunnel"}},
	"config":{"cluster":{"id":1,"name":"infra"},"routingMode":"native","hubble":{"enabled":true},"bgp":{"md5":"` + canary + `-a","pin":48213},
		"operator":{"extraEnv":[{"name":"ALIBABA_CLOUD_AK","value":"` + canary + `-b"}]},"short":"ab1",
		"extraConfig":{"license":"` + canary + `-c","kvstore-opt":"user=x,password=` + canary + `-d"},"azure":{"clientID":"` + canary + `-e"}}}`

// secretValues are what the Secret brings, but for azure.clientID, which has a Secret and a path of its own.
const secretValues = `{"bgp":{"md5":"` + canary + `-a","pin":48213},"operator":{"extraEnv":[{"name":"ALIBABA_CLOUD_AK","value":"` + canary + `-b"}]},
	"extraConfig":{"license":"` + canary + `-c","kvstore-opt":"user=x,password=` + canary + `-d"},"cluster":{"name":"infra"},"hubble":{"enabled":true}}`

// TestFinding_M15_SecretsByTheirSource: what valuesFrom Secrets brought into the release is masked, whatever its key is
// called, also where the Secret may not be read; what checks compare stays.
func TestFinding_M15_SecretsByTheirSource(t *testing.T) {
	const at = "/api/v1/namespaces/kube-system/secrets/"
	hr := map[string]any{
		"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": map[string]any{"name": "cilium", "namespace": "kube-system"},
		"spec": map[string]any{
			"values": map[string]any{"routingMode": "native", "cluster": map[string]any{"id": 1, "name": "infra"}, "short": "ab1"},
			"valuesFrom": []any{
				map[string]any{"kind": "Secret", "name": "values"}, map[string]any{"kind": "Secret", "name": "azure", "valuesKey": "id", "targetPath": "azure.clientID"},
			},
		},
	}
	values := core.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "values"}, Data: map[string][]byte{"values.yaml": []byte(secretValues)}}
	azure := core.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "azure"}, Data: map[string][]byte{"id": []byte(canary + "-e")}}
	config := core.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "cilium-config"}, Data: map[string]string{
		"cluster-name": "infra", "routing-mode": "native", "license": canary + "-c", "kvstore-opt": "user=x,password=" + canary + "-d",
	}}
	for name, c := range map[string]struct {
		change func(map[string]http.HandlerFunc)
		parts  []facts.Part
	}{
		"readable":              {func(map[string]http.HandlerFunc) {}, []facts.Part{facts.Release, facts.HelmReleases, facts.Config}},
		"the release alone":     {func(map[string]http.HandlerFunc) {}, []facts.Part{facts.Release}},
		"a Secret is forbidden": {func(a map[string]http.HandlerFunc) { a[at+"values"] = forbid("get", "secrets") }, []facts.Part{facts.Release}},
		"all are forbidden": {func(a map[string]http.HandlerFunc) {
			a[at+"values"], a[at+"azure"] = forbid("get", "secrets"), forbid("get", "secrets")
		}, []facts.Part{facts.Release}},
	} {
		s := newServer(t)
		s.answers["/apis/helm.toolkit.fluxcd.io/v2/helmreleases"] = object(list("HelmReleaseList", "helm.toolkit.fluxcd.io/v2", hr))
		s.answers[recordPath], s.answers[configPath] = object(secret(zipped(t, []byte(composed)))), object(config)
		s.answers[at+"values"], s.answers[at+"azure"] = object(values), object(azure)
		c.change(s.answers)
		f := gather(t, s, options(c.parts...))
		text, err := json.Marshal(f)
		if err != nil || f.Live.Release == nil {
			t.Fatalf("%s: %v %v", name, err, f.Blind)
		}
		if strings.Contains(string(text), canary) || strings.Contains(string(text), "48213") {
			t.Errorf("%s: %s", name, text)
		}
		v := f.Live.Release.Values
		for path, want := range map[string]string{"cluster.name": "infra", "cluster.id": "1", "routingMode": "native", "hubble.enabled": "true", "short": "ab1"} {
			if got := v.Text(tree.Path(path)); got != want {
				t.Errorf("%s: %s is %q, want %q", name, path, got, want)
			}
		}
	}
}
