package impact_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/yaml"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/impact"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

const agents = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: cilium, namespace: kube-system, labels: {k8s-app: cilium}}
spec:
  updateStrategy: {type: RollingUpdate}
  template:
    metadata:
      labels: {k8s-app: cilium, helm.sh/chart: cilium-1.20.2}
    spec:
      containers:
        - name: cilium-agent
          image: cilium:v1.20.2
          env:
            - {name: A, value: "1"}
            - {name: B, value: "2"}
          ports:
            - {containerPort: 9962, name: prometheus, protocol: TCP}
`

const config = `
apiVersion: v1
kind: ConfigMap
metadata: {name: cilium-config, namespace: kube-system}
data: {enable-wireguard: "true", cluster-id: "1", debug-verbose: ""}
`

const class = `
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: cilium}
spec: {controllerName: io.cilium/gateway-controller}
`

func object(t *testing.T, text string, edits ...string) facts.Object {
	t.Helper()
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("no %q in the object", edits[i])
		}
		text = strings.Replace(text, edits[i], edits[i+1], 1)
	}
	var body values.Tree
	if err := yaml.Unmarshal([]byte(text), &body); err != nil {
		t.Fatal(err)
	}
	return facts.Object{
		APIVersion: body.Text("apiVersion"), Kind: body.Text("kind"), Namespace: body.Text("metadata.namespace"),
		Name: body.Text("metadata.name"), Body: body,
	}
}

// owned gives o's fields to a manager, as managedFields would.
func owned(o facts.Object, manager string) facts.Object {
	o.Owners = append(o.Owners, facts.Owner{Manager: manager, Operation: "Apply", Fields: fields(map[string]any(o.Body))})
	return o
}

func fields(v any) map[string]any {
	out := map[string]any{}
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			out["f:"+key] = fields(v[key])
		}
	case []any:
		for _, item := range v {
			m, _ := item.(map[string]any)
			key := map[string]any{}
			for _, k := range []string{"name", "containerPort", "protocol"} {
				if x, ok := m[k]; ok && (k != "name" || m["containerPort"] == nil) {
					key[k] = x
				}
			}
			text, _ := json.Marshal(key)
			out["k:"+string(text)] = fields(m)
		}
	}
	return out
}

func pods(n int) []facts.Pod {
	var all []facts.Pod
	for range n {
		all = append(all, facts.Pod{Namespace: "kube-system", Owner: "DaemonSet/cilium"})
	}
	return append(all,
		facts.Pod{Namespace: "kube-system", Owner: "ReplicaSet/cilium-operator-5d4"},
		facts.Pod{Namespace: "kube-system", Owner: "ReplicaSet/cilium-operator-generic-5d4"},
		facts.Pod{Namespace: "other", Owner: "DaemonSet/cilium"})
}

func of(r *facts.Rendered) ([]impact.Change, impact.Summary) {
	f := facts.Facts{Live: facts.Live{Pods: pods(3)}}
	changes := impact.Of(f, r)
	return changes, impact.Sum(f, r, changes)
}

func TestOf(t *testing.T) {
	chartLabel := []string{"helm.sh/chart: cilium-1.20.2", "helm.sh/chart: cilium-1.20.2_0cc9a8446c95"}
	for name, c := range map[string]struct {
		before, after, live *facts.Object
		method              string
		effect              impact.Effect
		restarts, keys      int
		path, why           string
		reverted, left      int
	}{
		"the same": {before: ptr(object(t, agents)), after: ptr(object(t, agents)), live: ptr(object(t, agents)), effect: impact.None},
		"digest in the chart's label": {
			before: ptr(object(t, agents)), after: ptr(object(t, agents, chartLabel...)), live: ptr(object(t, agents)),
			effect: impact.Restart, restarts: 3, path: `spec.template.metadata.labels.helm\.sh/chart`, why: "OCI digest",
		},
		"on delete nothing rolls": {
			before: ptr(object(t, agents, "RollingUpdate", "OnDelete")), after: ptr(object(t, agents, "RollingUpdate", "OnDelete", "v1.20.2", "v1.20.3")),
			live: ptr(object(t, agents, "RollingUpdate", "OnDelete")), effect: impact.Config, path: "spec.template.spec.containers[cilium-agent].image",
		},
		"a label of the object": {
			before: ptr(object(t, agents)), after: ptr(object(t, agents, "labels: {k8s-app: cilium}", "labels: {k8s-app: cilium, a: b}")),
			live: ptr(object(t, agents)), effect: impact.Metadata, path: "metadata.labels.a",
		},
		"update strategy": {
			before: ptr(object(t, agents)), after: ptr(object(t, agents, "type: RollingUpdate", "rollingUpdate: {maxUnavailable: 2}")),
			live: ptr(object(t, agents)), effect: impact.Config,
		},
		"a key changes": {
			before: ptr(object(t, config)), after: ptr(object(t, config, `cluster-id: "1"`, `cluster-id: "2"`)), live: ptr(object(t, config)),
			effect: impact.Config, keys: 1, path: "data.cluster-id", why: "1 -> 2; running pods keep",
		},
		"a key that is empty appears": {
			before: ptr(object(t, config, `, debug-verbose: ""`, "")), after: ptr(object(t, config)), live: ptr(object(t, config, `, debug-verbose: ""`, "")),
			effect: impact.Config, keys: 1, path: "data.debug-verbose", why: `(absent) -> ""`,
		},
		"a key goes, client-side": {
			before: ptr(object(t, config)), after: ptr(object(t, config, `enable-wireguard: "true", `, "")), live: ptr(object(t, config)),
			method: facts.ClientSide, effect: impact.Config, keys: 1, path: "data.enable-wireguard", why: "(absent)",
		},
		"a key goes, and the bootstrap's manager keeps it": {
			before: ptr(object(t, config)), after: ptr(object(t, config, `enable-wireguard: "true", `, "")), live: ptr(owned(object(t, config), "helm")),
			method: facts.ServerSide, effect: impact.None, left: 1, why: "helm owns it, too",
		},
		"a key goes that only Flux owns": {
			before: ptr(object(t, config)), after: ptr(object(t, config, `enable-wireguard: "true", `, "")), live: ptr(owned(object(t, config), "helm-controller")),
			method: facts.ServerSide, effect: impact.Config, keys: 1, path: "data.enable-wireguard",
		},
		"a key goes that is gone already": {
			before: ptr(object(t, config)), after: ptr(object(t, config, `enable-wireguard: "true", `, "")), live: ptr(object(t, config, `enable-wireguard: "true", `, "")),
			method: facts.ClientSide, effect: impact.None,
		},
		"a port goes, and stays": {
			before: ptr(object(t, agents)), after: ptr(object(t, agents, "\n            - {containerPort: 9962, name: prometheus, protocol: TCP}", " []")),
			live: ptr(owned(object(t, agents), "helm")), method: facts.ServerSide, effect: impact.None, left: 1,
		},
		"a hand edit is changed back": {
			before: ptr(object(t, agents)), after: ptr(object(t, agents)), live: ptr(object(t, agents, `{name: A, value: "1"}`, `{name: A, value: "9"}`)),
			effect: impact.Restart, restarts: 3, path: "spec.template.spec.containers[cilium-agent].env[A].value", why: "by hand", reverted: 1,
		},
		"a hand edit that adds is let be": {
			before: ptr(object(t, agents)), after: ptr(object(t, agents)), live: ptr(object(t, agents, `{name: A, value: "1"}`, "{name: A, value: \"1\"}\n            - {name: MINE}")),
			effect: impact.None,
		},
		"a hand edit of a foreign kind, client-side": {
			before: ptr(object(t, class)), after: ptr(object(t, class)), live: ptr(object(t, class, "io.cilium", "mine")),
			method: facts.ClientSide, effect: impact.None,
		},
		"a hand edit of a foreign kind, server-side": {
			before: ptr(object(t, class)), after: ptr(object(t, class)), live: ptr(object(t, class, "io.cilium", "mine")),
			method: facts.ServerSide, effect: impact.Config, reverted: 1,
		},
		"leaves the release":      {before: ptr(object(t, class)), live: ptr(object(t, class)), effect: impact.Delete},
		"leaves, and was deleted": {before: ptr(object(t, class)), effect: impact.None},
		"leaves, and is kept": {
			before: ptr(object(t, class)), live: ptr(object(t, class, "name: cilium", "name: cilium, annotations: {helm.sh/resource-policy: keep}")),
			effect: impact.Metadata, why: "keep",
		},
		"is new":              {after: ptr(object(t, class)), effect: impact.Create},
		"is new and exists":   {after: ptr(object(t, class)), live: ptr(object(t, class)), effect: impact.None},
		"was deleted by hand": {before: ptr(object(t, class)), after: ptr(object(t, class)), effect: impact.Create, why: "by hand"},
	} {
		t.Run(name, func(t *testing.T) {
			r := &facts.Rendered{Method: c.method, LiveSeen: true, Before: some(c.before), After: some(c.after), Live: some(c.live)}
			changes, sum := of(r)
			got := impact.Change{Effect: impact.None}
			if len(changes) > 0 {
				got = changes[0]
			}
			if got.Effect != c.effect || got.Restarts != c.restarts || got.Keys != c.keys || sum.Restarts != c.restarts {
				t.Errorf("got %+v", got)
			}
			if c.path != "" && (len(got.Paths) == 0 || string(got.Paths[0]) != c.path) {
				t.Errorf("got paths %v, want %s", got.Paths, c.path)
			}
			if !strings.Contains(got.Why, c.why) {
				t.Errorf("got %q, want %q in it", got.Why, c.why)
			}
			if len(got.Reverted) != c.reverted || len(got.Left) != c.left {
				t.Errorf("reverted %v, left %v", got.Reverted, got.Left)
			}
		})
	}
}

func ptr(o facts.Object) *facts.Object { return &o }

func some(o *facts.Object) []facts.Object {
	if o == nil {
		return nil
	}
	return []facts.Object{*o}
}

// TestDeletedPods: the pods of a workload that goes are lost, not replaced.
func TestDeletedPods(t *testing.T) {
	r := &facts.Rendered{LiveSeen: true, Before: []facts.Object{object(t, agents)}, Live: []facts.Object{object(t, agents)}}
	changes, sum := of(r)
	if len(changes) != 1 || sum.Lost != 3 || sum.Restarts != 0 || sum.Deletes != 1 || sum.Pods != 3 || sum.Quiet() {
		t.Errorf("got %+v %+v", changes, sum)
	}
}

// TestExpected: what Helm makes anew each time is apart, unless something else changes with it.
func TestExpected(t *testing.T) {
	before := object(t, config)
	after := object(t, config, `cluster-id: "1"`, `cluster-id: "2"`)
	after.Random = []values.Path{"data.cluster-id"}
	_, sum := of(&facts.Rendered{LiveSeen: true, Before: []facts.Object{before}, After: []facts.Object{after}, Live: []facts.Object{before}})
	if sum.Expected != 1 || !sum.Quiet() {
		t.Errorf("got %+v", sum)
	}
	after.Random = nil
	if _, sum := of(&facts.Rendered{LiveSeen: true, Before: []facts.Object{before}, After: []facts.Object{after}, Live: []facts.Object{before}}); sum.Expected != 0 {
		t.Errorf("got %+v", sum)
	}
}

// TestNothingRendered: no judgement of nothing.
func TestNothingRendered(t *testing.T) {
	if changes, sum := of(nil); changes != nil || sum != (impact.Summary{}) {
		t.Errorf("got %v %v", changes, sum)
	}
}

// TestIdentity: nothing would become of what is the same, whatever it is.
func TestIdentity(t *testing.T) {
	for _, text := range []string{agents, config, class} {
		for _, method := range []string{facts.ServerSide, facts.ClientSide} {
			all := []facts.Object{object(t, text)}
			if changes, sum := of(&facts.Rendered{Method: method, LiveSeen: true, Before: all, After: all, Live: all}); len(changes) > 0 || !sum.Quiet() {
				t.Errorf("%s: got %+v", method, changes)
			}
		}
	}
}

// TestEditsAreSymmetric: there and back, the same fields.
func TestEditsAreSymmetric(t *testing.T) {
	a := object(t, agents).Body
	b := object(t, agents, "v1.20.2", "v1.20.3", `{name: B, value: "2"}`, `{name: C, value: "2"}`, "labels: {k8s-app: cilium}", "labels: {k8s-app: x, b: c}").Body
	there, back := map[values.Path]bool{}, map[values.Path]bool{}
	for _, e := range impact.Edits(a, b) {
		there[e.Path] = e.Added
	}
	for _, e := range impact.Edits(b, a) {
		back[e.Path] = e.Removed
	}
	if len(there) == 0 || !maps.Equal(there, back) {
		t.Errorf("there %v, back %v", there, back)
	}
	if got := impact.Edits(a, a); len(got) != 0 {
		t.Errorf("of itself: %v", got)
	}
}

// TestEditsDoNotChangeTheirArguments.
func TestEditsDoNotChangeTheirArguments(t *testing.T) {
	a, b := object(t, agents).Body, object(t, agents, "v1.20.2", "v1.20.3").Body
	impact.Edits(a, b)
	impact.Overrides(a, b)
	if !reflect.DeepEqual(a, object(t, agents).Body) {
		t.Error("changed")
	}
}

func TestManifests(t *testing.T) {
	const origin = "labels: {helm.toolkit.fluxcd.io/name: cilium, k8s-app: cilium}"
	secret := object(t, "{apiVersion: v1, kind: Secret, metadata: {name: certs}, data: {tls.crt: one}}")
	anew := object(t, "{apiVersion: v1, kind: Secret, metadata: {name: certs}, data: {tls.crt: two}}")
	anew.Random = []values.Path{`data.tls\.crt`}
	got := impact.Manifests(&facts.Rendered{
		Before: []facts.Object{object(t, agents), object(t, class), secret},
		After:  []facts.Object{object(t, agents, "labels: {k8s-app: cilium}", origin), object(t, config), anew},
	})
	var lines []string
	for _, d := range got {
		lines = append(lines, fmt.Sprint(d.Change, " ", d.Ref, " ", d.Expected, " ", len(d.Edits)))
	}
	want := []string{
		"added ConfigMap/kube-system/cilium-config false 0", "changed DaemonSet/kube-system/cilium true 1",
		"removed GatewayClass/cilium false 0", "changed Secret/certs true 1",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if impact.Manifests(nil) != nil {
		t.Error("something of nothing")
	}
}
