package live

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// The paths at which the story's cluster is asked.
const (
	versionPath     = "/version"
	nodesPath       = "/api/v1/nodes"
	daemonSetsPath  = "/apis/apps/v1/daemonsets"
	deploymentsPath = "/apis/apps/v1/namespaces/kube-system/deployments"
	podsPath        = "/api/v1/namespaces/kube-system/pods"
	configPath      = "/api/v1/namespaces/kube-system/configmaps/cilium-config"
	settingsPath    = "/api/v1/namespaces/flux-system/configmaps/cluster-settings"
	secretsPath     = "/api/v1/namespaces/kube-system/secrets"
	fluxSecretsPath = "/api/v1/namespaces/flux-system/secrets"
	recordPath      = "/api/v1/namespaces/kube-system/secrets/sh.helm.release.v1.cilium.v3"
	crdsPath        = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
	classesPath     = "/apis/gateway.networking.k8s.io/v1/gatewayclasses"
	monitorsPath    = "/apis/monitoring.coreos.com/v1/namespaces/kube-system/servicemonitors"
)

// apiServer serves canned answers by path and remembers what it was asked.
type apiServer struct {
	*httptest.Server
	mu       sync.Mutex
	answers  map[string]http.HandlerFunc
	requests []string // "GET /path?query"
}

func newServer(t testing.TB) *apiServer {
	t.Helper()
	s := &apiServer{answers: healthyAnswers(t)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := r.URL.Path
		if strings.HasPrefix(r.URL.Query().Get("fieldSelector"), "type=") {
			key += "?tls"
		}
		s.mu.Lock()
		s.requests = append(s.requests, r.Method+" "+r.URL.RequestURI())
		answer := s.answers[key]
		s.mu.Unlock()
		if answer == nil {
			answer = refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "the server could not find the requested resource")
		}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *apiServer) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.requests)
}

func object(o any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(o)
	}
}

func list(kind, apiVersion string, items ...any) map[string]any {
	return map[string]any{"kind": kind, "apiVersion": apiVersion, "metadata": map[string]any{"resourceVersion": "1"}, "items": items}
}

func refuse(code int, why metav1.StatusReason, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(metav1.Status{
			TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}, Status: "Failure", Message: text, Reason: why, Code: int32(code),
		})
	}
}

func forbid(verb, resource string) http.HandlerFunc {
	return refuse(http.StatusForbidden, metav1.StatusReasonForbidden,
		fmt.Sprintf("%s is forbidden: User \"viewer\" cannot %s resource %q in API group \"\" in the namespace \"kube-system\"", resource, verb, resource))
}

// hang answers nothing before whoever asks has given up.
func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func say(code int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = w.Write([]byte(text))
	}
}

func partial(name, namespace string, labels, annotations map[string]string) any {
	return metav1.PartialObjectMetadata{
		TypeMeta:   metav1.TypeMeta{Kind: "PartialObjectMetadata", APIVersion: "meta.k8s.io/v1"},
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: labels, Annotations: annotations},
	}
}

func partials(items ...any) map[string]any {
	return list("PartialObjectMetadataList", "meta.k8s.io/v1", items...)
}

func helmRecord(name, release, version, status string) any {
	return partial(name, "kube-system", map[string]string{"owner": "helm", "name": release, "version": version, "status": status, "modifiedAt": "1763625600"}, nil)
}

func healthyAnswers(t testing.TB) map[string]http.HandlerFunc {
	meta := func(name string, labels map[string]string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: "kube-system", Name: name, Labels: labels}
	}
	node := func(name string) core.Node {
		return core.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Status: core.NodeStatus{Conditions: []core.NodeCondition{{Type: core.NodeReady, Status: core.ConditionTrue}}}}
	}
	config := core.ConfigMap{TypeMeta: metav1.TypeMeta{Kind: "ConfigMap", APIVersion: "v1"}, ObjectMeta: meta("cilium-config", nil), Data: map[string]string{"cluster-name": "infra"}}
	config.ManagedFields = []metav1.ManagedFieldsEntry{owned("helm", at(0), "cluster-name")}
	settings := config
	settings.Name, settings.Namespace, settings.Data, settings.ManagedFields = "cluster-settings", "flux-system", map[string]string{"CLUSTER": "infra", "API_TOKEN": canary}, nil
	record := *secret(zipped(t, []byte(helm3)))
	record.TypeMeta = metav1.TypeMeta{Kind: "Secret", APIVersion: "v1"}
	spegel := apps.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "spegel", Name: "spegel", Labels: map[string]string{"app.kubernetes.io/name": "spegel"}}}
	stranger := apps.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "stranger"}}
	class := map[string]any{
		"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": map[string]any{"name": "cilium", "generation": 2},
		"spec": map[string]any{"controllerName": "io.cilium/gateway-controller"},
		"status": map[string]any{"conditions": []any{
			map[string]any{"type": "SupportedVersion", "status": "False"},
			map[string]any{"type": "Accepted", "status": "True", "reason": "Accepted", "observedGeneration": 2, "lastTransitionTime": "2026-11-22T12:00:00Z"},
		}},
	}
	monitor := map[string]any{"apiVersion": "monitoring.coreos.com/v1", "kind": "ServiceMonitor", "metadata": map[string]any{"name": "cilium-agent", "namespace": "kube-system"}}
	return map[string]http.HandlerFunc{
		versionPath:          object(map[string]string{"gitVersion": "v1.37.2"}),
		nodesPath:            object(list("NodeList", "v1", node("infra-2"), node("infra-1"))),
		daemonSetsPath:       object(list("DaemonSetList", "apps/v1", spegel, stranger, apps.DaemonSet{ObjectMeta: meta("cilium", nil)})),
		deploymentsPath:      object(list("DeploymentList", "apps/v1", apps.Deployment{ObjectMeta: meta("cilium-operator", nil)})),
		podsPath:             object(list("PodList", "v1", core.Pod{ObjectMeta: meta("coredns-1", nil)}, core.Pod{ObjectMeta: meta("cilium-1", map[string]string{"k8s-app": "cilium"})})),
		configPath:           object(config),
		settingsPath:         object(settings),
		secretsPath:          object(partials(helmRecord("sh.helm.release.v1.cilium.v3", "cilium", "3", "deployed"), helmRecord("sh.helm.release.v1.cilium.v2", "cilium", "2", "superseded"))),
		fluxSecretsPath:      object(partials()),
		fluxPodsPath:         object(list("PodList", "v1")),
		secretsPath + "?tls": object(list("SecretList", "v1", core.Secret{ObjectMeta: meta("other-tls", nil), Data: map[string][]byte{"tls.crt": []byte("x")}}, core.Secret{ObjectMeta: meta("hubble-server-certs", nil), Data: map[string][]byte{"tls.crt": []byte("x")}})),
		recordPath:           object(record),
		crdsPath:             object(partials(partial("ciliumnodes.cilium.io", "", map[string]string{"io.cilium.k8s.crd.schema.version": "1.31.9"}, nil), partial("widgets.example.com", "", nil, nil), partial("gateways.gateway.networking.k8s.io", "", nil, map[string]string{"gateway.networking.k8s.io/bundle-version": "v1.2.0"}))),
		classesPath:          object(list("GatewayClassList", "gateway.networking.k8s.io/v1", class)),
		monitorsPath:         object(list("ServiceMonitorList", "monitoring.coreos.com/v1", monitor)),
		"/apis/helm.toolkit.fluxcd.io/v2/helmreleases":        object(list("HelmReleaseList", "helm.toolkit.fluxcd.io/v2")),
		"/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations": object(list("KustomizationList", "kustomize.toolkit.fluxcd.io/v1")),
	}
}

// everything is every part that there is to be seen.
func everything() []facts.Part { return slices.Sorted(maps.Keys(looks)) }

func options(parts ...facts.Part) Options {
	return Options{
		Cluster: "infra", Context: "admin@infra", Parts: parts, NoExec: true, Timeout: time.Minute, Now: func() time.Time { return noon },
		Expect: facts.Expect{
			Cilium: facts.Names{Namespace: "kube-system", Release: "cilium", DaemonSet: "cilium", Operator: "cilium-operator"},
			Flux:   facts.FluxNames{Namespace: "flux-system", Kustomization: "cilium-core", HelmRelease: "cilium", HelmReleaseNamespace: "kube-system", Settings: "cluster-settings"},
		},
	}
}

func gather(t testing.TB, s *apiServer, o Options) facts.Facts {
	t.Helper()
	return Gather(t.Context(), &rest.Config{Host: s.URL}, o)
}
