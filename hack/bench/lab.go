package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"
)

// dyff is what people compare manifests with.
const dyff = "v1.10.2"

// openLab is a lab that is up, with a suspended HelmRelease of Cilium in either cluster, as before an adoption. bin is the
// folder of our programs.
func openLab(ctx context.Context, state, bin, temp string) (*world, error) {
	args := []string{"env"}
	if state != "" {
		args = append(args, "--state", state)
	}
	quoted := "eval \"$(bin/lab " + strings.Join(args, " ") + ")\" && env -0"
	out, err := exec.CommandContext(ctx, "sh", "-c", quoted).Output()
	l := &world{env: strings.Split(strings.TrimRight(string(out), "\x00"), "\x00"), temp: temp}
	if err != nil || l.variable("LAB_STATE") == "" {
		return nil, errors.New("there is no lab that is up; bring one up: make lab")
	}
	tools, err := buildDyff(ctx)
	if err != nil {
		return nil, err
	}
	l.set("PATH", strings.Join([]string{bin, tools, l.variable("PATH")}, string(filepath.ListSeparator)))
	l.set("BENCH_TEMP", l.temp)
	l.set("HELM_CACHE_HOME", l.temp)
	l.set("KUSTOMIZATION", "cluster-CLUSTER-infrastructure")
	if err := l.offer(ctx, "apply"); err != nil {
		return nil, err
	}
	return l, nil
}

// buildDyff builds it, once, into the folder where the lab keeps what it builds.
func buildDyff(ctx context.Context) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "cilium-gitops-lab", "dyff-"+dyff)
	if _, err := os.Stat(filepath.Join(dir, "dyff")); err == nil {
		return dir, nil
	}
	cmd := exec.CommandContext(ctx, "go", "install", "-trimpath", "github.com/homeport/dyff/cmd/dyff@"+dyff)
	cmd.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build dyff %s: %w: %s", dyff, err, out)
	}
	return dir, nil
}

// offer applies or deletes the HelmRelease, suspended, and the chart's source.
func (w *world) offer(ctx context.Context, verb string) error {
	for _, name := range []string{"infra", "apps"} {
		text, err := os.ReadFile(filepath.Join(w.variable("LAB_STATE"), name, "values.yaml"))
		if err != nil {
			return err
		}
		var values map[string]any
		if err := yaml.Unmarshal(text, &values); err != nil {
			return fmt.Errorf("read the values of %s: %w", name, err)
		}
		version := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(w.variable("LAB_CHART")), "cilium-"), ".tgz")
		list, err := json.Marshal(offered(w.variable("LAB_REGISTRY"), version, values))
		if err != nil {
			return err
		}
		file := filepath.Join(w.temp, "offer.json")
		if err := os.WriteFile(file, list, 0o600); err != nil {
			return err
		}
		if _, err := w.output(ctx, "kubectl", "--context", name, verb, "-f", file); err != nil {
			return err
		}
	}
	return nil
}

func offered(registry, version string, values map[string]any) map[string]any {
	metadata := map[string]any{"name": "cilium", "namespace": "kube-system"}
	return map[string]any{"apiVersion": "v1", "kind": "List", "items": []any{
		map[string]any{
			"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "OCIRepository", "metadata": metadata,
			"spec": map[string]any{
				"interval": "1h", "url": "oci://" + registry + "/charts/cilium", "insecure": true, "ref": map[string]any{"tag": version},
				"layerSelector": map[string]any{"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "operation": "copy"},
			},
		},
		map[string]any{
			"apiVersion": "helm.toolkit.fluxcd.io/v2", "kind": "HelmRelease", "metadata": metadata,
			"spec": map[string]any{
				"suspend": true, "interval": "1h", "chartRef": map[string]any{"kind": "OCIRepository", "name": "cilium"}, "values": values,
			},
		},
	}}
}
