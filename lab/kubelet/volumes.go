package kubelet

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

// fillVolumes writes the pod's volumes that have contents and returns their folders by name. What they hold is what
// it was when the pod started: nothing here is brought up to date later.
func (w *worker) fillVolumes(ctx context.Context, pod *corev1.Pod) (map[string]string, error) {
	folders := map[string]string{}
	for _, v := range pod.Spec.Volumes {
		files, err := w.contents(ctx, pod, v.VolumeSource)
		if err != nil {
			return nil, fmt.Errorf("fill volume %s: %w", v.Name, err)
		}
		if files == nil {
			continue
		}
		folders[v.Name] = w.path("volumes", v.Name)
		if err := os.MkdirAll(folders[v.Name], 0o755); err != nil {
			return nil, fmt.Errorf("fill volume %s: %w", v.Name, err)
		}
		for name, text := range files {
			if err := state.WriteFile(filepath.Join(folders[v.Name], name), text, 0o644); err != nil {
				return nil, err
			}
		}
	}
	return folders, nil
}

// contents is a volume's files; nil for a kind that has none of its own or that the node has already.
func (w *worker) contents(ctx context.Context, pod *corev1.Pod, v corev1.VolumeSource) (map[string][]byte, error) {
	switch {
	case v.ConfigMap != nil:
		return w.configMap(ctx, v.ConfigMap.Name, v.ConfigMap.Items, v.ConfigMap.Optional)
	case v.Secret != nil:
		return w.secret(ctx, v.Secret.SecretName, v.Secret.Items, v.Secret.Optional)
	case v.Projected != nil:
		return w.projected(ctx, pod, v.Projected)
	case v.EmptyDir != nil:
		return map[string][]byte{}, nil
	}
	return nil, nil
}

func (w *worker) projected(ctx context.Context, pod *corev1.Pod, p *corev1.ProjectedVolumeSource) (map[string][]byte, error) {
	all := map[string][]byte{}
	for _, s := range p.Sources {
		var files map[string][]byte
		var err error
		switch {
		case s.ConfigMap != nil:
			files, err = w.configMap(ctx, s.ConfigMap.Name, s.ConfigMap.Items, s.ConfigMap.Optional)
		case s.Secret != nil:
			files, err = w.secret(ctx, s.Secret.Name, s.Secret.Items, s.Secret.Optional)
		case s.ServiceAccountToken != nil:
			files, err = w.token(ctx, pod, s.ServiceAccountToken)
		case s.DownwardAPI != nil:
			files = map[string][]byte{}
			for _, item := range s.DownwardAPI.Items {
				files[item.Path] = []byte(w.field(pod, item.FieldRef))
			}
		}
		if err != nil {
			return nil, err
		}
		maps.Copy(all, files)
	}
	return all, nil
}

func (w *worker) configMap(ctx context.Context, name string, items []corev1.KeyToPath, optional *bool) (map[string][]byte, error) {
	cm, err := w.kube.CoreV1().ConfigMaps(w.namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) && optional != nil && *optional {
		return map[string][]byte{}, nil
	}
	if err != nil {
		return nil, err
	}
	data := maps.Clone(cm.BinaryData)
	if data == nil {
		data = map[string][]byte{}
	}
	for key, text := range cm.Data {
		data[key] = []byte(text)
	}
	return pick(data, items), nil
}

func (w *worker) secret(ctx context.Context, name string, items []corev1.KeyToPath, optional *bool) (map[string][]byte, error) {
	secret, err := w.kube.CoreV1().Secrets(w.namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) && optional != nil && *optional {
		return map[string][]byte{}, nil
	}
	if err != nil {
		return nil, err
	}
	return pick(secret.Data, items), nil
}

func pick(data map[string][]byte, items []corev1.KeyToPath) map[string][]byte {
	if len(items) == 0 {
		return data
	}
	some := map[string][]byte{}
	for _, item := range items {
		if text, ok := data[item.Key]; ok {
			some[item.Path] = text
		}
	}
	return some
}

// token is the pod's own, of its service account; it outlasts any lab, because nobody here renews it.
func (w *worker) token(ctx context.Context, pod *corev1.Pod, source *corev1.ServiceAccountTokenProjection) (map[string][]byte, error) {
	month := int64(30 * 24 * 3600)
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: &month,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: pod.Name, UID: pod.UID},
	}}
	if source.Audience != "" {
		request.Spec.Audiences = []string{source.Audience}
	}
	answer, err := w.kube.CoreV1().ServiceAccounts(w.namespace).CreateToken(ctx, pod.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("get token of %s: %w", pod.Spec.ServiceAccountName, err)
	}
	return map[string][]byte{source.Path: []byte(answer.Status.Token)}, nil
}

// mountable tells whether a place can be made on a node without the machine noticing.
func mountable(path string) bool {
	path = filepath.Clean(path)
	for _, dir := range []string{"/run/", "/var/run/", "/etc/", "/opt/", "/var/lib/"} {
		if strings.HasPrefix(path, dir) {
			return true
		}
	}
	return false
}
