package breaks

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
)

func helmBreaks() []Break {
	return []Break{
		{
			Name: "release-pending", Scope: OnCluster, Do: leavePending,
			About: "Helm's newest record of release cilium is pending-upgrade, as an interrupted upgrade leaves it",
		},
		{
			Name: "release-failed", Scope: OnCluster, Do: leaveFailed,
			About: "Helm's newest record of release cilium is failed; the one before it stays deployed",
		},
		{
			Name: "second-release", Scope: OnCluster, Do: secondRelease,
			About: "a second release, kube-system-cilium, is recorded in flux-system and owns every object of the first",
		},
		{
			Name: "cluster-id", Scope: OnCluster, Do: wrongID, Undo: rollback,
			About: "Cilium was installed with cluster.id 7: release, cilium-config and agents agree on it, cluster-settings do not",
		},
		{
			Name: "version-skew", Scope: OnCluster, Cluster: "apps", Do: otherVersion, Undo: rollback,
			About: "the cluster runs another version of Cilium than the fleet's, upgraded by Helm",
		},
	}
}

func leavePending(ctx context.Context, t *Target) error {
	return t.nextRevision(ctx, "pending-upgrade")
}

func leaveFailed(ctx context.Context, t *Target) error { return t.nextRevision(ctx, "failed") }

func (t *Target) nextRevision(ctx context.Context, status string) error {
	newest, err := t.latest(ctx)
	if err != nil {
		return err
	}
	r, err := decode(newest)
	if err != nil {
		return err
	}
	next, err := r.secret("kube-system", "cilium", revision(newest)+1, status)
	if err != nil {
		return err
	}
	return t.record(ctx, next)
}

// secondRelease is what a HelmRelease in flux-system with targetNamespace, but without releaseName, leaves behind.
func secondRelease(ctx context.Context, t *Target) error {
	newest, err := t.latest(ctx)
	if err != nil {
		return err
	}
	r, err := decode(newest)
	if err != nil {
		return err
	}
	second, err := r.secret("flux-system", "kube-system-cilium", 1, "deployed")
	if err != nil {
		return err
	}
	if err := t.record(ctx, second); err != nil {
		return err
	}
	return t.own(ctx, r, "kube-system-cilium")
}

// own writes the owner's name on every object of a release.
func (t *Target) own(ctx context.Context, r release, name string) error {
	manifest, ok := r["manifest"].(string)
	if !ok {
		return fmt.Errorf("read release: it has no manifest")
	}
	objects, err := api.Parse([]byte(manifest))
	if err != nil {
		return err
	}
	for _, obj := range objects {
		if _, err := t.save(ctx, ref(obj.GetAPIVersion(), obj.GetKind(), obj.GetNamespace(), obj.GetName())); err != nil {
			return err
		}
		err := t.annotate(ctx, obj, map[string]any{"meta.helm.sh/release-name": name, "meta.helm.sh/release-namespace": "kube-system"})
		if err != nil {
			return err
		}
	}
	return nil
}

func wrongID(ctx context.Context, t *Target) error {
	return t.upgrade(ctx, t.Cluster.Settings.CiliumVersion, "--set", "cluster.id=7")
}

func otherVersion(ctx context.Context, t *Target) error {
	version := Other(t.Cluster.Settings.CiliumVersion)
	if err := t.Lab.PushChart(ctx, t.Cluster.Settings, version); err != nil {
		return err
	}
	return t.upgrade(ctx, version)
}

// Other is a version near the given one, of the same minor where there is one.
func Other(version string) string {
	near := map[string]string{"1.17.6": "1.18.2", "1.16.5": "1.16.6"}
	if other, ok := near[version]; ok {
		return other
	}
	i := strings.LastIndex(version, ".")
	patch, err := strconv.Atoi(version[i+1:])
	if err != nil || patch == 0 {
		return version[:i] + ".1"
	}
	return fmt.Sprintf("%s.%d", version[:i], patch-1)
}

// upgrade is a real Helm upgrade, after which agents and operator are restarted so that they read what was changed.
func (t *Target) upgrade(ctx context.Context, version string, args ...string) error {
	newest, err := t.latest(ctx)
	if err != nil {
		return err
	}
	if _, err := t.save(ctx, ref("v1", "Secret", "kube-system", newest.Name)); err != nil {
		return err
	}
	t.Record.Note["revision"] = strconv.Itoa(revision(newest))
	if err := t.keep(); err != nil {
		return err
	}
	chart := t.Lab.ChartPath(version)
	args = append([]string{"upgrade", "cilium", chart, "--values", t.Lab.ValuesPath(t.Cluster.Name), "--wait", "--timeout", "3m"}, args...)
	if err := t.Lab.Helm(ctx, t.Cluster, args...); err != nil {
		return err
	}
	return t.restartCilium(ctx)
}

// rollback has Helm go back to the revision before the break, and then takes the traces of both out of its history.
func rollback(ctx context.Context, t *Target) error {
	before := t.Record.Note["revision"]
	if before == "" {
		return nil // it broke off before Helm was called
	}
	newest, err := t.latest(ctx)
	if err != nil {
		return err
	}
	if newest.Labels["version"] != before {
		if err := t.Lab.Helm(ctx, t.Cluster, "rollback", "cilium", before, "--wait", "--timeout", "3m"); err != nil {
			return err
		}
	}
	list, err := t.Kube.CoreV1().Secrets("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "owner=helm,name=cilium"})
	if err != nil {
		return fmt.Errorf("read history of release cilium: %w", err)
	}
	for _, s := range list.Items {
		if n, err := strconv.Atoi(before); err == nil && revision(&s) > n {
			if err := t.Kube.CoreV1().Secrets("kube-system").Delete(ctx, s.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
				return fmt.Errorf("clean history of release cilium: %w", err)
			}
		}
	}
	if err := t.restore(ctx); err != nil {
		return err
	}
	return t.restartCilium(ctx)
}

// readers are the pods that read cilium-config when they start.
const readers = "app.kubernetes.io/name in (cilium-agent,cilium-operator)"

// restartCilium deletes every pod of agents and operator and waits for new ones.
func (t *Target) restartCilium(ctx context.Context) error { return t.restart(ctx, readers) }

// restart deletes every pod of Cilium that the selector finds and waits for new ones.
func (t *Target) restart(ctx context.Context, selector string) error {
	pods := t.Kube.CoreV1().Pods("kube-system")
	old, err := pods.List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return fmt.Errorf("restart Cilium: %w", err)
	}
	gone := map[string]bool{}
	for _, pod := range old.Items {
		gone[string(pod.UID)] = true
		if err := pods.Delete(ctx, pod.Name, metav1.DeleteOptions{}); err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("restart Cilium: %w", err)
		}
	}
	err = t.wait(ctx, "agents and operator to restart", func() (bool, error) {
		now, err := pods.List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil || len(now.Items) != len(old.Items) {
			return false, err
		}
		for _, pod := range now.Items {
			if gone[string(pod.UID)] || len(pod.Status.ContainerStatuses) == 0 || !pod.Status.ContainerStatuses[0].Ready {
				return false, nil
			}
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	if err := t.deploymentCounts(ctx, "kube-system", "cilium-operator", true); err != nil {
		return err
	}
	return t.daemonSetCounts(ctx, "kube-system", "cilium", true)
}
