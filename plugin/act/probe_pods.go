package act

import (
	"context"
	"fmt"
	"maps"
	"time"

	"golang.org/x/sync/errgroup"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/probe"
)

const (
	probePrefix      = "cilium-gitops-probe-"
	probeServiceName = "probe"
	probePort        = 7246
	// probeDeadline is the annotation that says until when a probe's namespace may be there: RFC 3339.
	probeDeadline = "cilium-gitops.dev/probe-deadline"
	// probeContainer is the only container of each pod.
	probeContainer = "probe"
	// probeUser is nobody's: the one that images without a distribution run as.
	probeUser = 65532
)

// role is what a pod of a probe does, and how its name begins.
type role string

const (
	serveRole role = "serve"
	askRole   role = "ask"
)

// roleLabel tells the roles apart, nodeAnnotation on which node a pod is to run.
const (
	roleLabel      = "app.kubernetes.io/component"
	nodeAnnotation = "cilium-gitops.dev/probe-node"
)

func probeLabels(r role) map[string]string {
	return map[string]string{"app.kubernetes.io/name": "cilium-gitops-probe", roleLabel: string(r)}
}

func probeNamespace(name string, deadline time.Time, lasts time.Duration) *core.Namespace {
	labels := maps.Clone(ownLabels())
	labels["pod-security.kubernetes.io/enforce"] = "restricted"
	return &core.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: name, Labels: labels, Annotations: map[string]string{probeDeadline: deadline.UTC().Format(time.RFC3339), probeLasts: lasts.String()},
	}}
}

func probeService() *core.Service {
	families := core.IPFamilyPolicyPreferDualStack
	return &core.Service{
		ObjectMeta: metav1.ObjectMeta{Name: probeServiceName, Labels: probeLabels(serveRole)},
		Spec: core.ServiceSpec{
			Selector: probeLabels(serveRole), IPFamilyPolicy: &families,
			Ports: []core.ServicePort{{Name: "echo", Port: probePort, TargetPort: intstr.FromInt32(probePort), Protocol: core.ProtocolTCP}},
		},
	}
}

// create makes a pod for each node at once, within bounds. Why one could not be made is noted with its node.
func (p *prober) create(ctx context.Context, nodes []*facts.ProbeNode, r role, args func(*facts.ProbeNode) []string) {
	var group errgroup.Group
	group.SetLimit(podsAtOnce)
	for i, node := range nodes {
		pod := p.pod(fmt.Sprintf("%s-%d", r, i+1), node.Name, r, args(node))
		group.Go(func() error {
			if _, err := p.core.Pods(p.namespace).Create(ctx, pod, metav1.CreateOptions{FieldManager: manager}); err != nil {
				node.Why = "its pod could not be made: " + reason(p.late(ctx, err))
			}
			return nil
		})
	}
	_ = group.Wait()
}

// pod is one that satisfies the restricted Pod Security level, may know nothing of the cluster, and ends by itself. It
// is placed by affinity and not by nodeName, so that the scheduler says why it cannot be placed.
func (p *prober) pod(name, node string, r role, args []string) *core.Pod {
	no, yes, user, grace := false, true, int64(probeUser), int64(1)
	life := max(int64(p.deadline.Sub(p.clock.Now()).Seconds()), 1)
	pod := &core.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: probeLabels(r), Annotations: map[string]string{nodeAnnotation: node}},
		Spec: core.PodSpec{
			RestartPolicy: core.RestartPolicyNever, ActiveDeadlineSeconds: &life, TerminationGracePeriodSeconds: &grace,
			AutomountServiceAccountToken: &no, EnableServiceLinks: &no,
			Affinity: onNode(node), Tolerations: []core.Toleration{{Operator: core.TolerationOpExists}},
			SecurityContext: &core.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &user, RunAsGroup: &user,
				SeccompProfile: &core.SeccompProfile{Type: core.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []core.Container{{
				Name: probeContainer, Image: p.asked.Image, ImagePullPolicy: core.PullIfNotPresent, Args: append([]string{"probe-pod"}, args...),
				Resources: core.ResourceRequirements{
					Requests: core.ResourceList{core.ResourceCPU: resource.MustParse("5m"), core.ResourceMemory: resource.MustParse("32Mi")},
					Limits:   core.ResourceList{core.ResourceMemory: resource.MustParse("128Mi")},
				},
				SecurityContext: &core.SecurityContext{
					AllowPrivilegeEscalation: &no, ReadOnlyRootFilesystem: &yes, Capabilities: &core.Capabilities{Drop: []core.Capability{"ALL"}},
				},
			}},
		},
	}
	if r == serveRole {
		port := intstr.FromInt32(probePort)
		pod.Spec.Containers[0].Ports = []core.ContainerPort{{Name: "echo", ContainerPort: probePort}}
		pod.Spec.Containers[0].ReadinessProbe = &core.Probe{
			ProbeHandler:  core.ProbeHandler{HTTPGet: &core.HTTPGetAction{Path: probe.Health, Port: port}},
			PeriodSeconds: 1, FailureThreshold: 3,
		}
	}
	return pod
}

func onNode(name string) *core.Affinity {
	return &core.Affinity{NodeAffinity: &core.NodeAffinity{RequiredDuringSchedulingIgnoredDuringExecution: &core.NodeSelector{
		NodeSelectorTerms: []core.NodeSelectorTerm{{MatchFields: []core.NodeSelectorRequirement{{
			Key: metav1.ObjectNameField, Operator: core.NodeSelectorOpIn, Values: []string{name},
		}}}},
	}}}
}
