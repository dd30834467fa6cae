package kubelet

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/cilium-gitops/cilium-gitops/lab/play"
)

// accept tells on which node's address the pod will be, before anything of it is there: agents wait for that.
func (w *worker) accept(ctx context.Context, pod *corev1.Pod) error {
	if pod.Status.HostIP != "" {
		return nil
	}
	ip := ""
	for _, n := range w.Ground.Cluster.Nodes() {
		if n.Name == pod.Spec.NodeName {
			ip = n.IP
		}
	}
	var waiting []corev1.ContainerStatus
	for _, c := range pod.Spec.Containers {
		waiting = append(waiting, corev1.ContainerStatus{Name: c.Name, Image: c.Image, State: corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"},
		}})
	}
	patch, err := json.Marshal(map[string]any{"status": map[string]any{
		"hostIP": ip, "hostIPs": []any{map[string]any{"ip": ip}}, "startTime": metav1.Now(), "containerStatuses": waiting,
	}})
	if err != nil {
		return fmt.Errorf("accept pod: %w", err)
	}
	_, err = w.kube.CoreV1().Pods(w.namespace).Patch(ctx, w.name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("accept pod: %w", err)
	}
	return nil
}

// tell writes the pod's status when what is known of it has changed since it was last written. What others wrote into
// it meanwhile, such as a break that calls a pod not ready, stays until then.
func (w *worker) tell(ctx context.Context, pod *corev1.Pod) error {
	status := w.status(pod)
	raw, err := json.Marshal(status.ContainerStatuses)
	if err != nil {
		return fmt.Errorf("tell status: %w", err)
	}
	if string(raw)+w.box.IP == w.told {
		return nil
	}
	patch, err := json.Marshal(map[string]any{"status": status})
	if err != nil {
		return fmt.Errorf("tell status: %w", err)
	}
	_, err = w.kube.CoreV1().Pods(w.namespace).Patch(ctx, w.name, types.MergePatchType, patch, metav1.PatchOptions{}, "status")
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("tell status: %w", err)
	}
	w.told = string(raw) + w.box.IP
	return nil
}

func (w *worker) status(pod *corev1.Pod) corev1.PodStatus {
	started := time.Now().UTC().Truncate(time.Second)
	for _, c := range w.containers {
		if c.started.Before(started) {
			started = c.started
		}
	}
	if pod.Status.StartTime != nil {
		started = pod.Status.StartTime.Time
	}
	status := play.RunningStatus(pod, w.nodeIP(), started)
	status.PodIP, status.PodIPs = w.box.IP, []corev1.PodIP{{IP: w.box.IP}}
	ready := true
	for i, c := range w.containers {
		c.describe(&status.ContainerStatuses[i])
		ready = ready && c.ready
	}
	status.Phase = phase(w.containers)
	if !ready {
		for i := range status.Conditions {
			condition := &status.Conditions[i]
			if condition.Type == corev1.PodReady || condition.Type == corev1.ContainersReady {
				condition.Status, condition.Reason = corev1.ConditionFalse, "ContainersNotReady"
				condition.LastTransitionTime = metav1.Now()
			}
		}
	}
	return status
}

// phase is Running until every container is done.
func phase(all []*container) corev1.PodPhase {
	phase := corev1.PodSucceeded
	for _, c := range all {
		if !c.done {
			return corev1.PodRunning
		}
		if c.exit.Code != 0 {
			phase = corev1.PodFailed
		}
	}
	return phase
}

// describe is the container as it is now; each start of its program is another container with another ID.
func (c *container) describe(s *corev1.ContainerStatus) {
	s.Ready, s.RestartCount = c.ready, c.restarts
	if c.restarts > 0 {
		s.ContainerID = fmt.Sprintf("containerd://%x", sha256.Sum256(fmt.Appendf(nil, "%s%s%d", c.w.uid, c.spec.Name, c.restarts)))
	}
	s.Started = &c.live
	s.State = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.NewTime(c.started)}}
	if c.done {
		s.State = c.exit.state()
		return
	}
	if c.exit != nil {
		s.LastTerminationState = c.exit.state()
	}
	if !c.live {
		s.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{
			Reason: "CrashLoopBackOff", Message: fmt.Sprintf("back-off restarting failed container %s", c.spec.Name),
		}}
	}
}

func (e *Exit) state() corev1.ContainerState {
	reason := "Completed"
	if e.Code != 0 {
		reason = "Error"
	}
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
		ExitCode: int32(e.Code), Signal: int32(e.Signal), Reason: reason,
		StartedAt: metav1.NewTime(e.Started.Truncate(time.Second)), FinishedAt: metav1.NewTime(e.Ended.Truncate(time.Second)),
	}}
}
