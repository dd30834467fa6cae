package play

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// The agents' program is a module of its own and reads what is written here: both sides must name the same fields.
func TestAgentReadsWhatIsWritten(t *testing.T) {
	here, there := map[string][]string{}, map[string][]string{}
	for _, file := range []string{"agents.go", "world.go"} {
		fields(t, file, here)
	}
	fields(t, filepath.Join("..", "agent", "answer", "agent.go"), there)
	for _, name := range []string{"Birth", "World", "Peer", "Fault"} {
		if len(here[name]) == 0 || !slices.Equal(here[name], there[name]) {
			t.Errorf("%s is written as %v and read as %v", name, here[name], there[name])
		}
	}
}

// fields collects the names and tags of every struct in a file.
func fields(t *testing.T, file string, into map[string][]string) {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		spec, ok := n.(*ast.TypeSpec)
		if !ok {
			return true
		}
		if s, ok := spec.Type.(*ast.StructType); ok {
			for _, f := range s.Fields.List {
				if f.Tag != nil && len(f.Names) == 1 {
					into[spec.Name.Name] = append(into[spec.Name.Name], f.Names[0].Name+" "+f.Tag.Value)
				}
			}
		}
		return true
	})
}

func TestRegistered(t *testing.T) {
	config := map[string]string{"enable-bgp-control-plane": "true", "enable-gateway-api": "true"}
	for name, want := range map[string]bool{
		"ciliumnodes.cilium.io": true, "ciliumbgpclusterconfigs.cilium.io": true, "ciliumgatewayclassconfigs.cilium.io": true,
		"ciliumenvoyconfigs.cilium.io": true, "ciliumloadbalancerippools.cilium.io": true,
		"ciliumegressgatewaypolicies.cilium.io": false, "ciliumendpointslices.cilium.io": false, "ciliumdatapathplugins.cilium.io": false,
	} {
		if got := registered(name, config); got != want {
			t.Errorf("%s registered: %v, want %v", name, got, want)
		}
	}
	if registered("ciliumbgpclusterconfigs.cilium.io", map[string]string{}) {
		t.Error("BGP's definitions are registered with its control plane off")
	}
}

func TestImageVersion(t *testing.T) {
	for image, want := range map[string]string{
		"quay.io/cilium/operator-generic:v1.18.2@sha256:cb4e": "1.18.2",
		"registry.local:5000/cilium/operator-generic:v1.20.2": "1.20.2",
		"cilium": "",
	} {
		if got := imageVersion(image); got != want {
			t.Errorf("%s: %q, want %q", image, got, want)
		}
	}
}

func TestOlderThan(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{{"1.31.11", "1.31.12", true}, {"1.31.11", "1.31.2", false}, {"", "1.0.0", true}, {"1.31.11", "1.31.11", false}} {
		if got := olderThan(c.a, c.b); got != c.want {
			t.Errorf("%q older than %q: %v", c.a, c.b, got)
		}
	}
}

func TestReadinessThereAndBack(t *testing.T) {
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{UID: "u"}, Spec: corev1.PodSpec{
		InitContainers: []corev1.Container{{Name: "config", Image: "quay.io/cilium/cilium:v1.18.2"}},
		Containers:     []corev1.Container{{Name: "cilium-agent", Image: "quay.io/cilium/cilium:v1.18.2@sha256:abc"}},
	}}
	status := RunningStatus(pod, "172.20.1.11", time.Now())
	pod.Status = status
	if !ready(pod) || status.ContainerStatuses[0].ImageID != "quay.io/cilium/cilium@sha256:abc" {
		t.Errorf("status %+v", status)
	}
	Unready(&pod.Status)
	if ready(pod) || pod.Status.ContainerStatuses[0].Ready {
		t.Error("it is ready still")
	}
	Ready(&pod.Status)
	if !ready(pod) || !pod.Status.ContainerStatuses[0].Ready {
		t.Error("it is not ready again")
	}
}
