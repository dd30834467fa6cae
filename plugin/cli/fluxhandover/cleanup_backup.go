package fluxhandover

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

// keepRecord writes a record of Helm's, which is about to be removed, into a folder of this machine, for its owner alone: it
// holds the values of its release. It says where; empty where the object is no record, or is gone.
func (o *cleanupOptions) keepRecord(ctx context.Context, j *job, world handover.World, ref handover.Ref) (string, error) {
	if ref.Kind != "Secret" {
		return "", nil
	}
	raw, err := world.Image(ctx, ref)
	if err != nil || raw == nil {
		return "", err
	}
	var body map[string]any
	if err := json.Unmarshal(raw, &body); err != nil {
		return "", fmt.Errorf("keep %s: not JSON", ref)
	}
	if meta, ok := body["metadata"].(map[string]any); ok {
		for _, key := range []string{"managedFields", "resourceVersion", "uid", "creationTimestamp"} {
			delete(meta, key)
		}
	}
	if raw, err = json.MarshalIndent(body, "", " "); err != nil {
		return "", fmt.Errorf("keep %s: %w", ref, err)
	}
	dir := filepath.Join(o.state.dir, folder(j.target.Name, "cleanup-"+o.env.Now().UTC().Format("20060102T150405Z")))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("keep %s: %w", ref, err)
	}
	path := filepath.Join(dir, ref.Namespace+"."+ref.Name+".json")
	if err := replace(path, raw); err != nil {
		return "", fmt.Errorf("keep %s: %w", ref, err)
	}
	return path, nil
}
