package act

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// TestRemove removes what may be removed, and nothing else.
func TestRemove(t *testing.T) {
	const labelled = `"labels":{"app.kubernetes.io/managed-by":"cilium-gitops"}`
	stale := strings.ReplaceAll(strings.ReplaceAll(record(1, "deployed", ours, "csa", ""), `"name":"cilium"`, `"name":"kube-system-cilium"`), "kube-system\"", "flux-system\"")
	renewed := func(ago time.Duration) string {
		return `"spec":{"holderIdentity":"ann","renewTime":"` + time.Now().Add(-ago).UTC().Format("2006-01-02T15:04:05.000000Z") + `"}`
	}
	for name, c := range map[string]struct {
		kind, api, object string
		keeps             string // empty: it goes
	}{
		"a stale record":               {"Secret", "v1", stale, ""},
		"a record of the release":      {"Secret", "v1", record(1, "superseded", ours, "csa", ""), "it is a record of the release that runs"},
		"another Secret":               {"Secret", "v1", strings.Replace(stale, helmRecord, "Opaque", 1), "it is no record of Helm's"},
		"a Secret that looks like one": {"Secret", "v1", strings.Replace(stale, `"owner":"helm"`, `"owner":"me"`, 1), "it is no record of Helm's"},
		"our journal":                  {"ConfigMap", "v1", `{"metadata":{` + labelled + `}}`, ""},
		"another ConfigMap":            {"ConfigMap", "v1", `{"metadata":{}}`, "this tool did not make it"},
		"our pod":                      {"Pod", "v1", `{"metadata":{` + labelled + `}}`, ""},
		"an agent's pod":               {"Pod", "v1", `{"metadata":{"labels":{"app.kubernetes.io/part-of":"cilium"}}}`, "this tool did not make it"},
		"a lock of nobody's":           {"Lease", "coordination.k8s.io/v1", `{"metadata":{` + labelled + `},"spec":{}}`, ""},
		"a lock that died":             {"Lease", "coordination.k8s.io/v1", `{"metadata":{` + labelled + `},` + renewed(time.Hour) + `}`, ""},
		"a lock that is held":          {"Lease", "coordination.k8s.io/v1", `{"metadata":{` + labelled + `},` + renewed(time.Second) + `}`, "ann holds it"},
		"a lock without a time":        {"Lease", "coordination.k8s.io/v1", `{"metadata":{` + labelled + `},"spec":{"holderIdentity":"ann"}}`, "ann holds it"},
		"somebody else's lock":         {"Lease", "coordination.k8s.io/v1", `{"metadata":{}}`, "this tool did not make it"},
		"a DaemonSet":                  {"DaemonSet", "apps/v1", `{"metadata":{` + labelled + `}}`, "only Helm's records and what this tool made"},
	} {
		t.Run(name, func(t *testing.T) {
			namespace := "flux-system"
			if strings.Contains(c.object, `"namespace":"kube-system"`) {
				namespace = "kube-system"
			}
			a := newAPI()
			path := "/api/v1"
			if c.api != "v1" {
				path = "/apis/" + c.api
			}
			path = fmt.Sprintf("%s/namespaces/%s/%ss/x", path, namespace, strings.ToLower(c.kind))
			a.put(path, c.object)
			o := a.object(path)
			o["apiVersion"], o["kind"] = c.api, c.kind
			meta := o["metadata"].(map[string]any)
			meta["name"], meta["namespace"] = "x", namespace
			action := handover.Action{Verb: handover.Remove, Ref: handover.Ref{APIVersion: c.api, Kind: c.kind, Namespace: namespace, Name: "x"}}
			cluster := open(t, a)
			for range 2 {
				err := cluster.Do(t.Context(), action)
				if c.keeps == "" && err != nil || c.keeps != "" && !strings.Contains(told(err), "conflict: remove "+c.kind+"/"+namespace+"/x: "+c.keeps) {
					t.Errorf("%q, want %q", told(err), c.keeps)
				}
			}
			if gone := a.object(path) == nil; gone != (c.keeps == "") {
				t.Errorf("gone: %t", gone)
			}
		})
	}
}

// TestDisown gives up nothing of an object that nobody else applies.
func TestDisown(t *testing.T) {
	const apply = `{"manager":%q,"operation":"Apply","apiVersion":"v1","fieldsV1":{"f:data":{"f:a":{}}}}`
	object := func(managers ...string) string {
		var entries []string
		for _, m := range managers {
			entries = append(entries, fmt.Sprintf(apply, m))
		}
		return `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"namespace":"kube-system","name":"cilium-config","managedFields":[` + strings.Join(entries, ",") + `]}}`
	}
	for name, c := range map[string]struct {
		object string
		writes int
	}{
		"both apply it":     {object("helm", "helm-controller"), 1},
		"Flux alone":        {object("helm-controller"), 0},
		"Helm alone":        {object("helm"), 0},
		"it does not exist": {"", 0},
	} {
		a := newAPI()
		if c.object != "" {
			a.put(ciliumConfig, c.object)
		}
		err := open(t, a).Do(t.Context(), handover.Action{
			Verb: handover.Disown, From: "helm-controller", Manager: "helm",
			Objects: []handover.Ref{{APIVersion: "v1", Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config"}},
		})
		all := a.writes()
		if err != nil || len(all) != c.writes {
			t.Errorf("%s: %v, wrote %v", name, err, all)
		}
		for _, w := range all {
			if w.kind != "application/apply-patch+yaml" || !strings.Contains(w.query, "fieldManager=helm-controller") || !strings.Contains(w.body, `"resourceVersion":"101"`) || strings.Contains(w.body, `"data"`) {
				t.Errorf("%s: %s %s %s", name, w.kind, w.query, w.body)
			}
		}
	}
}
