package breaks

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"
)

func settingsBreaks() []Break {
	return []Break{
		setting("settings-wrong", "CLUSTER_ID in cluster-settings is \"one\", which is no number; it came by Git", "CLUSTER_ID", "one"),
		setting("settings-other-cidr", "POD_CIDR_STRING in cluster-settings is not the cluster's; it came by Git", "POD_CIDR_STRING", "10.99.0.0/16"),
		setting("settings-incomplete", "cluster-settings lacks CILIUM_VERSION; it came by Git", "CILIUM_VERSION", ""),
	}
}

// setting changes one value of cluster-settings where it comes from, in Git, and waits until Flux has applied it: a
// change in the cluster alone would be reverted.
func setting(name, about, key, value string) Break {
	return Break{
		Name: name, About: about, Scope: OnCluster,
		Do: func(ctx context.Context, t *Target) error {
			old, err := t.edit(ctx, "Break "+key, func(data map[string]string) {
				t.Record.Note["value"] = data[key]
				if data[key] = value; value == "" {
					delete(data, key)
				}
			})
			if err != nil {
				return err
			}
			t.Record.Note["value"] = old[key]
			return t.applied(ctx, key, value)
		},
		Undo: func(ctx context.Context, t *Target) error {
			before, ok := t.Record.Note["value"]
			if !ok {
				return nil // it broke off before Git was changed
			}
			if _, err := t.edit(ctx, "Mend "+key, func(data map[string]string) { data[key] = before }); err != nil {
				return err
			}
			return t.applied(ctx, key, before)
		},
	}
}

// edit commits a change of the cluster's settings and returns what they were before.
func (t *Target) edit(ctx context.Context, message string, change func(map[string]string)) (map[string]string, error) {
	old := map[string]string{}
	err := t.Lab.Repository().Commit(ctx, message, func(tree string) error {
		path := filepath.Join(tree, "kubernetes", "clusters", t.Cluster.Name, "cluster-settings.yaml")
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var settings struct {
			APIVersion string            `json:"apiVersion"`
			Data       map[string]string `json:"data"`
			Kind       string            `json:"kind"`
			Metadata   map[string]any    `json:"metadata"`
		}
		if err := yaml.UnmarshalStrict(raw, &settings); err != nil {
			return fmt.Errorf("read %s: %w", path, err)
		}
		for k, v := range settings.Data {
			old[k] = v
		}
		change(settings.Data)
		if err := t.keep(); err != nil {
			return err
		}
		if raw, err = yaml.Marshal(settings); err != nil {
			return err
		}
		return os.WriteFile(path, raw, 0o644)
	})
	return old, err
}

// applied asks Flux to look at Git now, and waits until the setting has its value in the cluster.
func (t *Target) applied(ctx context.Context, key, value string) error {
	sources := schema.GroupVersionResource{Group: "source.toolkit.fluxcd.io", Version: "v1", Resource: "gitrepositories"}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"annotations": map[string]any{"reconcile.fluxcd.io/requestedAt": time.Now().Format(time.RFC3339Nano)},
	}})
	if err != nil {
		return err
	}
	_, err = t.Client.Dynamic.Resource(sources).Namespace("flux-system").Patch(ctx, "flux-system", types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "flux"})
	if err != nil {
		return fmt.Errorf("ask Flux to fetch: %w", err)
	}
	return t.wait(ctx, "Flux to apply "+key, func() (bool, error) {
		settings, err := t.Kube.CoreV1().ConfigMaps("flux-system").Get(ctx, "cluster-settings", metav1.GetOptions{})
		return err == nil && settings.Data[key] == value, err
	})
}
