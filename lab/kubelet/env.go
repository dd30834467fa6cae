package kubelet

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/lab/process"
)

// environment is what the pod says of its container's, after what every container has.
func (w *worker) environment(ctx context.Context, pod *corev1.Pod, c *corev1.Container) ([]string, map[string]string, error) {
	values := map[string]string{
		"PATH": w.searchPath(), "HOME": "/", "HOSTNAME": pod.Name, process.Owner: string(w.Ground.Dir),
		"KUBERNETES_SERVICE_PORT": "443",
	}
	if pod.Spec.HostNetwork {
		values["HOSTNAME"] = pod.Spec.NodeName
	}
	if service, err := w.kube.CoreV1().Services("default").Get(ctx, "kubernetes", metav1.GetOptions{}); err == nil {
		values["KUBERNETES_SERVICE_HOST"] = service.Spec.ClusterIP
	}
	for _, e := range c.Env {
		value, err := w.value(ctx, pod, c, e)
		if err != nil {
			return nil, nil, fmt.Errorf("environment of %s: %s: %w", c.Name, e.Name, err)
		}
		values[e.Name] = expand(value, values)
	}
	list := make([]string, 0, len(values))
	for name, value := range values {
		list = append(list, name+"="+value)
	}
	return list, values, nil
}

func (w *worker) value(ctx context.Context, pod *corev1.Pod, c *corev1.Container, e corev1.EnvVar) (string, error) {
	from := e.ValueFrom
	switch {
	case from == nil:
		return e.Value, nil
	case from.FieldRef != nil:
		return w.field(pod, from.FieldRef), nil
	case from.ConfigMapKeyRef != nil:
		files, err := w.configMap(ctx, from.ConfigMapKeyRef.Name, nil, from.ConfigMapKeyRef.Optional)
		return string(files[from.ConfigMapKeyRef.Key]), err
	case from.SecretKeyRef != nil:
		files, err := w.secret(ctx, from.SecretKeyRef.Name, nil, from.SecretKeyRef.Optional)
		return string(files[from.SecretKeyRef.Key]), err
	case from.ResourceFieldRef != nil:
		return w.resource(ctx, pod, c, from.ResourceFieldRef)
	}
	return "", fmt.Errorf("a source that the lab does not know")
}

// field is one of the pod's fields as the downward API gives it.
func (w *worker) field(pod *corev1.Pod, ref *corev1.ObjectFieldSelector) string {
	if ref == nil {
		return ""
	}
	switch ref.FieldPath {
	case "metadata.name":
		return pod.Name
	case "metadata.namespace":
		return pod.Namespace
	case "metadata.uid":
		return string(pod.UID)
	case "spec.nodeName":
		return pod.Spec.NodeName
	case "spec.serviceAccountName":
		return pod.Spec.ServiceAccountName
	case "status.hostIP":
		return w.nodeIP()
	case "status.podIP", "status.podIPs":
		return w.box.IP
	}
	if key, ok := strings.CutPrefix(ref.FieldPath, "metadata.labels['"); ok {
		return pod.Labels[strings.TrimSuffix(key, "']")]
	}
	if key, ok := strings.CutPrefix(ref.FieldPath, "metadata.annotations['"); ok {
		return pod.Annotations[strings.TrimSuffix(key, "']")]
	}
	return ""
}

// expand replaces $(NAME) by a variable's value, as containers' arguments and variables may say it.
func expand(text string, values map[string]string) string {
	for name, value := range values {
		text = strings.ReplaceAll(text, "$("+name+")", value)
	}
	return text
}
