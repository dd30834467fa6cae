package forge

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
)

const clusterKustomization = `apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources:
  - cluster-settings.yaml
`

const helmfile = `# Phase 1 of the bootstrap: the one time that Cilium is installed from outside the cluster.
releases:
  - name: cilium
    namespace: kube-system
    chart: oci://ghcr.io/cilium/charts/cilium
    version: VERSION
    atomic: false
    wait: true
    values:
      - ../values/cilium.yaml.gotmpl
`

const fleetWithoutEncryption = `apiVersion: cilium-gitops.dev/v1alpha1
kind: Fleet
clusters:
  - {name: infra, context: infra, path: kubernetes/clusters/infra}
  - {name: apps, context: apps, path: kubernetes/clusters/apps}
features: {wireguard: optional} # these machines' kernel has none
`

const helmfileCRDs = `# Phase 0 of the bootstrap: the definitions that later phases take for granted.
releases: []
`

// seedCluster writes kubernetes/clusters/NAME as bootstrap leaves it, and nothing else below it.
func seedCluster(tree string, c fleet.Cluster, cilium string) error {
	dir := filepath.Join(tree, "kubernetes", "clusters", c.Name)
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	settings, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1",
		"kind":       "ConfigMap",
		"metadata":   map[string]any{"name": "cluster-settings", "namespace": "flux-system"},
		"data":       c.Settings(cilium),
	})
	if err != nil {
		return fmt.Errorf("write settings of %s: %w", c.Name, err)
	}
	return write(dir, map[string]string{"cluster-settings.yaml": string(settings), "kustomization.yaml": clusterKustomization})
}

func seedBootstrap(tree, cilium string, noEncryption bool) error {
	files := map[string]string{
		"values/cilium.yaml.gotmpl":      fleet.ValuesTemplate(),
		"helmfile.d/00-crds.yaml":        helmfileCRDs,
		"helmfile.d/01-core.yaml.gotmpl": strings.ReplaceAll(helmfile, "VERSION", cilium),
	}
	for _, c := range fleet.All() {
		values, err := c.Values()
		if err != nil {
			return err
		}
		files["values/"+c.Name+"/cilium.yaml"] = string(values)
		if c.ID == 1 { // one file stands for both where a tool asks for a single one
			files["values/cilium.yaml"] = string(values)
		}
	}
	if noEncryption {
		for name, text := range files {
			files[name] = fleet.WithoutEncryption(text)
		}
		if err := write(tree, map[string]string{"fleet.yaml": fleetWithoutEncryption}); err != nil {
			return err
		}
	}
	return write(filepath.Join(tree, "bootstrap"), files)
}

func write(dir string, files map[string]string) error {
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}
