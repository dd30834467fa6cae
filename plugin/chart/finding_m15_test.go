package chart

import (
	"fmt"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

// TestFinding_M15_RecordsAreMaskedByTheirSource: what a Secret brought into the release's record is masked in what is said
// of the record, whatever its key is called and wherever it stands.
func TestFinding_M15_RecordsAreMaskedByTheirSource(t *testing.T) {
	const plain = "operator:\n  extraEnv: [{name: ALIBABA_CLOUD_AK, value: %[1]s}]\nextraConfig: {license: %[1]s, kvstore-opt: user=x}\nbgp: {md5: %[1]s}\n"
	v := withKey("x")
	v["extraConfig"] = map[string]any{"license": canary, "kvstore-opt": "user=x,password=" + canary}
	v["bgp"] = map[string]any{"md5": canary}
	v["operator"] = map[string]any{"extraEnv": []any{map[string]any{"name": "ALIBABA_CLOUD_AK", "value": canary}}}
	c := newCluster()
	record := recordSecret(t, c, v, facts.ServerSide)
	release := helmRelease(map[string]any{"valuesFrom": []any{map[string]any{"kind": "Secret", "name": "more"}}})
	s := newSession(newCluster(record, release, withData("Secret", "kube-system", "more", map[string]string{"values.yaml": fmt.Sprintf(plain, canary)})))
	r, err := s.Record(t.Context())
	if err != nil || r == nil {
		t.Fatalf("%v %v", r, err)
	}
	if got := leaks(fmt.Sprint(s.Masker.Tree(values.Tree(r.Config))), canary, 2); len(got) > 0 {
		t.Errorf("the record's values: %v", got)
	}
}
