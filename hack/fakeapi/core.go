package fakeapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

func at(t time.Time) metav1.Time { return metav1.NewTime(t) }

// node is a Node as large as those of a cluster that is used: fifty images, its capacity, its owners of fields.
func node(n facts.Node) *core.Node {
	out := &core.Node{ObjectMeta: metav1.ObjectMeta{Name: n.Name, Annotations: n.Annotations, ManagedFields: owned("kubelet", time.Time{}, 40)}}
	out.Labels = map[string]string{"kubernetes.io/hostname": n.Name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
	out.Spec.PodCIDRs = n.PodCIDRs
	out.Status.Addresses = []core.NodeAddress{{Type: core.NodeInternalIP, Address: n.InternalIP}, {Type: core.NodeHostName, Address: n.Name}}
	out.Status.NodeInfo = core.NodeSystemInfo{KubeletVersion: n.Kubelet, OperatingSystem: "linux", Architecture: "amd64"}
	out.Status.Capacity = core.ResourceList{core.ResourceCPU: resource.MustParse("32"), core.ResourceMemory: resource.MustParse("128Gi"), core.ResourcePods: resource.MustParse("250")}
	out.Status.Allocatable = out.Status.Capacity
	for _, kind := range []core.NodeConditionType{core.NodeMemoryPressure, core.NodeDiskPressure, core.NodePIDPressure} {
		out.Status.Conditions = append(out.Status.Conditions, core.NodeCondition{Type: kind, Status: core.ConditionFalse, Reason: "KubeletHasSufficientRoom"})
	}
	if n.Ready || n.Reason != "(no Ready condition)" {
		ready := core.NodeCondition{Type: core.NodeReady, Status: core.ConditionFalse, Reason: n.Reason}
		if n.Ready {
			ready.Status, ready.Reason = core.ConditionTrue, "KubeletReady"
		}
		out.Status.Conditions = append(out.Status.Conditions, ready)
	}
	for i := range 50 {
		name := fmt.Sprintf("registry.example.com/team-%d/image-%d", i%7, i)
		out.Status.Images = append(out.Status.Images, core.ContainerImage{Names: []string{name + "@sha256:" + strings.Repeat("0a1b2c3d", 8), name + ":v1.2.3"}, SizeBytes: 1 << 26})
	}
	return out
}

func meta(w facts.Workload) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: w.Namespace, Name: w.Name, Labels: w.Labels, Generation: w.Generation}
	if namespace, name, ok := strings.Cut(w.Release, "/"); ok {
		m.Annotations = map[string]string{"meta.helm.sh/release-namespace": namespace, "meta.helm.sh/release-name": name}
	}
	return m
}

// template has the recorded images and ports; the ports' containers come first.
func template(w facts.Workload) core.PodTemplateSpec {
	var t core.PodTemplateSpec
	t.Spec.HostNetwork = w.HostNetwork
	at := map[string]int{}
	for _, p := range w.HostPorts {
		if _, known := at[p.Container]; !known {
			at[p.Container] = len(t.Spec.Containers)
			t.Spec.Containers = append(t.Spec.Containers, core.Container{Name: p.Container})
		}
		c := &t.Spec.Containers[at[p.Container]]
		c.Ports = append(c.Ports, core.ContainerPort{Name: p.Name, Protocol: core.Protocol(p.Protocol), HostPort: p.Port, ContainerPort: p.Port})
	}
	for i, image := range w.Images {
		if i == len(t.Spec.Containers) {
			t.Spec.Containers = append(t.Spec.Containers, core.Container{Name: fmt.Sprintf("container-%d", i)})
		}
		t.Spec.Containers[i].Image = image
	}
	return t
}

func daemonSet(w facts.Workload) *apps.DaemonSet {
	return &apps.DaemonSet{
		ObjectMeta: meta(w),
		Spec:       apps.DaemonSetSpec{Template: template(w), UpdateStrategy: apps.DaemonSetUpdateStrategy{Type: apps.DaemonSetUpdateStrategyType(w.UpdateStrategy)}},
		Status: apps.DaemonSetStatus{
			ObservedGeneration: w.ObservedGeneration, DesiredNumberScheduled: w.Desired, UpdatedNumberScheduled: w.Updated,
			NumberReady: w.Ready, NumberAvailable: w.Available,
		},
	}
}

func deployment(w facts.Workload) *apps.Deployment {
	return &apps.Deployment{
		ObjectMeta: meta(w),
		Spec:       apps.DeploymentSpec{Replicas: &w.Desired, Template: template(w), Strategy: apps.DeploymentStrategy{Type: apps.DeploymentStrategyType(w.UpdateStrategy)}},
		Status: apps.DeploymentStatus{
			ObservedGeneration: w.ObservedGeneration, UpdatedReplicas: w.Updated, ReadyReplicas: w.Ready,
			AvailableReplicas: w.Available, Replicas: w.Total,
		},
	}
}

// pod is a Pod as large as an agent's: mounts, volumes, variables, its owners of fields.
func pod(p facts.Pod) *core.Pod {
	out := &core.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: p.Namespace, Name: p.Name, UID: types.UID(p.UID), Labels: p.Labels, CreationTimestamp: at(p.Created),
		ManagedFields: owned("kube-controller-manager", time.Time{}, 60),
	}}
	if kind, name, ok := strings.Cut(p.Owner, "/"); ok {
		yes := true
		out.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: kind, Name: name, UID: "owner", Controller: &yes}}
	}
	if p.Deleting {
		out.DeletionTimestamp = new(at(p.Created.Add(time.Hour)))
	}
	out.Spec.NodeName = p.Node
	out.Status.Phase, out.Status.Reason = core.PodPhase(p.Phase), p.Reason
	ready := core.ConditionFalse
	if p.Ready {
		ready = core.ConditionTrue
	}
	out.Status.Conditions = []core.PodCondition{{Type: core.PodScheduled, Status: core.ConditionTrue}, {Type: core.PodReady, Status: ready}}
	if !p.Configured.IsZero() {
		done := core.ContainerState{Terminated: &core.ContainerStateTerminated{StartedAt: at(p.Configured)}}
		out.Status.InitContainerStatuses = []core.ContainerStatus{{Name: "config", State: done}}
	}
	for _, c := range p.Containers {
		out.Spec.Containers = append(out.Spec.Containers, furnished(c))
		out.Status.ContainerStatuses = append(out.Status.ContainerStatuses, status(c))
	}
	for i := range 15 {
		path := core.HostPathVolumeSource{Path: fmt.Sprintf("/var/run/cilium/state-%d", i)}
		out.Spec.Volumes = append(out.Spec.Volumes, core.Volume{Name: fmt.Sprintf("volume-%d", i), VolumeSource: core.VolumeSource{HostPath: &path}})
	}
	return out
}

func furnished(c facts.Container) core.Container {
	out := core.Container{Name: c.Name, Image: c.Image, Command: []string{"cilium-agent"}, Args: []string{"--config-dir=/tmp/cilium/config-map"}}
	for i := range 15 {
		out.VolumeMounts = append(out.VolumeMounts, core.VolumeMount{Name: fmt.Sprintf("volume-%d", i), MountPath: fmt.Sprintf("/var/run/cilium/state-%d", i)})
		out.Env = append(out.Env, core.EnvVar{Name: fmt.Sprintf("CILIUM_VARIABLE_%d", i), Value: "kubernetes.default.svc"})
	}
	return out
}

func status(c facts.Container) core.ContainerStatus {
	out := core.ContainerStatus{Name: c.Name, Image: c.Image, ImageID: c.Image, ContainerID: c.ID, Ready: c.Ready, RestartCount: c.Restarts}
	if !c.Started.IsZero() {
		out.State.Running = &core.ContainerStateRunning{StartedAt: at(c.Started)}
	}
	if c.Waiting != "" {
		out.State.Waiting = &core.ContainerStateWaiting{Reason: c.Waiting}
	}
	if c.LastReason != "" || !c.LastEnded.IsZero() {
		out.LastTerminationState.Terminated = &core.ContainerStateTerminated{Reason: c.LastReason, FinishedAt: at(c.LastEnded)}
	}
	return out
}

func configMap(c *facts.ConfigMap) *core.ConfigMap {
	out := &core.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: c.Namespace, Name: c.Name}, Data: c.Data}
	if c.Changed.IsZero() {
		return out
	}
	keys := map[string]any{}
	for key := range c.Data {
		keys["f:"+key] = struct{}{}
	}
	raw, _ := json.Marshal(map[string]any{"f:data": keys})
	out.ManagedFields = []metav1.ManagedFieldsEntry{{
		Manager: "helm", Operation: metav1.ManagedFieldsOperationUpdate, Time: new(at(c.Changed)), FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: raw},
	}}
	return out
}

// owned is an entry of managedFields with that many fields.
func owned(manager string, t time.Time, fields int) []metav1.ManagedFieldsEntry {
	all := map[string]any{}
	for i := range fields {
		all[fmt.Sprintf("f:someField%d", i)] = map[string]any{"f:nested": struct{}{}}
	}
	raw, _ := json.Marshal(map[string]any{"f:status": all})
	return []metav1.ManagedFieldsEntry{{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate, Time: new(at(t)), FieldsType: "FieldsV1", FieldsV1: &metav1.FieldsV1{Raw: raw}}}
}
