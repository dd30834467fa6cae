package facts

import (
	"strings"
	"time"
)

// Node is one Node.
type Node struct {
	Name        string            `json:"name"`
	InternalIP  string            `json:"internalIP,omitempty"`
	Ready       bool              `json:"ready"`
	Reason      string            `json:"reason,omitempty"` // of the Ready condition, when it is not True
	Kubelet     string            `json:"kubelet,omitempty"`
	PodCIDRs    []string          `json:"podCIDRs,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"` // Cilium's and k3s' and Talos' own
}

// Workload is one DaemonSet, Deployment or StatefulSet.
type Workload struct {
	Kind               string            `json:"kind"`
	Namespace          string            `json:"namespace"`
	Name               string            `json:"name"`
	Labels             map[string]string `json:"labels,omitempty"`
	Release            string            `json:"release,omitempty"` // meta.helm.sh/release-namespace "/" release-name
	Generation         int64             `json:"generation"`
	ObservedGeneration int64             `json:"observedGeneration"`
	Desired            int32             `json:"desired"`
	Updated            int32             `json:"updated"`
	Ready              int32             `json:"ready"`
	Available          int32             `json:"available"`
	Total              int32             `json:"total,omitempty"` // of a Deployment: its pods, those of older templates among them
	UpdateStrategy     string            `json:"updateStrategy,omitempty"`
	HostNetwork        bool              `json:"hostNetwork,omitempty"`
	HostPorts          []HostPort        `json:"hostPorts,omitempty"`
	Images             []string          `json:"images,omitempty"`
}

// Key is "Kind/namespace/name".
func (w Workload) Key() string { return w.Kind + "/" + w.Namespace + "/" + w.Name }

// HostPort is a port that a pod claims on its node.
type HostPort struct {
	Container string `json:"container"`
	Name      string `json:"name,omitempty"`
	Protocol  string `json:"protocol"`
	Port      int32  `json:"port"`
}

// Pod is one pod.
type Pod struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	UID       string            `json:"uid"`
	Node      string            `json:"node,omitempty"`
	Owner     string            `json:"owner,omitempty"` // "DaemonSet/cilium", "ReplicaSet/cilium-operator-5d4", "Node/infra-1"
	Labels    map[string]string `json:"labels,omitempty"`
	Phase     string            `json:"phase"`
	Reason    string            `json:"reason,omitempty"` // why it is not running, as the cluster has it
	Ready     bool              `json:"ready"`
	Deleting  bool              `json:"deleting,omitempty"`
	Created   time.Time         `json:"created,omitzero"`
	// Configured is when the init container "config" last read cilium-config for the agent, which reads that copy each
	// time it starts; zero where the pod has no such container.
	Configured time.Time   `json:"configured,omitzero"`
	Containers []Container `json:"containers,omitempty"`
}

// Container is one container of a pod.
type Container struct {
	Name       string    `json:"name"`
	Image      string    `json:"image,omitempty"`
	ID         string    `json:"id,omitempty"`
	Ready      bool      `json:"ready"`
	Restarts   int32     `json:"restarts"`
	Started    time.Time `json:"started,omitzero"`
	LastReason string    `json:"lastReason,omitempty"` // why the run before this one ended
	LastEnded  time.Time `json:"lastEnded,omitzero"`
	Waiting    string    `json:"waiting,omitempty"` // why it is not started
}

// Started is when the pod's container of that name began, or zero.
func (p Pod) Started(container string) time.Time {
	for _, c := range p.Containers {
		if c.Name == container {
			return c.Started
		}
	}
	return time.Time{}
}

// ConfiguredAt is when the configuration was read by which the pod's container of that name runs, or zero.
func (p Pod) ConfiguredAt(container string) time.Time {
	if container == "cilium-agent" && !p.Configured.IsZero() {
		return p.Configured
	}
	return p.Started(container)
}

// Workload is what the pod belongs to, "Kind/namespace/name": of a ReplicaSet its Deployment, which the hash of the
// template tells. Empty where the pod belongs to nothing.
func (p Pod) Workload() string {
	kind, name, _ := strings.Cut(p.Owner, "/")
	if hash := p.Labels["pod-template-hash"]; kind == "ReplicaSet" && hash != "" && strings.HasSuffix(name, "-"+hash) {
		kind, name = "Deployment", strings.TrimSuffix(name, "-"+hash)
	}
	if name == "" {
		return ""
	}
	return kind + "/" + p.Namespace + "/" + name
}

// Bound tells whether a pod lives and ends with one node: it is a DaemonSet's, or the kubelet's own.
func (p Pod) Bound() bool {
	kind, _, _ := strings.Cut(p.Owner, "/")
	return kind == "DaemonSet" || kind == "Node"
}

// CRD is one CustomResourceDefinition, by its metadata.
type CRD struct {
	Name    string `json:"name"`              // "gateways.gateway.networking.k8s.io"
	Schema  string `json:"schema,omitempty"`  // label io.cilium.k8s.crd.schema.version
	Bundle  string `json:"bundle,omitempty"`  // annotation gateway.networking.k8s.io/bundle-version
	Channel string `json:"channel,omitempty"` // annotation gateway.networking.k8s.io/channel
	// Deleting: it is on its way out, and so is everything of its kind.
	Deleting bool      `json:"deleting,omitempty"`
	Created  time.Time `json:"created,omitzero"`
	Served   []string  `json:"served,omitempty"` // read only where the bundle does not tell
}

// GatewayClass is one GatewayClass.
type GatewayClass struct {
	Name       string     `json:"name"`
	Controller string     `json:"controller"`
	Generation int64      `json:"generation,omitempty"`
	Accepted   *Condition `json:"accepted,omitempty"`
}

// Condition is one status condition.
type Condition struct {
	Type               string    `json:"type"`
	Status             string    `json:"status"`
	Reason             string    `json:"reason,omitempty"`
	Message            string    `json:"message,omitempty"`
	ObservedGeneration int64     `json:"observedGeneration,omitempty"`
	Since              time.Time `json:"since,omitzero"`
}

// ServiceMonitor is one ServiceMonitor.
type ServiceMonitor struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Labels    map[string]string `json:"labels,omitempty"`
}

// Certificate is the public part of one TLS Secret's leaf certificate.
type Certificate struct {
	Secret    string    `json:"secret"` // "kube-system/hubble-server-certs"
	Key       string    `json:"key"`    // "tls.crt", "ca.crt"
	Subject   string    `json:"subject,omitempty"`
	NotBefore time.Time `json:"notBefore,omitzero"`
	NotAfter  time.Time `json:"notAfter,omitzero"`
	Broken    string    `json:"broken,omitempty"` // why it could not be parsed
}
