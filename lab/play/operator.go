package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/cilium-gitops/cilium-gitops/lab/api"
	"github.com/cilium-gitops/cilium-gitops/lab/component"
	"github.com/cilium-gitops/cilium-gitops/lab/state"
)

var definitions = schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"}

// Operator is what the lab remembers of the operator that runs: like the real one it looks at definitions and
// configuration when it starts and not again.
type Operator struct {
	Pod     string `json:"pod"` // UID
	Version string `json:"version"`
	Gateway bool   `json:"gateway"` // the Gateway API was switched on and all its definitions were there
}

// playOperator does what a new operator does first: it registers Cilium's definitions and looks for the Gateway API's.
func (p *Player) playOperator(ctx context.Context) error {
	pods, err := p.see.allPods()
	if err != nil {
		return err
	}
	known := p.readOperator()
	var fresh *corev1.Pod
	for _, pod := range pods {
		if pod.Labels["io.cilium/app"] != "operator" || !ready(pod) || pod.DeletionTimestamp != nil {
			continue
		}
		if string(pod.UID) == known.Pod {
			return nil
		}
		if fresh == nil || fresh.CreationTimestamp.Before(&pod.CreationTimestamp) {
			fresh = pod
		}
	}
	if fresh == nil {
		return nil
	}
	config, err := p.kube.CoreV1().ConfigMaps(Namespace).Get(ctx, "cilium-config", metav1.GetOptions{})
	if err != nil {
		return err
	}
	operator := Operator{Pod: string(fresh.UID), Version: imageVersion(fresh.Spec.Containers[0].Image)}
	if err := p.registerDefinitions(ctx, operator.Version, config.Data); err != nil {
		return err
	}
	if operator.Gateway, err = p.gatewayReady(ctx, operator.Version, config.Data); err != nil {
		return err
	}
	raw, err := json.Marshal(operator)
	if err != nil {
		return fmt.Errorf("remember operator: %w", err)
	}
	return state.WriteFile(p.file("operator.json"), raw, 0o644)
}

func (p *Player) readOperator() Operator {
	var o Operator
	if raw, err := os.ReadFile(p.file("operator.json")); err == nil {
		_ = json.Unmarshal(raw, &o) // an unreadable memory is none: the operator is then taken for new
	}
	return o
}

func (p *Player) registerDefinitions(ctx context.Context, version string, config map[string]string) error {
	dir, err := p.Builder.Files(ctx, component.CiliumCRDs(version))
	if err != nil {
		return err
	}
	register, err := os.ReadFile(filepath.Join(dir, "register.go"))
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	schemaVersion := regexp.MustCompile(`SchemaVersion = "([^"]+)"`).FindSubmatch(register)
	if schemaVersion == nil {
		return fmt.Errorf("read schema version of Cilium %s: not found in register.go", version)
	}
	objects, err := api.ParseDir(dir)
	if err != nil {
		return err
	}
	for _, obj := range objects {
		if !registered(obj.GetName(), config) {
			continue
		}
		if err := p.registerDefinition(ctx, obj, string(schemaVersion[1])); err != nil {
			return err
		}
	}
	return nil
}

// registerDefinition creates a definition, or replaces one of an older schema version.
func (p *Player) registerDefinition(ctx context.Context, obj *api.Object, version string) error {
	const label = "io.cilium.k8s.crd.schema.version"
	old, err := p.dynamic.Resource(definitions).Get(ctx, obj.GetName(), metav1.GetOptions{})
	if err == nil && !olderThan(old.GetLabels()[label], version) {
		return nil
	}
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("register %s: %w", obj.GetName(), err)
	}
	obj.SetLabels(map[string]string{label: version})
	return p.Client.Apply(ctx, obj)
}

// olderThan compares schema versions such as "1.31.11"; what is none is older than any.
func olderThan(a, b string) bool {
	number := func(s string) (n [3]int) {
		fmt.Sscanf(s, "%d.%d.%d", &n[0], &n[1], &n[2])
		return n
	}
	x, y := number(a), number(b)
	return slices.Compare(x[:], y[:]) < 0
}

// registered tells whether the operator registers a definition under this configuration.
func registered(name string, config map[string]string) bool {
	on := func(key string) bool { return config[key] == "true" }
	switch plural, _, _ := strings.Cut(name, "."); {
	case strings.HasPrefix(plural, "ciliumbgp"):
		return on("enable-bgp-control-plane")
	case plural == "ciliumegressgatewaypolicies":
		return on("enable-egress-gateway") || on("enable-ipv4-egress-gateway")
	case plural == "ciliumlocalredirectpolicies":
		return on("enable-local-redirect-policy")
	case plural == "ciliumendpointslices":
		return on("enable-cilium-endpoint-slice")
	case plural == "ciliumenvoyconfigs", plural == "ciliumclusterwideenvoyconfigs":
		return on("enable-envoy-config") || on("enable-gateway-api") || on("enable-ingress-controller")
	case plural == "ciliumgatewayclassconfigs":
		return on("enable-gateway-api")
	case plural == "ciliumdatapathplugins":
		return on("enable-datapath-plugins")
	default:
		return true
	}
}

// gatewayReady is the operator's look at the Gateway API's definitions.
func (p *Player) gatewayReady(ctx context.Context, version string, config map[string]string) (bool, error) {
	if config["enable-gateway-api"] != "true" {
		return false, nil
	}
	kinds := []string{"gatewayclasses", "gateways", "httproutes", "grpcroutes", "referencegrants"}
	switch {
	case strings.HasPrefix(version, "1.16."):
		kinds = append(kinds, "tlsroutes")
	case component.GatewayAPI(version) == "v1.6.1":
		kinds = append(kinds, "tlsroutes", "backendtlspolicies")
	}
	for _, kind := range kinds {
		_, err := p.dynamic.Resource(definitions).Get(ctx, kind+".gateway.networking.k8s.io", metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
	}
	return true, nil
}

// imageVersion takes "1.18.2" out of "quay.io/cilium/operator-generic:v1.18.2@sha256:..".
func imageVersion(image string) string {
	image, _, _ = strings.Cut(image, "@")
	_, tag, _ := strings.Cut(image[strings.LastIndex(image, "/")+1:], ":")
	return strings.TrimPrefix(tag, "v")
}

func ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// Held tells whether a break of that name is set, by a file of that name which `lab break` writes.
func (p *Player) held(name string) bool {
	_, err := os.Stat(p.file("hold-" + name))
	return !errors.Is(err, fs.ErrNotExist)
}
