package chart

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

const (
	bootstrapped = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cilium-config\ndata:\n  a: \"1\"\n  secret: " + canary + "\n"
	byController = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: cilium-config\n  labels:\n    helm.toolkit.fluxcd.io/name: cilium\ndata:\n  a: \"2\"\n  b: \"3\"\n  secret: " + canary + "\n"
)

// revision is one of Helm's records.
func revision(t *testing.T, n int, status, manifest, method string) map[string]any {
	t.Helper()
	text, err := json.Marshal(map[string]any{
		"name": "cilium", "namespace": "kube-system", "version": n, "manifest": manifest, "apply_method": method, "info": map[string]any{"status": status},
		"chart":  map[string]any{"metadata": map[string]any{"name": "cilium", "version": "1.18.2"}},
		"config": map[string]any{"tls": map[string]any{"ca": map[string]any{"key": canary}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return map[string]any{
		"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{
			"namespace": "kube-system", "name": fmt.Sprintf("sh.helm.release.v1.cilium.v%d", n),
			"labels": map[string]any{"owner": "helm", "name": "cilium", "version": fmt.Sprint(n), "status": status},
		},
		"data": map[string]any{"release": base64.StdEncoding.EncodeToString(packed(t, text))},
	}
}

// living is cilium-config as Flux has left it, its keys owned by those managers.
func living(managers ...string) map[string]any {
	var entries []any
	for _, m := range managers {
		entries = append(entries, map[string]any{
			"manager": m, "operation": "Apply", "apiVersion": "v1",
			"fieldsV1": map[string]any{"f:data": map[string]any{"f:a": map[string]any{}, "f:b": map[string]any{}}},
		})
	}
	return map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "data": map[string]any{"a": "2", "b": "3", "secret": canary},
		"metadata": map[string]any{
			"namespace": "kube-system", "name": "cilium-config", "managedFields": entries,
			"labels": map[string]any{"helm.toolkit.fluxcd.io/name": "cilium"},
		},
	}
}

func TestBack(t *testing.T) {
	first := revision(t, 1, "superseded", bootstrapped, "ssa")
	flux := revision(t, 2, "deployed", byController, "ssa")
	for name, c := range map[string]struct {
		records  []map[string]any
		revision int
		to       int
		method   string
		changes  string // of cilium-config
		err      string
	}{
		"to the newest that Flux did not make":  {[]map[string]any{first, flux}, 0, 1, facts.ServerSide, "config [data.b data.a]", ""},
		"to the one that was asked for":         {[]map[string]any{first, flux}, 1, 1, facts.ServerSide, "config [data.b data.a]", ""},
		"of Helm 3, which notes no method":      {[]map[string]any{revision(t, 1, "superseded", bootstrapped, ""), flux}, 0, 1, facts.ClientSide, "config [data.b data.a]", ""},
		"of a bootstrap that was upgraded":      {[]map[string]any{first, revision(t, 2, "superseded", bootstrapped+"  c: d\n", "ssa"), revision(t, 3, "deployed", byController, "ssa")}, 0, 2, facts.ServerSide, "config [data.b data.a data.c]", ""},
		"gone back already":                     {[]map[string]any{first, flux, revision(t, 3, "deployed", bootstrapped, "ssa")}, 1, 0, "", "", ""},
		"somebody has upgraded since":           {[]map[string]any{first, flux, revision(t, 3, "deployed", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n", "ssa")}, 1, 0, "", "", ""},
		"a rollback that failed":                {[]map[string]any{first, flux, revision(t, 3, "failed", bootstrapped, "ssa")}, 0, 1, facts.ServerSide, "config [data.b data.a]", ""},
		"a rollback that died":                  {[]map[string]any{first, flux, revision(t, 3, "pending-rollback", bootstrapped, "ssa")}, 1, 1, facts.ServerSide, "config [data.b data.a]", ""},
		"the bootstrap's record is gone":        {[]map[string]any{flux}, 1, 0, "", "", "no record of revision 1"},
		"every record is Flux's":                {[]map[string]any{flux}, 0, 0, "", "", ErrNoBootstrap.Error()},
		"an install that failed is no way back": {[]map[string]any{revision(t, 1, "failed", bootstrapped, "ssa"), flux}, 0, 0, "", "", ErrNoBootstrap.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSession(newCluster(append(c.records, living("helm", "helm-controller"))...))
			r, err := s.Back(t.Context(), c.revision)
			if c.err != "" {
				if err == nil || !strings.Contains(err.Error(), c.err) || errors.Is(err, ErrNoBootstrap) != (c.err == ErrNoBootstrap.Error()) {
					t.Errorf("error %v, want %s", err, c.err)
				}
				return
			}
			if err != nil || r.To != c.to || len(r.Unknown) > 0 || !r.LiveSeen {
				t.Fatalf("%+v, %v", r, err)
			}
			silent(t, r)
			if c.to == 0 {
				return
			}
			changes := impact.Of(facts.Facts{}, r)
			if len(changes) != 1 || fmt.Sprintf("%s %s", changes[0].Effect, changes[0].Paths) != c.changes || len(changes[0].Left) > 0 || r.Method != c.method {
				t.Errorf("%s %+v, want %s", r.Method, changes, c.changes)
			}
		})
	}
	if r, err := newSession(newCluster()).Back(t.Context(), 0); r != nil || err != nil {
		t.Errorf("without a record: %+v, %v", r, err)
	}
}

// TestBackLeavesWhatOthersOwn: what a third party owns as well does not go, and is told.
func TestBackLeavesWhatOthersOwn(t *testing.T) {
	s := newSession(newCluster(revision(t, 1, "superseded", bootstrapped, "ssa"), revision(t, 2, "deployed", byController, "ssa"), living("helm-controller", "kubectl")))
	r, err := s.Back(t.Context(), 0)
	if err != nil {
		t.Fatal(err)
	}
	if c := impact.Of(facts.Facts{}, r); len(c) != 1 || len(c[0].Left) != 1 || c[0].Keeper != "kubectl" {
		t.Errorf("%+v", c)
	}
}

func TestObjects(t *testing.T) {
	s := newSession(newCluster(revision(t, 1, "deployed", bootstrapped, "ssa")))
	all, err := s.Objects(t.Context())
	if err != nil || len(all) != 1 || all[0].Key() != "ConfigMap/kube-system/cilium-config" || all[0].Body != nil {
		t.Errorf("%+v, %v", all, err)
	}
	if all, err = newSession(newCluster()).Objects(t.Context()); len(all) > 0 || err != nil {
		t.Errorf("without a record: %+v, %v", all, err)
	}
}
