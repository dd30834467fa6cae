package live

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// at is noon and some minutes, as an API server in another zone may write it.
func at(minutes int) metav1.Time {
	return metav1.NewTime(noon.Add(time.Duration(minutes) * time.Minute).In(time.FixedZone("east", 3600)))
}

func owned(manager string, when metav1.Time, keys ...string) metav1.ManagedFieldsEntry {
	raw := `{"f:data":{".":{},"f:` + strings.Join(keys, `":{},"f:`) + `":{}}}`
	return metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationApply, Time: &when, FieldsV1: &metav1.FieldsV1{Raw: []byte(raw)}}
}

func TestDataChanged(t *testing.T) {
	labels := metav1.ManagedFieldsEntry{Manager: "kubectl-label", Time: new(at(90)), FieldsV1: &metav1.FieldsV1{Raw: []byte(`{"f:metadata":{"f:labels":{"f:x":{}}}}`)}}
	untimed := owned("helm", at(0), "a")
	untimed.Time = nil
	broken := metav1.ManagedFieldsEntry{Manager: "x", Time: new(at(50)), FieldsV1: &metav1.FieldsV1{Raw: []byte(`{`)}}
	for name, c := range map[string]struct {
		entries []metav1.ManagedFieldsEntry
		minutes int // -1: not known
	}{
		"one manager":           {[]metav1.ManagedFieldsEntry{owned("helm", at(0), "a", "b")}, 0},
		"adopted unchanged":     {[]metav1.ManagedFieldsEntry{owned("helm", at(0), "a", "b"), owned("helm-controller", at(30), "a", "b")}, 0},
		"adopted, other order":  {[]metav1.ManagedFieldsEntry{owned("helm-controller", at(30), "a", "b"), owned("helm", at(0), "a", "b")}, 0},
		"one key edited":        {[]metav1.ManagedFieldsEntry{owned("helm", at(0), "a"), owned("kubectl-edit", at(20), "b")}, 20},
		"key added at adoption": {[]metav1.ManagedFieldsEntry{owned("helm", at(0), "a", "b"), owned("helm-controller", at(30), "a", "b", "c")}, 30},
		"edited, then adopted":  {[]metav1.ManagedFieldsEntry{owned("helm", at(0), "a"), owned("kubectl-edit", at(20), "b"), owned("helm-controller", at(30), "a", "b")}, 20},
		"labels do not count":   {[]metav1.ManagedFieldsEntry{owned("helm", at(0), "a"), labels}, 0},
		"broken do not count":   {[]metav1.ManagedFieldsEntry{owned("helm", at(0), "a"), broken, {Manager: "none"}}, 0},
		"only labels":           {[]metav1.ManagedFieldsEntry{labels}, -1},
		"untimed":               {[]metav1.ManagedFieldsEntry{untimed}, -1},
		"nothing":               {nil, -1},
	} {
		got := dataChanged(&core.ConfigMap{ObjectMeta: metav1.ObjectMeta{ManagedFields: c.entries}})
		want := time.Time{}
		if c.minutes >= 0 {
			want = noon.Add(time.Duration(c.minutes) * time.Minute)
		}
		if !got.Equal(want) || got.Location() != time.UTC {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestNode(t *testing.T) {
	n := &core.Node{
		ObjectMeta: metav1.ObjectMeta{Name: "infra-1"},
		Spec:       core.NodeSpec{PodCIDRs: []string{"10.244.0.0/24", "fd00::/64"}},
		Status: core.NodeStatus{
			NodeInfo:   core.NodeSystemInfo{KubeletVersion: "v1.37.2"},
			Addresses:  []core.NodeAddress{{Type: core.NodeHostName, Address: "infra-1"}, {Type: core.NodeInternalIP, Address: "10.25.11.11"}, {Type: core.NodeInternalIP, Address: "fd00::11"}},
			Conditions: []core.NodeCondition{{Type: core.NodeDiskPressure, Status: core.ConditionTrue, Reason: "Full"}, {Type: core.NodeReady, Status: core.ConditionTrue, Reason: "KubeletReady"}},
		},
	}
	want := facts.Node{Name: "infra-1", InternalIP: "10.25.11.11", Ready: true, Kubelet: "v1.37.2", PodCIDRs: []string{"10.244.0.0/24", "fd00::/64"}}
	if got := node(n); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	n.Status.Conditions[1].Status, n.Status.Conditions[1].Reason = core.ConditionUnknown, "NodeStatusUnknown"
	if got := node(n); got.Ready || got.Reason != "NodeStatusUnknown" {
		t.Errorf("a silent node: %+v", got)
	}
	n.Status.Conditions = nil
	if got := node(n); got.Ready || got.Reason == "" {
		t.Errorf("a node without conditions: %+v", got)
	}
}

func podSpec(hostNetwork bool) core.PodTemplateSpec {
	return core.PodTemplateSpec{Spec: core.PodSpec{HostNetwork: hostNetwork, Containers: []core.Container{
		{Name: "cilium-agent", Image: "quay.io/cilium/cilium:v1.18.2", Ports: []core.ContainerPort{
			{Name: "peer", ContainerPort: 4244, HostPort: 4244, Protocol: core.ProtocolTCP}, {Name: "inside", ContainerPort: 8080},
		}},
		{Name: "side", Image: "side:1"},
	}}}
}

func TestWorkloads(t *testing.T) {
	meta := metav1.ObjectMeta{
		Namespace: "kube-system", Name: "cilium", Generation: 4, Labels: map[string]string{"k8s-app": "cilium"},
		Annotations: map[string]string{"meta.helm.sh/release-name": "cilium", "meta.helm.sh/release-namespace": "flux-system"},
	}
	ds := &apps.DaemonSet{
		ObjectMeta: meta, Spec: apps.DaemonSetSpec{Template: podSpec(true), UpdateStrategy: apps.DaemonSetUpdateStrategy{Type: apps.OnDeleteDaemonSetStrategyType}},
		Status: apps.DaemonSetStatus{ObservedGeneration: 3, DesiredNumberScheduled: 5, CurrentNumberScheduled: 9, UpdatedNumberScheduled: 4, NumberReady: 2, NumberAvailable: 1},
	}
	want := facts.Workload{
		Kind: "DaemonSet", Namespace: "kube-system", Name: "cilium", Labels: map[string]string{"k8s-app": "cilium"}, Release: "flux-system/cilium",
		Generation: 4, ObservedGeneration: 3, Desired: 5, Updated: 4, Ready: 2, Available: 1, UpdateStrategy: "OnDelete", HostNetwork: true,
		HostPorts: []facts.HostPort{{Container: "cilium-agent", Name: "peer", Protocol: "TCP", Port: 4244}, {Container: "cilium-agent", Name: "inside", Protocol: "TCP", Port: 8080}},
		Images:    []string{"quay.io/cilium/cilium:v1.18.2", "side:1"},
	}
	if got := daemonSet(ds); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	meta.Annotations = nil
	d := &apps.Deployment{
		ObjectMeta: meta, Spec: apps.DeploymentSpec{Replicas: new(int32(2)), Template: podSpec(false)},
		Status: apps.DeploymentStatus{ObservedGeneration: 4, Replicas: 3, UpdatedReplicas: 2, ReadyReplicas: 1, AvailableReplicas: 1},
	}
	want = facts.Workload{
		Kind: "Deployment", Namespace: "kube-system", Name: "cilium", Labels: meta.Labels, Generation: 4, ObservedGeneration: 4,
		Desired: 2, Updated: 2, Ready: 1, Available: 1, Total: 3,
		HostPorts: []facts.HostPort{{Container: "cilium-agent", Name: "peer", Protocol: "TCP", Port: 4244}}, Images: want.Images,
	}
	if got := deployment(d); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	d.Spec.Replicas = nil
	if got := deployment(d); got.Desired != 1 {
		t.Errorf("replicas that are not given are one, not %d", got.Desired)
	}
}

func TestPod(t *testing.T) {
	p := &core.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: "kube-system", Name: "cilium-1", UID: "u-1", CreationTimestamp: at(0), Labels: map[string]string{"k8s-app": "cilium"},
			OwnerReferences: []metav1.OwnerReference{{Kind: "Other", Name: "x"}, {Kind: "DaemonSet", Name: "cilium", Controller: new(true)}},
		},
		Spec: core.PodSpec{NodeName: "infra-1", Containers: []core.Container{{Name: "cilium-agent", Image: "registry.lan:5000/cilium:v1.18.2"}, {Name: "another", Image: "a:1"}}},
		Status: core.PodStatus{
			Phase: core.PodRunning, Conditions: []core.PodCondition{{Type: core.PodReady, Status: core.ConditionTrue}},
			InitContainerStatuses: []core.ContainerStatus{
				{Name: "clean-cilium-state", State: core.ContainerState{Terminated: &core.ContainerStateTerminated{StartedAt: at(9)}}},
				{Name: "config", State: core.ContainerState{Terminated: &core.ContainerStateTerminated{StartedAt: at(1), FinishedAt: at(2)}}},
			},
			ContainerStatuses: []core.ContainerStatus{
				{Name: "cilium-agent", Image: "sha256:abc", ContainerID: "containerd://1", Ready: true, RestartCount: 2, State: core.ContainerState{Running: &core.ContainerStateRunning{StartedAt: at(5)}},
					LastTerminationState: core.ContainerState{Terminated: &core.ContainerStateTerminated{Reason: "OOMKilled", FinishedAt: at(4)}}},
				{Name: "another", State: core.ContainerState{Waiting: &core.ContainerStateWaiting{Reason: "CrashLoopBackOff"}}},
			},
		},
	}
	minute := func(m int) time.Time { return noon.Add(time.Duration(m) * time.Minute) }
	want := facts.Pod{
		Namespace: "kube-system", Name: "cilium-1", UID: "u-1", Node: "infra-1", Owner: "DaemonSet/cilium", Labels: p.Labels, Phase: "Running", Ready: true,
		Created: minute(0), Configured: minute(1),
		Containers: []facts.Container{
			{Name: "another", Image: "a:1", Waiting: "CrashLoopBackOff"},
			{Name: "cilium-agent", Image: "registry.lan:5000/cilium:v1.18.2", ID: "containerd://1", Ready: true, Restarts: 2, Started: minute(5), LastReason: "OOMKilled", LastEnded: minute(4)},
		},
	}
	got := pod(p)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if got.ConfiguredAt("cilium-agent") != minute(1) || got.ConfiguredAt("another") != (time.Time{}) {
		t.Errorf("configured at %s", got.ConfiguredAt("cilium-agent"))
	}
	deleted := at(7)
	p.DeletionTimestamp, p.Status.Conditions, p.Status.InitContainerStatuses = &deleted, nil, nil
	if got := pod(p); !got.Deleting || got.Ready || got.ConfiguredAt("cilium-agent") != minute(5) {
		t.Errorf("%+v", got)
	}
}

func TestConcerns(t *testing.T) {
	for name, c := range map[string]struct {
		labels map[string]string
		want   bool
	}{
		"cilium-1": {map[string]string{"k8s-app": "cilium"}, true}, "hubble-relay-1": {map[string]string{"app.kubernetes.io/part-of": "cilium"}, true},
		"p": {map[string]string{"k8s-app": "kube-proxy"}, true}, "q": {map[string]string{"component": "kube-proxy"}, true}, "kube-proxy-infra-1": {nil, true},
		"coredns-1": {map[string]string{"k8s-app": "kube-dns"}, false},
	} {
		if got := concerns(&core.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: c.labels}}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func certificate(t *testing.T, name string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: noon, NotAfter: noon.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestCertificates(t *testing.T) {
	s := core.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "hubble-server-certs"},
		Data:       map[string][]byte{"tls.crt": certificate(t, "*.infra.hubble-grpc.cilium.io"), "tls.key": []byte(canary)},
	}
	want := []facts.Certificate{{
		Secret: "kube-system/hubble-server-certs", Key: "tls.crt", Subject: "*.infra.hubble-grpc.cilium.io", NotBefore: noon, NotAfter: noon.AddDate(1, 0, 0),
	}}
	if got := certificates(s); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	s.Data = map[string][]byte{"ca.crt": []byte(canary), "tls.crt": pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(canary)})}
	got := certificates(s)
	if len(got) != 2 || got[0].Broken != "not PEM" || got[1].Broken != "not a certificate" || got[0].Key != "ca.crt" {
		t.Errorf("%+v", got)
	}
}
