package play

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// RunningStatus is the status of a pod all of whose containers started without trouble.
func RunningStatus(pod *corev1.Pod, hostIP string, started time.Time) corev1.PodStatus {
	at := metav1.NewTime(started)
	status := corev1.PodStatus{
		Phase: corev1.PodRunning, StartTime: &at, HostIP: hostIP, PodIP: hostIP,
		HostIPs: []corev1.HostIP{{IP: hostIP}}, PodIPs: []corev1.PodIP{{IP: hostIP}},
	}
	for _, t := range []corev1.PodConditionType{
		"PodReadyToStartContainers", corev1.PodInitialized, corev1.PodReady, corev1.ContainersReady, corev1.PodScheduled,
	} {
		status.Conditions = append(status.Conditions, corev1.PodCondition{Type: t, Status: corev1.ConditionTrue, LastTransitionTime: at})
	}
	for _, c := range pod.Spec.InitContainers {
		s := containerStatus(pod, c)
		s.State = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{
			Reason: "Completed", StartedAt: at, FinishedAt: at, ContainerID: s.ContainerID,
		}}
		status.InitContainerStatuses = append(status.InitContainerStatuses, s)
	}
	for _, c := range pod.Spec.Containers {
		s := containerStatus(pod, c)
		yes := true
		s.Started, s.State = &yes, corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: at}}
		status.ContainerStatuses = append(status.ContainerStatuses, s)
	}
	return status
}

func containerStatus(pod *corev1.Pod, c corev1.Container) corev1.ContainerStatus {
	image, digest, ok := strings.Cut(c.Image, "@")
	if !ok {
		digest = fmt.Sprintf("sha256:%x", sha256.Sum256([]byte(c.Image)))
	}
	repository := image[:max(strings.LastIndex(image, ":"), 0)]
	return corev1.ContainerStatus{
		Name: c.Name, Image: c.Image, Ready: true,
		ImageID:     repository + "@" + digest,
		ContainerID: fmt.Sprintf("containerd://%x", sha256.Sum256([]byte(string(pod.UID)+c.Name))),
	}
}

// Unready makes of a running pod's status that of one whose containers fail their readiness probe.
func Unready(status *corev1.PodStatus) { setReady(status, corev1.ConditionFalse, "ContainersNotReady") }

// Ready is the way back.
func Ready(status *corev1.PodStatus) { setReady(status, corev1.ConditionTrue, "") }

func setReady(status *corev1.PodStatus, to corev1.ConditionStatus, reason string) {
	for i := range status.Conditions {
		c := &status.Conditions[i]
		if (c.Type == corev1.PodReady || c.Type == corev1.ContainersReady) && c.Status != to {
			c.Status, c.Reason, c.LastTransitionTime = to, reason, metav1.Now()
		}
	}
	for i := range status.ContainerStatuses {
		status.ContainerStatuses[i].Ready = to == corev1.ConditionTrue
	}
}
