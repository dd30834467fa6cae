package live

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// sorted orders by key, so that an unchanged cluster is recorded the same each time.
func sorted[T any](all []T, key func(T) string) []T {
	slices.SortFunc(all, func(a, b T) int { return cmp.Compare(key(a), key(b)) })
	return all
}

func workloadKey(w facts.Workload) string { return w.Namespace + "/" + w.Name }

func node(n *core.Node) facts.Node {
	out := facts.Node{Name: n.Name, Kubelet: n.Status.NodeInfo.KubeletVersion, PodCIDRs: n.Spec.PodCIDRs}
	for _, a := range n.Status.Addresses {
		if a.Type == core.NodeInternalIP && out.InternalIP == "" {
			out.InternalIP = a.Address
		}
	}
	out.Reason = "(no Ready condition)"
	for _, c := range n.Status.Conditions {
		if c.Type == core.NodeReady {
			out.Ready = c.Status == core.ConditionTrue
			out.Reason = c.Reason
		}
	}
	if out.Ready {
		out.Reason = ""
	}
	return out
}

func daemonSet(ds *apps.DaemonSet) facts.Workload {
	w := workload("DaemonSet", ds.ObjectMeta, ds.Spec.Template.Spec)
	w.ObservedGeneration = ds.Status.ObservedGeneration
	w.Desired = ds.Status.DesiredNumberScheduled
	w.Updated = ds.Status.UpdatedNumberScheduled
	w.Ready = ds.Status.NumberReady
	w.Available = ds.Status.NumberAvailable
	w.UpdateStrategy = string(ds.Spec.UpdateStrategy.Type)
	return w
}

func deployment(d *apps.Deployment) facts.Workload {
	w := workload("Deployment", d.ObjectMeta, d.Spec.Template.Spec)
	w.ObservedGeneration = d.Status.ObservedGeneration
	w.Desired = 1
	if d.Spec.Replicas != nil {
		w.Desired = *d.Spec.Replicas
	}
	w.Updated = d.Status.UpdatedReplicas
	w.Ready = d.Status.ReadyReplicas
	w.Available = d.Status.AvailableReplicas
	w.Total = d.Status.Replicas
	w.UpdateStrategy = string(d.Spec.Strategy.Type)
	return w
}

func workload(kind string, meta metav1.ObjectMeta, spec core.PodSpec) facts.Workload {
	w := facts.Workload{
		Kind: kind, Namespace: meta.Namespace, Name: meta.Name, Labels: meta.Labels, Generation: meta.Generation,
		HostNetwork: spec.HostNetwork,
	}
	if name := meta.Annotations["meta.helm.sh/release-name"]; name != "" {
		w.Release = meta.Annotations["meta.helm.sh/release-namespace"] + "/" + name
	}
	for _, c := range spec.Containers {
		w.Images = append(w.Images, c.Image)
		for _, p := range c.Ports {
			port := p.HostPort
			if port == 0 && spec.HostNetwork {
				port = p.ContainerPort
			}
			if port != 0 {
				w.HostPorts = append(w.HostPorts, facts.HostPort{Container: c.Name, Name: p.Name, Protocol: cmp.Or(string(p.Protocol), "TCP"), Port: port})
			}
		}
	}
	return w
}

// partOf is the label by which Cilium's chart marks most of its workloads and pods.
const partOf = "app.kubernetes.io/part-of"

// releases tells whether an object's annotations say that it is of Cilium's release.
func (g *gatherer) releases(m metav1.ObjectMeta) bool {
	names := g.options.Expect.Cilium
	return m.Annotations["meta.helm.sh/release-name"] == names.Release && m.Annotations["meta.helm.sh/release-namespace"] == names.Namespace
}

// concerns keeps the pods that checks are about: Cilium's and kube-proxy's.
func concerns(p *core.Pod) bool {
	return p.Labels[partOf] == "cilium" || p.Labels["k8s-app"] == "cilium" || isKubeProxy(p.ObjectMeta)
}

func isKubeProxy(m metav1.ObjectMeta) bool {
	return m.Labels["k8s-app"] == "kube-proxy" || m.Labels["component"] == "kube-proxy" || strings.HasPrefix(m.Name, "kube-proxy")
}

func pod(p *core.Pod) facts.Pod {
	out := facts.Pod{
		Namespace: p.Namespace, Name: p.Name, UID: string(p.UID), Node: p.Spec.NodeName, Labels: p.Labels,
		Phase: string(p.Status.Phase), Reason: p.Status.Reason, Created: p.CreationTimestamp.UTC(),
		Deleting: p.DeletionTimestamp != nil,
	}
	if owner := metav1.GetControllerOf(p); owner != nil {
		out.Owner = owner.Kind + "/" + owner.Name
	}
	for _, c := range p.Status.Conditions {
		if c.Type == core.PodReady {
			out.Ready = c.Status == core.ConditionTrue
		}
	}
	for _, c := range p.Status.InitContainerStatuses {
		if c.Name == "config" && c.State.Terminated != nil {
			out.Configured = c.State.Terminated.StartedAt.UTC()
		}
	}
	for _, c := range p.Status.ContainerStatuses {
		out.Containers = append(out.Containers, container(p, c))
	}
	slices.SortFunc(out.Containers, func(a, b facts.Container) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

func container(p *core.Pod, c core.ContainerStatus) facts.Container {
	out := facts.Container{Name: c.Name, Image: c.Image, ID: c.ContainerID, Ready: c.Ready, Restarts: c.RestartCount}
	for _, s := range p.Spec.Containers {
		if s.Name == c.Name {
			out.Image = s.Image // the runtime's own spelling may lack the tag
		}
	}
	if c.State.Running != nil {
		out.Started = c.State.Running.StartedAt.UTC()
	}
	if c.State.Waiting != nil {
		out.Waiting = c.State.Waiting.Reason
	}
	if t := c.LastTerminationState.Terminated; t != nil {
		out.LastReason, out.LastEnded = t.Reason, t.FinishedAt.UTC()
	}
	return out
}

// dataChanged bounds from above when a ConfigMap's data last changed. Each key is owned by those managers that last
// set it to its present value; the earliest of them set it first, and whoever joins it later (Flux adopting what Helm
// wrote) has changed nothing. So the data changed when the last key to get its value got it.
func dataChanged(cm *core.ConfigMap) time.Time {
	first := map[string]time.Time{}
	for _, entry := range cm.ManagedFields {
		if entry.Time == nil || entry.FieldsV1 == nil {
			continue
		}
		var fields struct {
			Data map[string]any `json:"f:data"`
		}
		if json.Unmarshal(entry.FieldsV1.Raw, &fields) != nil {
			continue
		}
		for key := range fields.Data {
			if seen, ok := first[key]; !ok || entry.Time.Time.Before(seen) {
				first[key] = entry.Time.UTC()
			}
		}
	}
	var last time.Time
	for key, t := range first {
		if key != "." && t.After(last) {
			last = t
		}
	}
	return last
}

func parseTime(s string) time.Time {
	t, err := time.Parse(time.RFC3339Nano, s)
	if err != nil {
		return time.Time{}
	}
	return t.UTC()
}
