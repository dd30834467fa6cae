package breaks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/play"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

const monitoring = "monitoring.coreos.com/v1"

func objectBreaks() []Break {
	return []Break{
		missingDefinition("crd-missing", "grpcroutes.gateway.networking.k8s.io"),
		missingDefinition("bgp-crd-missing", "ciliumbgpclusterconfigs.cilium.io"),
		missingDefinition("lbipam-crd-missing", "ciliumloadbalancerippools.cilium.io"),
		{
			Name: "gatewayclass-not-accepted", About: "the GatewayClass cilium waits for its controller: Accepted is Unknown", Scope: OnCluster,
			Do: holdClass, Undo: releaseClass,
		},
		{
			Name: "servicemonitor-missing", About: "the ServiceMonitor cilium-agent is not there", Scope: OnCluster,
			Do: func(ctx context.Context, t *Target) error {
				found, err := t.save(ctx, ref(monitoring, "ServiceMonitor", "kube-system", "cilium-agent"))
				if err != nil {
					return err
				}
				return t.deleteAll(ctx, found)
			},
		},
		config("config-newer-than-pods", "cilium-config was edited (debug) after the agents started, and they run on with what they read",
			func(data map[string]any) { data["debug"] = "true" }),
		config("config-without-wireguard", "cilium-config no longer has WireGuard; agents encrypt on until they restart",
			func(data map[string]any) {
				delete(data, "enable-wireguard")
				delete(data, "wireguard-persistent-keepalive")
			}),
		certificate("hubble-cert-expired", "Hubble's server certificate expired yesterday", -24),
		certificate("hubble-cert-expiring", "Hubble's server certificate expires in five days", 5*24),
	}
}

// missingDefinition deletes a definition, and with it every object it defines; both come back.
func missingDefinition(name, crd string) Break {
	return Break{
		Name: name, About: "the definition " + crd + " is not there", Scope: OnCluster,
		Do: func(ctx context.Context, t *Target) error {
			found, err := t.save(ctx, ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", crd))
			if err != nil {
				return err
			}
			for _, definition := range found {
				if err := t.saveInstances(ctx, definition); err != nil {
					return err
				}
			}
			return t.deleteAll(ctx, found)
		},
		Undo: func(ctx context.Context, t *Target) error {
			err := t.wait(ctx, crd, func() (bool, error) {
				r, err := t.Client.Of(ref("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", crd).object())
				if err != nil {
					return false, err
				}
				obj, err := r.Get(ctx, crd, metav1.GetOptions{})
				return err == nil && api.True(obj, "Established"), err
			})
			if err != nil || !strings.HasSuffix(crd, ".gateway.networking.k8s.io") {
				return err
			}
			return t.restart(ctx, "app.kubernetes.io/name=cilium-operator") // which looks for them only when it starts
		},
	}
}

// saveInstances puts every object of a definition into the record.
func (t *Target) saveInstances(ctx context.Context, definition *api.Object) error {
	group, _, _ := unstructured.NestedString(definition.Object, "spec", "group")
	plural, _, _ := unstructured.NestedString(definition.Object, "spec", "names", "plural")
	versions, _, _ := unstructured.NestedSlice(definition.Object, "spec", "versions")
	for _, v := range versions {
		version, ok := v.(map[string]any)
		if !ok || version["storage"] != true {
			continue
		}
		gvr := schema.GroupVersionResource{Group: group, Version: fmt.Sprint(version["name"]), Resource: plural}
		list, err := t.Client.Dynamic.Resource(gvr).List(ctx, metav1.ListOptions{})
		if err != nil {
			return fmt.Errorf("list %s: %w", plural, err)
		}
		for _, obj := range list.Items {
			if _, err := t.save(ctx, ref(obj.GetAPIVersion(), obj.GetKind(), obj.GetNamespace(), obj.GetName())); err != nil {
				return err
			}
		}
	}
	return nil
}

// deleteAll deletes objects and waits until they are gone.
func (t *Target) deleteAll(ctx context.Context, objects []*api.Object) error {
	for _, obj := range objects {
		r, err := t.Client.Of(obj)
		if err != nil {
			return err
		}
		if err := t.Client.Delete(ctx, obj); err != nil {
			return err
		}
		err = t.wait(ctx, api.Name(obj)+" to be gone", func() (bool, error) {
			_, err := r.Get(ctx, obj.GetName(), metav1.GetOptions{})
			return apierrors.IsNotFound(err), nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func holdFile(t *Target, what string) string { return t.Cluster.Path("agents", "hold-"+what) }

func holdClass(ctx context.Context, t *Target) error {
	if err := state.WriteFile(holdFile(t, play.HoldClasses), nil, 0o644); err != nil {
		return err
	}
	class := ref("gateway.networking.k8s.io/v1", "GatewayClass", "", "cilium").object()
	pending := play.Condition("Accepted", "Unknown", "Pending", "Waiting for controller", 0)
	patch, err := json.Marshal(map[string]any{"status": map[string]any{"conditions": []any{pending}}})
	if err != nil {
		return err
	}
	r, err := t.Client.Of(class)
	if err != nil {
		return err
	}
	return t.wait(ctx, "GatewayClass cilium", func() (bool, error) {
		if err := t.Client.PatchStatus(ctx, class, patch); err != nil { // again, if the operator was just at it
			return false, err
		}
		time.Sleep(300 * time.Millisecond)
		obj, err := r.Get(ctx, class.GetName(), metav1.GetOptions{})
		return err == nil && !api.True(obj, "Accepted"), err
	})
}

func releaseClass(ctx context.Context, t *Target) error {
	if err := os.Remove(holdFile(t, play.HoldClasses)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return t.wait(ctx, "GatewayClass cilium", func() (bool, error) {
		class := ref("gateway.networking.k8s.io/v1", "GatewayClass", "", "cilium").object()
		r, err := t.Client.Of(class)
		if err != nil {
			return false, err
		}
		obj, err := r.Get(ctx, "cilium", metav1.GetOptions{})
		return err == nil && api.True(obj, "Accepted"), err
	})
}

// config edits cilium-config and restarts nothing.
func config(name, about string, edit func(data map[string]any)) Break {
	return Break{
		Name: name, About: about, Scope: OnCluster,
		Do: func(ctx context.Context, t *Target) error {
			found, err := t.save(ctx, ref("v1", "ConfigMap", "kube-system", "cilium-config"))
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return errors.New("there is no ConfigMap cilium-config; `lab bootstrap` installs Cilium")
			}
			if err := t.agentsRunAWhile(ctx); err != nil {
				return err
			}
			data, _, _ := unstructured.NestedMap(found[0].Object, "data")
			edit(data)
			if err := unstructured.SetNestedMap(found[0].Object, data, "data"); err != nil {
				return err
			}
			return t.replace(ctx, found[0], "kubectl-edit")
		},
	}
}

// agentsRunAWhile waits until the youngest agent is older than two clocks may differ: objects carry whole seconds.
func (t *Target) agentsRunAWhile(ctx context.Context) error {
	return t.wait(ctx, "agents to have run for a while", func() (bool, error) {
		list, err := t.Kube.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "app.kubernetes.io/part-of=cilium"})
		if err != nil {
			return false, err
		}
		for _, pod := range list.Items {
			for _, c := range pod.Status.ContainerStatuses {
				if c.State.Running == nil || time.Since(c.State.Running.StartedAt.Time) < 3*time.Second {
					return false, nil
				}
			}
		}
		return true, nil
	})
}

// replace writes an object back as the given manager.
func (t *Target) replace(ctx context.Context, obj *api.Object, manager string) error {
	r, err := t.Client.Of(obj)
	if err != nil {
		return err
	}
	if _, err := r.Update(ctx, obj, metav1.UpdateOptions{FieldManager: manager}); err != nil {
		return fmt.Errorf("write %s: %w", api.Name(obj), err)
	}
	return nil
}

// annotate sets or, by null, removes annotations.
func (t *Target) annotate(ctx context.Context, obj *api.Object, annotations map[string]any) error {
	r, err := t.Client.Of(obj)
	if err != nil {
		return err
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": annotations}})
	if err != nil {
		return err
	}
	_, err = r.Patch(ctx, obj.GetName(), types.MergePatchType, patch, metav1.PatchOptions{FieldManager: "helm"})
	if err != nil && !strings.Contains(err.Error(), "not found") {
		return fmt.Errorf("annotate %s: %w", api.Name(obj), err)
	}
	return nil
}
