//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// adoption is one way in which what Flux gets differs from what the bootstrap had.
type adoption struct {
	name string
	edit func(values map[string]any)   // of the bootstrap's values
	hand func(t *testing.T, on string) // what somebody did to the cluster since; may be nil
	code int                           // of diff --what impact
}

// adoptions are a sample; each is predicted, then done, then compared.
var adoptions = []adoption{
	{name: "the same", edit: func(map[string]any) {}},
	{name: "agents roll with their configuration", code: 1, edit: func(v map[string]any) { v["rollOutCiliumPods"] = true }},
	{name: "no encryption", code: 1, edit: func(v map[string]any) { below(v, "encryption")["enabled"] = false }},
	{name: "no cluster id", code: 1, edit: func(v map[string]any) { below(v, "cluster")["id"] = nil }},
	{name: "no service monitor", code: 1, edit: func(v map[string]any) { below(v, "prometheus", "serviceMonitor")["enabled"] = false }},
	{name: "certificates by a job", code: 1, edit: func(v map[string]any) { below(v, "hubble", "tls", "auto")["method"] = "cronJob" }},
	{name: "as an old version", code: 1, edit: func(v map[string]any) { v["upgradeCompatibility"] = "1.15" }},
	{
		name: "a hand edit", code: 1, edit: func(map[string]any) {},
		hand: func(t *testing.T, on string) {
			must(t, "kubectl", "--context", on, "-n", "kube-system", "set", "env", "daemonset/cilium", "-c", "cilium-agent", "CILIUM_CLUSTERMESH_CONFIG=/elsewhere")
			must(t, "kubectl", "--context", on, "-n", "kube-system", "rollout", "status", "daemonset/cilium", "--timeout", "60s")
		},
	},
}

// below is the map at a path, made where it is not there.
func below(v map[string]any, path ...string) map[string]any {
	for _, key := range path {
		next, ok := v[key].(map[string]any)
		if !ok {
			next = map[string]any{}
			v[key] = next
		}
		v = next
	}
	return v
}

// foretold is the document of `diff --what impact -o json`: the names that are fixed, and no others are read.
type foretold struct {
	Kind    string `json:"kind"`
	Changes []struct {
		Ref struct {
			Kind, Namespace, Name string
		} `json:"ref"`
		Effect   string   `json:"effect"`
		Paths    []string `json:"paths"`
		Restarts int      `json:"restarts"`
		Lost     int      `json:"lost"`
	} `json:"changes"`
}

// outcome is what is compared.
type outcome struct {
	Pods             int // that are no longer the same
	Created, Deleted []string
	Config           []string // keys of cilium-config
}

// TestPredictionIsOutcome has Flux adopt a release, after saying what would come of it.
func TestPredictionIsOutcome(t *testing.T) {
	const on = "apps"
	t.Cleanup(func() { labDo(t, "reset", on) })
	for _, a := range adoptions {
		t.Run(a.name, func(t *testing.T) {
			labDo(t, "reset", on)
			if a.hand != nil {
				a.hand(t, on)
			}
			offer(t, on, a.edit)
			before := existing(t, on)
			r := run(t, "kubectl", "cilium-gitops", "diff", "--what", "impact", "--to", "cluster", "--context", on, "-o", "json")
			if r.code != a.code {
				t.Errorf("exit code %d, want %d\n%s", r.code, a.code, r.stderr)
			}
			var said foretold
			if err := json.Unmarshal([]byte(r.stdout), &said); err != nil {
				t.Fatalf("%v\n%s%s", err, r.stdout, r.stderr)
			}
			must(t, "kubectl", "--context", on, "-n", "kube-system", "patch", "helmrelease", "cilium", "--type", "merge", "-p", `{"spec":{"suspend":false}}`)
			must(t, "kubectl", "--context", on, "-n", "kube-system", "wait", "helmrelease/cilium", "--for=condition=Ready", "--timeout=180s")
			if diff := cmp.Diff(said.outcome(), came(before, existing(t, on))); diff != "" {
				t.Errorf("(-predicted +outcome)\n%s", diff)
			}
		})
	}
}

// offer gives the cluster a suspended HelmRelease with the bootstrap's values, edited, and the chart's source.
func offer(t *testing.T, on string, edit func(map[string]any)) {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(must(t, "helm", "--kube-context", on, "-n", "kube-system", "get", "values", "cilium", "-o", "json")), &v); err != nil {
		t.Fatal(err)
	}
	edit(v)
	metadata := func(name string) map[string]any { return map[string]any{"name": name, "namespace": "kube-system"} }
	retry := map[string]any{"strategy": map[string]any{"name": "RetryOnFailure"}}
	list := map[string]any{"apiVersion": "v1", "kind": "List", "items": []any{
		map[string]any{
			"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "metadata": metadata("cilium-charts"),
			"spec": map[string]any{
				"interval": "1h", "url": "oci://" + theLab.variable("LAB_REGISTRY") + "/charts/cilium", "insecure": true,
				"ref":           map[string]any{"tag": "1.18.2"},
				"layerSelector": map[string]any{"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "operation": "copy"},
			},
		},
		map[string]any{
			"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": metadata("cilium"),
			"spec": map[string]any{
				"suspend": true, "interval": "1h", "timeout": "3m", "install": retry, "upgrade": retry, "values": v,
				"chartRef": map[string]any{"kind": "OCIRepository", "name": "cilium-charts"},
			},
		},
	}}
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "offer.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, "kubectl", "--context", on, "apply", "-f", file)
}

// thing is what of an object is compared.
type thing struct {
	Kind     string `json:"kind"`
	Metadata struct {
		Namespace, Name, UID string
	} `json:"metadata"`
	Data map[string]string `json:"data"`
}

func existing(t *testing.T, on string) map[string]thing {
	t.Helper()
	const kinds = "daemonsets,deployments,configmaps,services,secrets,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,jobs,cronjobs,servicemonitors,gatewayclasses,pods"
	var list struct {
		Items []thing `json:"items"`
	}
	if err := json.Unmarshal([]byte(must(t, "kubectl", "--context", on, "get", kinds, "-A", "-o", "json")), &list); err != nil {
		t.Fatal(err)
	}
	all := map[string]thing{}
	for _, o := range list.Items {
		if !strings.HasPrefix(o.Metadata.Name, "sh.helm.release.") {
			all[o.Kind+"/"+o.Metadata.Namespace+"/"+o.Metadata.Name] = o
		}
	}
	return all
}

// came is what became of one state of the cluster.
func came(before, after map[string]thing) outcome {
	var out outcome
	for key, o := range before {
		now, there := after[key]
		switch {
		case o.Kind == "Pod" && o.Metadata.Namespace == "kube-system" && now.Metadata.UID != o.Metadata.UID:
			out.Pods++
		case o.Kind != "Pod" && !there:
			out.Deleted = append(out.Deleted, key)
		}
	}
	for key, o := range after {
		if _, there := before[key]; !there && o.Kind != "Pod" {
			out.Created = append(out.Created, key)
		}
	}
	const config = "ConfigMap/kube-system/cilium-config"
	was, is := before[config].Data, after[config].Data
	for key, value := range was {
		if now, there := is[key]; !there || now != value {
			out.Config = append(out.Config, key)
		}
	}
	for key := range is {
		if _, there := was[key]; !there {
			out.Config = append(out.Config, key)
		}
	}
	slices.Sort(out.Created)
	slices.Sort(out.Deleted)
	slices.Sort(out.Config)
	return out
}

// outcome is what was foretold, in the same words.
func (f foretold) outcome() outcome {
	var out outcome
	for _, c := range f.Changes {
		key := c.Ref.Kind + "/" + c.Ref.Namespace + "/" + c.Ref.Name
		out.Pods += c.Restarts + c.Lost
		switch {
		case c.Effect == "create":
			out.Created = append(out.Created, key)
		case c.Effect == "delete":
			out.Deleted = append(out.Deleted, key)
		case c.Ref.Name == "cilium-config" && c.Effect == "config":
			for _, path := range c.Paths {
				out.Config = append(out.Config, strings.ReplaceAll(strings.TrimPrefix(path, "data."), `\.`, "."))
			}
		}
	}
	slices.Sort(out.Created)
	slices.Sort(out.Deleted)
	slices.Sort(out.Config)
	return out
}
