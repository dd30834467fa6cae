package play

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestWaiting(t *testing.T) {
	pod := func(change func(*corev1.Pod)) corev1.Pod {
		p := corev1.Pod{
			Spec:   corev1.PodSpec{NodeName: "infra-1", Containers: []corev1.Container{{Image: "spegel:v0.4.0"}}},
			Status: corev1.PodStatus{Phase: corev1.PodPending},
		}
		change(&p)
		return p
	}
	now := metav1.Now()
	for name, c := range map[string]struct {
		change func(*corev1.Pod)
		want   int
	}{
		"overlooked":    {func(*corev1.Pod) {}, 1},
		"running":       {func(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning }, 0},
		"without node":  {func(p *corev1.Pod) { p.Spec.NodeName = "" }, 0},
		"going":         {func(p *corev1.Pod) { p.DeletionTimestamp = &now }, 0},
		"image missing": {func(p *corev1.Pod) { p.Spec.Containers[0].Image = "cilium:does-not-exist" }, 0},
	} {
		if got := Waiting([]corev1.Pod{pod(c.change)}); len(got) != c.want {
			t.Errorf("%s: %d wait, want %d", name, len(got), c.want)
		}
	}
}
