package kubelet

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// resource is a container's limit or request as the downward API gives it: of a limit that is not set, all that the
// node has. Never 0 for a limit: Cilium's programs take it for GOMEMLIMIT, and would do nothing but collect garbage.
func (w *worker) resource(ctx context.Context, pod *corev1.Pod, c *corev1.Container, ref *corev1.ResourceFieldSelector) (string, error) {
	node, err := w.kube.CoreV1().Nodes().Get(ctx, pod.Spec.NodeName, metav1.GetOptions{})
	if err != nil {
		return "", fmt.Errorf("read %s: %w", ref.Resource, err)
	}
	return resourceValue(c, ref, node.Status.Allocatable)
}

// resourceValue is that field in units of its divisor, rounded up.
func resourceValue(c *corev1.Container, ref *corev1.ResourceFieldSelector, allocatable corev1.ResourceList) (string, error) {
	kind, name, _ := strings.Cut(ref.Resource, ".")
	var quantity resource.Quantity
	switch kind {
	case "limits":
		q, ok := c.Resources.Limits[corev1.ResourceName(name)]
		if !ok {
			q = allocatable[corev1.ResourceName(name)]
		}
		quantity = q
	case "requests":
		quantity = c.Resources.Requests[corev1.ResourceName(name)]
	default:
		return "", fmt.Errorf("resource %q: want limits.NAME or requests.NAME", ref.Resource)
	}
	unit := int64(1000)
	if !ref.Divisor.IsZero() {
		unit = ref.Divisor.MilliValue()
	}
	if name != string(corev1.ResourceCPU) { // milli-bytes of a large node do not fit
		value, unit := quantity.Value(), max(unit/1000, 1)
		return fmt.Sprint((value + unit - 1) / unit), nil
	}
	return fmt.Sprint((quantity.MilliValue() + unit - 1) / unit), nil
}
