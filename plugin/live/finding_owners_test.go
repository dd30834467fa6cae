package live

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// recordWith is a record of chart cilium with that manifest, as the API has it.
func recordWith(t *testing.T, name, namespace, manifest string) http.HandlerFunc {
	t.Helper()
	raw, err := json.Marshal(map[string]any{
		"name": name, "namespace": namespace, "version": 1, "manifest": manifest, "info": map[string]any{"status": "deployed"},
		"chart": map[string]any{"metadata": map[string]any{"name": "cilium", "version": "1.18.2"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	record := *secret(zipped(t, raw))
	record.TypeMeta = metav1.TypeMeta{Kind: "Secret", APIVersion: "v1"}
	return object(record)
}

// TestFinding_M23_Compared: of another release of chart cilium it is known which objects it alone names; each record is read
// once.
func TestFinding_M23_Compared(t *testing.T) {
	const shared = "kind: DaemonSet\nmetadata: {name: cilium, namespace: kube-system}\n---\n# nothing\n---\nkind: ClusterRole\nmetadata: {name: cilium}\n"
	for name, row := range map[string]struct {
		manifest string
		want     facts.Record
	}{
		"the same":        {shared, facts.Record{Compared: true, Shared: 2}},
		"no namespace":    {"kind: DaemonSet\nmetadata: {name: cilium}\n", facts.Record{Compared: true, Shared: 1}},
		"one of its own":  {shared + "---\nkind: Deployment\nmetadata: {name: pre-flight, namespace: kube-system}\n", facts.Record{Compared: true, Shared: 2, OwnCount: 1, Own: []string{"Deployment/kube-system/pre-flight"}}},
		"all are its own": {"kind: Deployment\nmetadata: {name: cilium, namespace: kube-system}\n", facts.Record{Compared: true, OwnCount: 1, Own: []string{"Deployment/kube-system/cilium"}}},
	} {
		s := newServer(t)
		s.answers[secretsPath] = object(partials(
			helmRecord("sh.helm.release.v1.cilium.v3", "cilium", "3", "deployed"), helmRecord("sh.helm.release.v1.cilium-pre-flight.v1", "cilium-pre-flight", "1", "deployed"),
		))
		s.answers[recordPath] = recordWith(t, "cilium", "kube-system", shared)
		s.answers[secretsPath+"/sh.helm.release.v1.cilium-pre-flight.v1"] = recordWith(t, "cilium-pre-flight", "kube-system", row.manifest)
		f := gather(t, s, options(facts.Releases, facts.Release))
		i := slices.IndexFunc(f.Live.Records, func(r facts.Record) bool { return r.Release == "cilium-pre-flight" })
		if i < 0 {
			t.Fatalf("%s: %+v, blind %v", name, f.Live.Records, f.Blind)
		}
		if got := f.Live.Records[i]; got.Compared != row.want.Compared || got.Shared != row.want.Shared || got.OwnCount != row.want.OwnCount || !slices.Equal(got.Own, row.want.Own) {
			t.Errorf("%s: %+v", name, got)
		}
		asked := s.asked()
		for i, r := range asked {
			if slices.Contains(asked[:i], r) {
				t.Errorf("%s: %s twice", name, r)
			}
		}
	}
}

// TestFinding_H7_Search: where Helm has no record by the fleet's name, the release that the DaemonSet says is looked for in
// Secrets and ConfigMaps of every namespace; where there is one, nothing more is asked.
func TestFinding_H7_Search(t *testing.T) {
	const dsPath = "/apis/apps/v1/namespaces/kube-system/daemonsets/cilium"
	ds := partial("cilium", "kube-system", nil, map[string]string{"meta.helm.sh/release-name": "cni", "meta.helm.sh/release-namespace": "kube-system"})
	found := partial("cni.v2", "helm", map[string]string{"owner": "helm", "name": "cni", "version": "2", "status": "deployed"}, nil)
	s := newServer(t)
	gather(t, s, options(facts.Releases))
	if before := len(s.asked()); before != 3 {
		t.Errorf("with a record: %q", s.asked())
	}
	s = newServer(t)
	s.answers[secretsPath], s.answers[dsPath] = object(partials()), object(ds)
	s.answers["/api/v1/secrets"] = forbid("list", "secrets")
	s.answers["/api/v1/configmaps"] = object(partials(found))
	f := gather(t, s, options(facts.Releases))
	got := f.Live.Search
	if got == nil || got.Claim != "kube-system/cni" || len(got.Records) != 1 || got.Records[0].Driver != "configmap" || got.Records[0].Namespace != "helm" ||
		len(got.Blind) != 1 || !strings.Contains(got.Blind[0], "secrets of all namespaces: forbidden") {
		t.Errorf("%+v, blind %v", got, f.Blind)
	}
	if asked := s.asked(); len(asked) != 6 || !strings.Contains(asked[5]+asked[4], "cni") {
		t.Errorf("%q", asked)
	}
	s = newServer(t)
	s.answers[secretsPath], s.answers[dsPath] = object(partials()), object(partial("cilium", "kube-system", nil, nil))
	if f := gather(t, s, options(facts.Releases)); f.Live.Search != nil || len(f.Blind) > 0 || len(s.asked()) != 4 {
		t.Errorf("unclaimed: %+v, blind %v, %q", f.Live.Search, f.Blind, s.asked())
	}
}
