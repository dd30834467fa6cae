package play

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// overlooked is how long a pod may wait on its node before it is taken for one that the simulated kubelet overlooked,
// which happens where a pod is bound to a node in the moment in which that node begins to be managed.
const overlooked = 8 * time.Second

// Waiting are the pods that have a node and are not started there, but for those that wait for an image that is missing.
func Waiting(pods []corev1.Pod) []corev1.Pod {
	var waiting []corev1.Pod
	for _, pod := range pods {
		missing := false
		for _, c := range pod.Spec.Containers {
			missing = missing || strings.Contains(c.Image, "does-not-exist")
		}
		if pod.Status.Phase == corev1.PodPending && pod.Spec.NodeName != "" && pod.DeletionTimestamp == nil && !missing {
			waiting = append(waiting, pod)
		}
	}
	return waiting
}

// nudgePods changes pods that were overlooked, so that the simulated kubelet looks at them again.
func (p *Player) nudgePods(ctx context.Context) error {
	list, err := p.kube.CoreV1().Pods("").List(ctx, metav1.ListOptions{FieldSelector: "status.phase=Pending"})
	if err != nil {
		return fmt.Errorf("look for waiting pods: %w", err)
	}
	now := time.Now().UTC()
	for _, pod := range Waiting(list.Items) {
		if isAgent(&pod) || now.Sub(pod.CreationTimestamp.Time) < overlooked {
			continue
		}
		patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{"lab.cilium-gitops.dev/nudged": now.Format(time.RFC3339)}}})
		if err != nil {
			return fmt.Errorf("nudge %s: %w", pod.Name, err)
		}
		_, err = p.kube.CoreV1().Pods(pod.Namespace).Patch(ctx, pod.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("nudge %s/%s: %w", pod.Namespace, pod.Name, err)
		}
	}
	return nil
}
