package objects

import (
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/lab/component"
	"github.com/cilium-gitops/cilium-gitops/lab/fleet"
)

// Node is a node as its kubelet would register it. The addresses matter: the API server reaches the kubelet by the
// ExternalIP, and an InternalIP of the loopback range would make endpoints invalid.
func Node(n fleet.Node, kubeletPort int, now time.Time) corev1.Node {
	return corev1.Node{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{
			Name: n.Name,
			Labels: map[string]string{
				"kubernetes.io/hostname": n.Name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
				"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64",
				"node-role.kubernetes.io/control-plane": "",
			},
		},
		Spec:   corev1.NodeSpec{PodCIDR: n.PodCIDR, PodCIDRs: []string{n.PodCIDR}},
		Status: nodeStatus(n, kubeletPort, now),
	}
}

func nodeStatus(n fleet.Node, kubeletPort int, now time.Time) corev1.NodeStatus {
	resources := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("8"), corev1.ResourceMemory: resource.MustParse("32Gi"),
		corev1.ResourcePods: resource.MustParse("110"), corev1.ResourceEphemeralStorage: resource.MustParse("200Gi"),
	}
	condition := func(t corev1.NodeConditionType, s corev1.ConditionStatus, reason, message string) corev1.NodeCondition {
		return corev1.NodeCondition{
			Type: t, Status: s, Reason: reason, Message: message,
			LastHeartbeatTime: metav1.NewTime(now), LastTransitionTime: metav1.NewTime(now),
		}
	}
	sum := md5.Sum([]byte(n.Name))
	return corev1.NodeStatus{
		Capacity: resources, Allocatable: resources,
		// What no other node has: Spegel's stand-in serves it to them.
		Images: []corev1.ContainerImage{{Names: []string{"docker.io/library/only-on-" + n.Name + ":v1"}, SizeBytes: 1 << 20}},
		Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeInternalIP, Address: n.IP},
			{Type: corev1.NodeExternalIP, Address: "127.0.0.1"},
			{Type: corev1.NodeHostName, Address: n.Name},
		},
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: int32(kubeletPort)}},
		NodeInfo: corev1.NodeSystemInfo{
			MachineID: hex.EncodeToString(sum[:]), SystemUUID: fmt.Sprintf("%x-%x", sum[:4], sum[4:10]), BootID: fmt.Sprintf("%x", sum[8:]),
			KernelVersion: "6.12.52-talos", OSImage: "Talos (v1.11.3)", ContainerRuntimeVersion: "containerd://2.1.4",
			KubeletVersion: component.Kubernetes, OperatingSystem: "linux", Architecture: "amd64",
		},
		Conditions: []corev1.NodeCondition{
			condition(corev1.NodeReady, corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status"),
			condition(corev1.NodeMemoryPressure, corev1.ConditionFalse, "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
			condition(corev1.NodeDiskPressure, corev1.ConditionFalse, "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
			condition(corev1.NodePIDPressure, corev1.ConditionFalse, "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
			condition(corev1.NodeNetworkUnavailable, corev1.ConditionFalse, "CiliumIsUp", "Cilium is running on this node"),
		},
	}
}
