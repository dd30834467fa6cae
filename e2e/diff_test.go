//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPredictionIsOutcome has Flux adopt a release, after saying what would come of it: a sample of the variations.
// TestMatrix runs all of them.
func TestPredictionIsOutcome(t *testing.T) {
	t.Parallel()
	const on = "apps"
	l := another(t)
	for _, v := range variations() {
		if v.sample {
			t.Run(v.testName(), func(t *testing.T) { adopt(t, cell{lab: l, on: on, cilium: "1.18.2"}, v) })
		}
	}
}

// cell is where one variation is tried.
type cell struct {
	lab    *lab
	on     string // the cluster
	cilium string // its version
}

// kubectl runs on the cell's cluster and has to succeed.
func (c cell) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return c.lab.must(t, "", "kubectl", append([]string{"--context", c.on}, args...)...)
}

// adopt predicts, has Flux adopt, compares, and returns what came.
func adopt(t *testing.T, c cell, v variation) outcome {
	t.Helper()
	c.lab.must(t, "", c.lab.bin, "reset", c.on, "--state", c.lab.state)
	if v.bootstrap != nil {
		v.bootstrap(t, c)
	}
	c.offer(t, v)
	if v.hand != nil {
		v.hand(t, c)
	}
	before := c.existing(t)
	r := c.lab.run(t, "", "kubectl", "cilium-gitops", "diff", "--what", "impact", "--to", "cluster", "--context", c.on, "-o", "json")
	var said foretold
	if err := json.Unmarshal([]byte(r.stdout), &said); err != nil {
		t.Fatalf("%v\n%s%s", err, r.stdout, r.stderr)
	}
	came := c.unleash(t, before)
	predicted := said.outcome()
	if diff := cmp.Diff(predicted, came); diff != "" {
		t.Errorf("(-predicted +outcome)\n%s", diff)
	}
	if want := predicted.code(); r.code != want && !(predicted.Failed && r.code == 1) {
		t.Errorf("exit code %d, want %d\n%s", r.code, want, r.stderr)
	}
	return came
}

// unleash has Flux do what it would do, and says what came of it.
func (c cell) unleash(t *testing.T, before map[string]thing) outcome {
	t.Helper()
	c.kubectl(t, "-n", "kube-system", "patch", "helmrelease", "cilium", "--type", "merge", "-p", `{"spec":{"suspend":false}}`)
	const released = `{.status.conditions[?(@.type=="Released")].status}`
	c.kubectl(t, "-n", "kube-system", "wait", "helmrelease/cilium", "--for=jsonpath="+released, "--timeout=180s")
	if c.kubectl(t, "-n", "kube-system", "get", "helmrelease", "cilium", "-o", "jsonpath="+released) == "True" {
		c.kubectl(t, "-n", "kube-system", "wait", "helmrelease/cilium", "--for=condition=Ready", "--timeout=180s")
		return came(before, c.existing(t))
	}
	t.Logf("Flux: %s", c.kubectl(t, "-n", "kube-system", "get", "helmrelease", "cilium", "-o", `jsonpath={.status.conditions[?(@.type=="Released")].message}`))
	return outcome{Failed: true}
}

// offer gives the cluster a suspended HelmRelease with the bootstrap's values, varied, and the chart's source.
func (c cell) offer(t *testing.T, v variation) {
	t.Helper()
	var vals map[string]any
	text := c.lab.must(t, "", "helm", "--kube-context", c.on, "-n", "kube-system", "get", "values", "cilium", "-o", "json")
	if err := json.Unmarshal([]byte(text), &vals); err != nil {
		t.Fatal(err)
	}
	if v.edit != nil {
		v.edit(vals)
	}
	metadata := func(name string) map[string]any { return map[string]any{"name": name, "namespace": "kube-system"} }
	retry := func() map[string]any { return map[string]any{"strategy": map[string]any{"name": "RetryOnFailure"}} }
	source := map[string]any{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "metadata": metadata("cilium-charts"),
		"spec": map[string]any{
			"interval": "1h", "url": "oci://" + c.lab.variable("LAB_REGISTRY") + "/charts/cilium", "insecure": true,
			"ref":           map[string]any{"tag": c.cilium},
			"layerSelector": map[string]any{"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "operation": "copy"},
		},
	}
	spec := map[string]any{
		"suspend": true, "interval": "1h", "timeout": "3m", "install": retry(), "upgrade": retry(), "values": vals,
		"chartRef": map[string]any{"kind": "OCIRepository", "name": "cilium-charts"},
	}
	if v.repository {
		delete(spec, "chartRef")
		from := map[string]any{"kind": "HelmRepository", "name": "cilium-charts"}
		spec["chart"] = map[string]any{"spec": map[string]any{"chart": "cilium", "version": c.cilium, "sourceRef": from}}
		source["kind"], source["spec"] = "HelmRepository", map[string]any{"interval": "1h", "url": helmRepository(t, c)}
	}
	if v.spec != nil {
		v.spec(spec)
	}
	c.apply(t, source, map[string]any{
		"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": metadata("cilium"), "spec": spec,
	})
}

// apply applies objects as the user admin.
func (c cell) apply(t *testing.T, objects ...any) {
	t.Helper()
	text, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "List", "items": objects})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "objects.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	c.kubectl(t, "apply", "-f", file)
}
