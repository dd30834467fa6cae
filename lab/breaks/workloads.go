package breaks

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
)

func workloadBreaks() []Break {
	return []Break{
		{
			Name: "kube-proxy", About: "a DaemonSet kube-proxy runs on every node, beside Cilium's replacement", Scope: OnCluster,
			Do: runKubeProxy, Undo: kubeProxyGone,
		},
		deploymentDown("operator-not-ready", "no pod of cilium-operator is Ready", "kube-system", "cilium-operator", "io.cilium/app=operator"),
		deploymentDown("relay-down", "the pod of hubble-relay is not Ready", "kube-system", "hubble-relay", "k8s-app=hubble-relay"),
		deploymentDown("coredns-down", "no pod of CoreDNS is Ready", "kube-system", "coredns", "k8s-app=kube-dns"),
		{
			Name: "spegel-down", About: "the node's Spegel pod is not Ready", Scope: OnNode,
			Do: func(ctx context.Context, t *Target) error {
				if err := t.setPods(ctx, "spegel", "app.kubernetes.io/name=spegel", t.Record.Node, false); err != nil {
					return err
				}
				return t.daemonSetCounts(ctx, "spegel", "spegel", false)
			},
			Undo: func(ctx context.Context, t *Target) error {
				if err := t.setPods(ctx, "spegel", "app.kubernetes.io/name=spegel", t.Record.Node, true); err != nil {
					return err
				}
				return t.daemonSetCounts(ctx, "spegel", "spegel", true)
			},
		},
	}
}

func deploymentDown(name, about, namespace, deployment, selector string) Break {
	set := func(yes bool) func(context.Context, *Target) error {
		return func(ctx context.Context, t *Target) error {
			if err := t.setPods(ctx, namespace, selector, "", yes); err != nil {
				return err
			}
			return t.deploymentCounts(ctx, namespace, deployment, yes)
		}
	}
	return Break{Name: name, About: about, Scope: OnCluster, Do: set(false), Undo: set(true)}
}

// deploymentCounts waits until a Deployment counts all its pods ready, or none.
func (t *Target) deploymentCounts(ctx context.Context, namespace, name string, all bool) error {
	return t.wait(ctx, "Deployment "+name, func() (bool, error) {
		d, err := t.Kube.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err
		}
		if all {
			return d.Status.AvailableReplicas == *d.Spec.Replicas, nil
		}
		return d.Status.ReadyReplicas == 0 && d.Status.AvailableReplicas == 0, nil
	})
}

const kubeProxy = `
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: kube-proxy
  namespace: kube-system
  labels: {k8s-app: kube-proxy}
spec:
  selector:
    matchLabels: {k8s-app: kube-proxy}
  template:
    metadata:
      labels: {k8s-app: kube-proxy}
    spec:
      hostNetwork: true
      priorityClassName: system-node-critical
      tolerations: [{operator: Exists}]
      containers:
        - name: kube-proxy
          image: registry.k8s.io/kube-proxy:v1.37.2
          command: [/usr/local/bin/kube-proxy, --config=/var/lib/kube-proxy/config.conf]
`

func runKubeProxy(ctx context.Context, t *Target) error {
	objects, err := api.Parse([]byte(kubeProxy))
	if err != nil {
		return err
	}
	if _, err := t.save(ctx, ref("apps/v1", "DaemonSet", "kube-system", "kube-proxy")); err != nil {
		return err
	}
	if err := t.Client.Apply(ctx, objects...); err != nil {
		return err
	}
	return t.daemonSetCounts(ctx, "kube-system", "kube-proxy", true)
}

func kubeProxyGone(ctx context.Context, t *Target) error {
	return t.wait(ctx, "kube-proxy to be gone", func() (bool, error) {
		list, err := t.Kube.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{LabelSelector: "k8s-app=kube-proxy"})
		if err != nil {
			return false, fmt.Errorf("list pods of kube-proxy: %w", err)
		}
		return len(list.Items) == 0, nil
	})
}
