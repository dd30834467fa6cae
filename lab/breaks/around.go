package breaks

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/play"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// aroundBreaks are faults of Cilium's neighbours.
func aroundBreaks() []Break {
	return []Break{
		{
			Name: "issuer-unregistered", About: "cert-manager's last registration of its ACME account found nobody: the ClusterIssuer is not Ready", Scope: OnCluster,
			Do: holdIssuer, Undo: releaseIssuer,
		},
		{
			Name: "git-unreachable", About: "nobody answers where Flux fetches its Git repository: the GitRepository is not Ready", Scope: OnCluster,
			Do: func(ctx context.Context, t *Target) error {
				found, err := t.save(ctx, repository)
				if err != nil {
					return err
				}
				for _, source := range found {
					if err := unstructured.SetNestedField(source.Object, "http://127.0.0.1:9/fleet.git", "spec", "url"); err != nil {
						return err
					}
					if err := t.replace(ctx, source, "kubectl-edit"); err != nil {
						return err
					}
				}
				return t.ready(ctx, repository, false)
			},
			Undo: func(ctx context.Context, t *Target) error { return t.ready(ctx, repository, true) },
		},
		{
			Name: "spegel-port-clash", About: "Spegel claims the host port on which the agents serve their metrics", Scope: OnCluster,
			Do: func(ctx context.Context, t *Target) error {
				found, err := t.save(ctx, ref("apps/v1", "DaemonSet", "spegel", "spegel"))
				if err != nil {
					return err
				}
				for _, ds := range found {
					containers, _, _ := unstructured.NestedSlice(ds.Object, "spec", "template", "spec", "containers")
					port := containers[0].(map[string]any)["ports"].([]any)[0].(map[string]any)
					port["hostPort"] = int64(9962)
					if err := unstructured.SetNestedSlice(ds.Object, containers, "spec", "template", "spec", "containers"); err != nil {
						return err
					}
					// Pods that run keep their port, and none with the new one finds a node: as it would be.
					if err := unstructured.SetNestedField(ds.Object, "OnDelete", "spec", "updateStrategy", "type"); err != nil {
						return err
					}
					unstructured.RemoveNestedField(ds.Object, "spec", "updateStrategy", "rollingUpdate")
					if err := t.replace(ctx, ds, "kubectl-edit"); err != nil {
						return err
					}
				}
				return nil
			},
			Undo: func(ctx context.Context, t *Target) error { return t.daemonSetCounts(ctx, "spegel", "spegel", true) },
		},
	}
}

var (
	repository = ref("source.toolkit.fluxcd.io/v1", "GitRepository", "flux-system", "flux-system")
	issuer     = ref("cert-manager.io/v1", "ClusterIssuer", "", "letsencrypt-production")
)

// ready waits until an object is Ready for its present generation, or is not.
func (t *Target) ready(ctx context.Context, image Image, want bool) error {
	r, err := t.Client.Of(image.object())
	if err != nil {
		return err
	}
	return t.wait(ctx, image.Kind+" "+image.Name, func() (bool, error) {
		obj, err := r.Get(ctx, image.Name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		observed, said, _ := unstructured.NestedInt64(obj.Object, "status", "observedGeneration")
		return api.True(obj, "Ready") == want && (!want || !said || observed == obj.GetGeneration()), nil
	})
}

func holdIssuer(ctx context.Context, t *Target) error {
	if err := state.WriteFile(holdFile(t, play.HoldIssuers), nil, 0o644); err != nil {
		return err
	}
	failed := play.Condition("Ready", "False", "ErrRegisterACMEAccount", "Failed to register ACME account: dial tcp: i/o timeout", 1)
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": []any{failed}}})
	if err != nil {
		return err
	}
	r, err := t.Client.Of(issuer.object())
	if err != nil {
		return err
	}
	return t.wait(ctx, "ClusterIssuer "+issuer.Name, func() (bool, error) {
		if err := t.Client.PatchStatus(ctx, issuer.object(), patch); err != nil { // again, if cert-manager was just at it
			return false, err
		}
		time.Sleep(300 * time.Millisecond)
		obj, err := r.Get(ctx, issuer.Name, metav1.GetOptions{})
		return err == nil && !api.True(obj, "Ready"), err
	})
}

func releaseIssuer(ctx context.Context, t *Target) error {
	if err := os.Remove(holdFile(t, play.HoldIssuers)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return t.ready(ctx, issuer, true)
}
