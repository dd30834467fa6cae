//go:build e2e

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/cilium-gitops/cilium-gitops/plugin/act"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/handover"
)

var (
	actSource  = handover.Ref{APIVersion: "source.toolkit.fluxcd.io/v1", Kind: "OCIRepository", Namespace: "kube-system", Name: "cilium-charts"}
	actRelease = handover.Ref{APIVersion: "helm.toolkit.fluxcd.io/v2", Kind: "HelmRelease", Namespace: "kube-system", Name: "cilium"}
	actConfig  = handover.Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: "kube-system", Name: "cilium-config"}
	actAgents  = handover.Ref{APIVersion: "apps/v1", Kind: "DaemonSet", Namespace: "kube-system", Name: "cilium"}
)

// opened is cluster apps of a lab, which Helm 4 bootstrapped by server-side apply, as package act has it.
func (l *lab) opened(t *testing.T) *act.Cluster {
	t.Helper()
	config, err := clientcmd.BuildConfigFromKubeconfigGetter("", func() (*clientapi.Config, error) {
		file, err := clientcmd.LoadFromFile(l.variable("KUBECONFIG"))
		if err == nil {
			file.CurrentContext = "apps"
		}
		return file, err
	})
	if err != nil {
		t.Fatal(err)
	}
	c, err := act.Open(t.Context(), config, act.Options{Context: "apps", UserAgent: "e2e", Expect: facts.Expect{
		Cilium: facts.Names{Namespace: "kube-system", Release: "cilium", DaemonSet: "cilium", Operator: "cilium-operator"},
		Flux: facts.FluxNames{
			Namespace: "flux-system", Kustomization: "cilium-core", HelmRelease: "cilium", HelmReleaseNamespace: "kube-system", Source: "cilium-charts",
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// do takes an action twice: the second time changes nothing more, and is no error.
func do(t *testing.T, c *act.Cluster, a handover.Action) {
	t.Helper()
	for range 2 {
		// A controller may write to the object between our look and our write: whoever runs a plan tries again.
		err := c.Do(t.Context(), a)
		for range 5 {
			if !errors.Is(err, handover.ErrConflict) {
				break
			}
			err = c.Do(t.Context(), a)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// applied applies an object as kustomize-controller would.
func applied(ref handover.Ref, spec map[string]any) handover.Action {
	body, err := json.Marshal(map[string]any{
		"apiVersion": ref.APIVersion, "kind": ref.Kind, "metadata": map[string]any{"namespace": ref.Namespace, "name": ref.Name}, "spec": spec,
	})
	if err != nil {
		panic(err)
	}
	sum := sha256.Sum256(body)
	return handover.Action{Verb: handover.Apply, Ref: ref, Manager: handover.KustomizeController, Body: body, Digest: hex.EncodeToString(sum[:])}
}

func settle(t *testing.T, c *act.Cluster, refs ...handover.Ref) {
	t.Helper()
	if err := c.Settle(t.Context(), refs, 3*time.Minute); err != nil {
		t.Fatal(err)
	}
}

// managers are the managed fields of an object that are applied, by their manager.
func managers(t *testing.T, c *act.Cluster, ref handover.Ref) (map[string]metav1.ManagedFieldsEntry, string) {
	t.Helper()
	image, err := c.Image(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	var o metav1.PartialObjectMetadata
	if err := json.Unmarshal(image, &o); err != nil {
		t.Fatal(err)
	}
	all := map[string]metav1.ManagedFieldsEntry{}
	for _, e := range o.ManagedFields {
		if e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" {
			all[e.Manager] = e
		}
	}
	return all, o.ResourceVersion
}

// TestActAdoption adopts Cilium by the actions of a handover, hands its fields over, and lets go of it again.
func TestActAdoption(t *testing.T) {
	t.Parallel()
	l := another(t)
	c := l.opened(t)
	var values map[string]any
	if err := json.Unmarshal([]byte(l.must(t, "", "helm", "--kube-context", "apps", "-n", "kube-system", "get", "values", "cilium", "-o", "json")), &values); err != nil {
		t.Fatal(err)
	}
	pods := l.pods(t, "apps")
	dir := filepath.Join(t.TempDir(), "backup")
	if err := c.Backup(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if text := read(t, filepath.Join(dir, "manifest.yaml")); !strings.Contains(text, "name: cilium-config") {
		t.Errorf("the backup's manifest:\n%.500s", text)
	}

	do(t, c, applied(actSource, map[string]any{
		"interval": "1h", "url": "oci://" + l.variable("LAB_REGISTRY") + "/charts/cilium", "insecure": true, "ref": map[string]any{"tag": "1.18.2"},
		"layerSelector": map[string]any{"mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "operation": "copy"},
	}))
	settle(t, c, actSource)
	spec := map[string]any{
		"interval": "1h", "chartRef": map[string]any{"kind": "OCIRepository", "name": "cilium-charts"}, "releaseName": "cilium", "suspend": true, "values": values,
	}
	absent := applied(actRelease, spec)
	absent.Absent = true
	do(t, c, absent)
	yes := true
	do(t, c, handover.Action{Verb: handover.Resume, Ref: actRelease, Manager: handover.KustomizeController})
	err := c.Do(t.Context(), handover.Action{Verb: handover.Resume, Ref: actRelease, Manager: handover.KustomizeController, Suspended: &yes})
	if !errors.Is(err, handover.ErrConflict) {
		t.Errorf("what is not held is resumed: %v", err)
	}
	settle(t, c, actSource, actRelease)
	if now := l.pods(t, "apps"); now != pods {
		t.Errorf("pods of Cilium changed:\n%s\n%s", pods, now)
	}

	l.handsOver(t, c)
	l.dropsKey(t, c, spec, values)
	l.letsGo(t, c)
}

// handsOver holds that the API server keeps managed fields as they are given, their times among them.
func (l *lab) handsOver(t *testing.T, c *act.Cluster) {
	t.Helper()
	refs := []handover.Ref{actConfig, actAgents}
	owners, err := c.Fields(t.Context(), refs)
	if err != nil || len(owners) != 2 || owners[0].Shared == 0 || !slices.Contains(owners[0].Managers, "helm (Apply)") {
		t.Fatalf("owners after the adoption: %+v, %v", owners, err)
	}
	was, _ := managers(t, c, actConfig)
	if early, late := was["helm"].Time, was["helm-controller"].Time; !early.Before(late) {
		t.Fatalf("helm wrote at %s, helm-controller at %s", early, late)
	}
	action := handover.Action{Verb: handover.HandFields, Ref: actRelease, Manager: handover.HelmController, From: handover.HelmCLI, Objects: refs}
	if err := c.Do(t.Context(), action); err != nil {
		t.Fatal(err)
	}
	is, version := managers(t, c, actConfig)
	if _, still := is["helm"]; still || !is["helm-controller"].Time.Equal(was["helm"].Time) {
		t.Errorf("handed over: helm's entry is there: %t; time %s, want %s", still, is["helm-controller"].Time, was["helm"].Time)
	}
	do(t, c, action)
	if _, again := managers(t, c, actConfig); again != version {
		t.Errorf("a second time made version %s of %s", again, version)
	}
	owners, err = c.Fields(t.Context(), refs)
	for _, o := range owners {
		if o.Shared != 0 || o.Left != 0 || slices.Contains(o.Managers, "helm (Apply)") {
			t.Errorf("owners after it: %+v", o)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

// dropsKey removes a value: what the chart no longer renders goes, which it does not while helm owns it as well.
func (l *lab) dropsKey(t *testing.T, c *act.Cluster, spec, values map[string]any) {
	t.Helper()
	const key = "prometheus-serve-addr"
	if l.field(t, "apps", "kube-system", "configmap/cilium-config", "{.data."+key+"}") == "" {
		t.Fatalf("cilium-config has no %s to begin with", key)
	}
	delete(values, "prometheus")
	delete(spec, "suspend")
	do(t, c, applied(actRelease, spec))
	eventually(t, func() (string, bool) {
		got := l.field(t, "apps", "kube-system", "helmrelease/cilium", "{.status.history[0].version}")
		return got, got == "3"
	})
	settle(t, c, actRelease)
	if got := l.field(t, "apps", "kube-system", "configmap/cilium-config", "{.data."+key+"}"); got != "" {
		t.Errorf("%s is still %q", key, got)
	}
}

// letsGo releases the HelmRelease: not while it runs, and without uninstalling anything.
func (l *lab) letsGo(t *testing.T, c *act.Cluster) {
	t.Helper()
	release := handover.Action{Verb: handover.Release, Ref: actRelease}
	if err := c.Do(t.Context(), release); !errors.Is(err, handover.ErrConflict) {
		t.Fatalf("a running HelmRelease is released: %v", err)
	}
	do(t, c, handover.Action{Verb: handover.Suspend, Ref: actRelease, Manager: handover.FluxCLI})
	do(t, c, release)
	eventually(t, func() (string, bool) {
		image, err := c.Image(t.Context(), actRelease)
		return string(image), image == nil && err == nil
	})
	image, err := c.Image(t.Context(), actAgents)
	if err != nil || image == nil || strings.Contains(string(image), "deletionTimestamp") {
		t.Errorf("Cilium's DaemonSet after it: %s, %v", image, err)
	}
}

// TestActWatches sees a pod replaced, on the wire of a real API server.
func TestActWatches(t *testing.T) {
	c := theLab.opened(t)
	pods, err := c.Pods(t.Context())
	if err != nil || len(pods) == 0 {
		t.Fatalf("%v, %v", pods, err)
	}
	victim := pods[slices.IndexFunc(pods, func(p *core.Pod) bool { return strings.HasPrefix(p.Name, "hubble-ui") })]
	must(t, "kubectl", "--context", "apps", "-n", "kube-system", "delete", "pod", victim.Name, "--wait=false")
	eventually(t, func() ([]*core.Pod, bool) {
		if err := c.Changed(t.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		pods, err := c.Pods(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		fresh, old := false, false
		for _, p := range pods {
			old = old || p.UID == victim.UID
			fresh = fresh || strings.HasPrefix(p.Name, "hubble-ui") && p.UID != victim.UID && p.Status.Phase == "Running"
		}
		return pods, fresh && !old
	})
}

// TestActLockAndJournal keeps both in a real cluster, against another that wants them.
func TestActLockAndJournal(t *testing.T) {
	one, two := theLab.opened(t), theLab.opened(t)
	lock, err := one.Lock(t.Context(), "one")
	if err != nil {
		t.Fatal(err)
	}
	var held *act.Held
	if _, err := two.Lock(t.Context(), "two"); !errors.As(err, &held) || held.Holder != "one" {
		t.Errorf("%v", err)
	}
	first, second := one.Journal(), two.Journal()
	if j, err := first.Load(t.Context()); err != nil || j != nil {
		t.Fatalf("%v, %v", j, err)
	}
	t.Cleanup(func() { must(t, "kubectl", "--context", "apps", "-n", "flux-system", "delete", "configmap", act.Name) })
	j := &handover.Journal{APIVersion: facts.APIVersion, Kind: handover.JournalKind, Run: "e2e", Cluster: "apps", Phase: handover.Running, Began: time.Now().UTC().Truncate(time.Second)}
	for range 2 {
		if err := first.Save(t.Context(), j); err != nil {
			t.Fatal(err)
		}
	}
	if err := second.Save(t.Context(), j); err != nil { // the very same: it is there
		t.Errorf("%v", err)
	}
	j.Phase = handover.Frozen
	if err := second.Save(t.Context(), j); err != nil {
		t.Errorf("%v", err)
	}
	if err := first.Save(t.Context(), &handover.Journal{Run: "other"}); !errors.Is(err, handover.ErrLost) {
		t.Errorf("%v", err)
	}
	if got, err := two.Journal().Load(t.Context()); err != nil || got.Phase != handover.Frozen || !got.Began.Equal(j.Began) {
		t.Errorf("%+v, %v", got, err)
	}
	if phase := theLab.field(t, "apps", "flux-system", "configmap/"+act.Name, "{.data.phase} {.data.cluster}"); phase != "stopped apps" {
		t.Errorf("what people read: %q", phase)
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Error(err)
	}
	lock, err = two.Lock(t.Context(), "two")
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestActRights asks a real API server: the administrator may do it all.
func TestActRights(t *testing.T) {
	rights := []handover.Right{{Verb: "patch", Group: "helm.toolkit.fluxcd.io", Resource: "helmreleases", Namespace: "kube-system"}, {Verb: "create", Resource: "configmaps", Namespace: "flux-system"}}
	if denied, err := theLab.opened(t).Allowed(t.Context(), rights); err != nil || len(denied) != 0 {
		t.Errorf("%v, %v", denied, err)
	}
}

// field is one field of an object; empty where there is none.
func (l *lab) field(t *testing.T, cluster, namespace, object, jsonpath string) string {
	t.Helper()
	return l.run(t, "", "kubectl", "--context", cluster, "-n", namespace, "get", object, "-o", "jsonpath="+jsonpath).stdout
}
