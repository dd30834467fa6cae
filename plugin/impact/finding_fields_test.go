package impact_test

import (
	"reflect"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
)

// fieldsOf calls see for each field of a Go type that is written as a JSON object, and whether it stands behind a pointer.
func fieldsOf(t reflect.Type, at string, outer []reflect.Type, see func(path string, pointer bool)) {
	for _, o := range outer {
		if o == t {
			return
		}
	}
	outer = append(outer, t)
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "" && f.Anonymous {
			fieldsOf(f.Type, at, outer, see)
			continue
		}
		path, of := strings.TrimPrefix(at+"."+name, "."), f.Type
		for of.Kind() == reflect.Pointer || of.Kind() == reflect.Slice {
			of = of.Elem()
		}
		switch {
		case of == reflect.TypeFor[metav1.Time](), of == reflect.TypeFor[resource.Quantity]():
			continue
		case f.Type.Kind() == reflect.Map, f.Type.Kind() == reflect.Struct:
			see(path, false)
		case f.Type.Kind() == reflect.Pointer && of.Kind() == reflect.Struct:
			see(path, true)
		}
		if of.Kind() == reflect.Struct {
			fieldsOf(of, path, outer, see)
		}
	}
}

// TestFinding_L27_EmptyStructs holds what is taken for nothing in a pod template to the API's own types.
func TestFinding_L27_EmptyStructs(t *testing.T) {
	kept := 0
	fieldsOf(reflect.TypeFor[core.PodTemplateSpec](), "", nil, func(path string, pointer bool) {
		want := pointer && path != "spec.securityContext" // which the API server sets by itself
		if pointer {
			kept++
		}
		if got := impact.KeepsEmpty(path); got != want {
			t.Errorf("%s: {} is kept %t, want %t", path, got, want)
		}
	})
	if kept < 50 {
		t.Errorf("%d pointers in a pod template", kept)
	}
}

const job = `
apiVersion: batch/v1
kind: CronJob
metadata: {name: certs, namespace: kube-system}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers: [{name: certgen, image: i}, {name: other, image: i}]
`

const service = `
apiVersion: v1
kind: Service
metadata: {name: hubble, namespace: kube-system, finalizers: [example.org/a, example.org/b]}
spec:
  type: ClusterIP
  clusterIP: 10.0.0.1
  ports: [{name: http, port: 80, protocol: TCP}, {name: metrics, port: 81, protocol: TCP}]
`

const server = `
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: spire-server, namespace: cilium-spire}
spec:
  serviceName: spire-server
  replicas: 1
  template:
    spec:
      initContainers: [{name: a, image: i}, {name: b, image: i}]
      containers: [{name: spire-server, image: i}]
      volumes: [{name: tmp}]
  volumeClaimTemplates: [{metadata: {name: data}, spec: {resources: {requests: {storage: 1Gi}}}}]
`

const monitor = `
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: cilium-agent, namespace: kube-system}
spec: {selector: {matchLabels: {k8s-app: cilium}}}
`

const role = `
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: cilium}
roleRef: {kind: ClusterRole, name: cilium}
`

const sealed = `
apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
immutable: true
data: {a: "1"}
`

// TestFinding_FieldByField: one edit of each kind, what it does in both ways of applying, and the field that is named.
func TestFinding_FieldByField(t *testing.T) {
	agent := "image: cilium:v1.20.2"
	for name, c := range map[string]struct {
		text   string
		edit   []string
		effect impact.Effect
		path   string
	}{
		"L27 a container's securityContext: {}": {agents, []string{agent, agent + "\n          securityContext: {}"}, impact.Restart, "spec.template.spec.containers[cilium-agent].securityContext"},
		"L27 lifecycle: {}":                     {agents, []string{agent, agent + "\n          lifecycle: {}"}, impact.Restart, "spec.template.spec.containers[cilium-agent].lifecycle"},
		"L27 affinity: {}":                      {agents, []string{"      containers:", "      affinity: {}\n      containers:"}, impact.Restart, "spec.template.spec.affinity"},
		"L27 a container's resources: {}":       {agents, []string{agent, agent + "\n          resources: {}"}, impact.None, ""},
		"L27 the pod's securityContext: {}":     {agents, []string{"      containers:", "      securityContext: {}\n      containers:"}, impact.None, ""},
		"L27 nodeSelector: {}":                  {agents, []string{"      containers:", "      nodeSelector: {}\n      containers:"}, impact.None, ""},
		"L27 a volume's default":                {server, []string{"volumes: [{name: tmp}]", "volumes: [{name: tmp, emptyDir: {}}]"}, impact.None, ""},
		"L27 a volume that is no default":       {server, []string{"volumes: [{name: tmp}]", "volumes: [{name: tmp, hostPath: {path: /tmp}}]"}, impact.Restart, "spec.template.spec.volumes[tmp].emptyDir"},
		"L27 a custom resource keeps {}":        {monitor, []string{"spec: {", "spec: {namespaceSelector: {}, "}, impact.Config, "spec.namespaceSelector"},
		"L27 its labels are dropped":            {monitor, []string{"namespace: kube-system}", "namespace: kube-system, labels: {}}"}, impact.None, ""},
		"L27 a ConfigMap's binaryData":          {config, []string{"\ndata: {", "\nbinaryData: {b: AA==}\ndata: {"}, impact.Config, "binaryData"},
		"L27 a ConfigMap that is sealed":        {config, []string{"\ndata: {", "\nimmutable: true\ndata: {"}, impact.Config, "immutable"},
		"C3 a StatefulSet's init containers":    {server, []string{"{name: a, image: i}, {name: b, image: i}", "{name: b, image: i}, {name: a, image: i}"}, impact.Restart, "spec.template.spec.initContainers"},
		"C3 a CronJob's containers":             {job, []string{"{name: certgen, image: i}, {name: other, image: i}", "{name: other, image: i}, {name: certgen, image: i}"}, impact.Config, "spec.jobTemplate.spec.template.spec.containers"},
		"C3 a Service's ports": {service, []string{
			"{name: http, port: 80, protocol: TCP}, {name: metrics, port: 81, protocol: TCP}",
			"{name: metrics, port: 81, protocol: TCP}, {name: http, port: 80, protocol: TCP}",
		}, impact.Metadata, "spec.ports"},
		"C3 finalizers are a set":           {service, []string{"example.org/a, example.org/b", "example.org/b, example.org/a"}, impact.None, ""},
		"H5 a StatefulSet's image":          {server, []string{"{name: spire-server, image: i}", "{name: spire-server, image: j}"}, impact.Restart, "spec.template.spec.containers[spire-server].image"},
		"H5 a StatefulSet's claims":         {server, []string{"1Gi", "2Gi"}, impact.Fails, "spec.volumeClaimTemplates[0].spec.resources.requests.storage"},
		"H5 a StatefulSet's service":        {server, []string{"serviceName: spire-server", "serviceName: other"}, impact.Fails, "spec.serviceName"},
		"H5 a StatefulSet's replicas":       {server, []string{"replicas: 1", "replicas: 2"}, impact.Config, "spec.replicas"},
		"H5 a DaemonSet's selector":         {agents, []string{"  template:", "  selector: {matchLabels: {a: b}}\n  template:"}, impact.Fails, "spec.selector"},
		"H5 a Service's address":            {service, []string{"10.0.0.1", "10.0.0.2"}, impact.Fails, "spec.clusterIP"},
		"H5 a Service's type":               {service, []string{"type: ClusterIP", "type: NodePort"}, impact.Config, "spec.type"},
		"H5 a binding's role":               {role, []string{"name: cilium}\n", "name: cilium}\n", "kind: ClusterRole, name: cilium", "kind: ClusterRole, name: other"}, impact.Fails, "roleRef.name"},
		"H5 a sealed ConfigMap's data":      {sealed, []string{`a: "1"`, `a: "2"`}, impact.Fails, "data.a"},
		"H5 a sealed ConfigMap is unsealed": {sealed, []string{"immutable: true", "immutable: false"}, impact.Fails, "immutable"},
	} {
		for _, method := range []string{facts.ClientSide, facts.ServerSide} {
			before, after, live := object(t, c.text), object(t, c.text, c.edit...), object(t, c.text)
			if strings.Contains(c.text, "volumes: [{name: tmp}]") {
				live = object(t, c.text, "volumes: [{name: tmp}]", "volumes: [{name: tmp, emptyDir: {}}]")
			}
			r := &facts.Rendered{Method: method, LiveSeen: true, Before: []facts.Object{before}, After: []facts.Object{after}, Live: []facts.Object{live}}
			changes, sum := of(r)
			got, path := impact.None, ""
			if len(changes) > 0 {
				got = changes[0].Effect
			}
			if len(changes) > 0 && len(changes[0].Paths) > 0 {
				path = string(changes[0].Paths[0])
			}
			if got != c.effect || path != c.path {
				t.Errorf("%s, %s: %s %s, want %s %s: %+v", name, method, got, path, c.effect, c.path, changes)
			}
			if quiet := c.effect == impact.None || c.effect == impact.Metadata; sum.Quiet() != quiet {
				t.Errorf("%s, %s: quiet %t", name, method, sum.Quiet())
			}
		}
	}
}
