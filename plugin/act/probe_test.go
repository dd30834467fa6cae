package act

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/probe"
)

// nodesOf is a cluster in memory whose nodes run a probe's pods: what each says is up to the test.
type nodesOf struct {
	*api

	// status is what becomes of a pod; nil: it answers, or ends well.
	status func(*core.Pod) *core.PodStatus
	// says is what an asker finds out about a target; nil: all is well.
	says func(node string, t probe.Target) probe.Result
	// log replaces an asker's log.
	log func(node string) string
	// each hears every request before it is taken, and may answer; lost may lose an answer.
	each func(request) *http.Response
	lost func(request) error
}

func probedCluster(nodes ...string) *nodesOf {
	n := &nodesOf{api: newAPI()}
	for _, name := range nodes {
		n.put("/api/v1/nodes/"+name, fmt.Sprintf(`{"kind":"Node","apiVersion":"v1","metadata":{"name":%q,"labels":{"kubernetes.io/os":"linux"}},"status":{"conditions":[{"type":"Ready","status":"True"}]}}`, name))
	}
	n.put("/api/v1/namespaces/default/services/kubernetes", `{"kind":"Service","apiVersion":"v1","metadata":{"name":"kubernetes","namespace":"default"},"spec":{"clusterIP":"10.96.0.1","clusterIPs":["10.96.0.1"],"ports":[{"name":"https","port":443}]}}`)
	n.put("/api/v1/namespaces/kube-system/services/kube-dns", `{"kind":"Service","apiVersion":"v1","metadata":{"name":"kube-dns","namespace":"kube-system","labels":{"k8s-app":"kube-dns"}},"spec":{"clusterIP":"10.96.0.10","ports":[{"name":"dns","protocol":"UDP","port":53}]}}`)
	n.before, n.after = n.taking, n.taken
	return n
}

func (n *nodesOf) taking(r request) *http.Response {
	if n.each != nil {
		if answer := n.each(r); answer != nil {
			return answer
		}
	}
	switch {
	case strings.Contains(r.path, "selfsubjectaccessreviews"):
		o := decode(r)
		o["status"] = map[string]any{"allowed": true}
		return answered(http.StatusCreated, o)
	case strings.HasSuffix(r.path, "/log"):
		return n.logOf(r)
	case r.method == http.MethodPost && strings.HasSuffix(r.path, "/services"):
		o := decode(r)
		o["spec"].(map[string]any)["clusterIP"] = "10.96.7.7"
		n.mu.Lock()
		defer n.mu.Unlock()
		n.store(r.path+"/probe", o)
		return answered(http.StatusCreated, o)
	}
	return nil
}

// taken does what a cluster does after a request: it runs pods, and empties namespaces.
func (n *nodesOf) taken(r request) error {
	switch {
	case r.method == http.MethodPost && strings.HasSuffix(r.path, "/pods"):
		n.run(r)
	case r.method == http.MethodDelete && strings.HasPrefix(r.path, "/api/v1/namespaces/"):
		n.mu.Lock()
		for path := range maps.Clone(n.objects) {
			if strings.Contains(path, strings.TrimPrefix(r.path, "/api/v1")+"/") { // of whatever API
				n.drop(path)
			}
		}
		n.mu.Unlock()
	}
	if n.lost != nil {
		return n.lost(r)
	}
	return nil
}

func (n *nodesOf) run(r request) {
	o := decode(r)
	pod := asPod(o)
	number := strings.Split(pod.Name, "-")[1]
	status := &core.PodStatus{Phase: core.PodSucceeded}
	if strings.HasPrefix(pod.Name, "serve") {
		status = &core.PodStatus{
			Phase: core.PodRunning, PodIP: "10.244.0." + number, PodIPs: []core.PodIP{{IP: "10.244.0." + number}},
			Conditions: []core.PodCondition{{Type: core.PodReady, Status: core.ConditionTrue}},
		}
	}
	if n.status != nil {
		if other := n.status(pod); other != nil {
			status = other
		}
	}
	text, _ := json.Marshal(status)
	var as map[string]any
	_ = json.Unmarshal(text, &as)
	o["status"] = as
	path := r.path + "/" + pod.Name
	if n.object(path) != nil {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.store(path, o)
	}
}

func asPod(o map[string]any) *core.Pod {
	text, _ := json.Marshal(o)
	pod := &core.Pod{}
	_ = json.Unmarshal(text, pod)
	return pod
}

func (n *nodesOf) logOf(r request) *http.Response {
	o := n.object(strings.TrimSuffix(r.path, "/log"))
	if o == nil {
		return refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "not found")
	}
	pod := asPod(o)
	node := pod.Annotations[nodeAnnotation]
	var out strings.Builder
	if n.log != nil {
		out.WriteString(n.log(node))
	}
	if out.Len() == 0 {
		lines := json.NewEncoder(&out)
		args, done := pod.Spec.Containers[0].Args, 0
		for i, arg := range args {
			if arg != "--target" {
				continue
			}
			t, err := probe.ParseTarget(args[i+1])
			if err != nil {
				panic(err)
			}
			result := probe.Result{Target: t, OK: true, Took: time.Millisecond, Tries: 1}
			if n.says != nil {
				result = n.says(node, t)
			}
			_ = lines.Encode(probe.Answer{Result: &result})
			done++
		}
		_ = lines.Encode(probe.Answer{Done: done})
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader(out.String()))}
}

// left are the objects of probes that are still there.
func (n *nodesOf) left() (all []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for path := range n.objects {
		if strings.Contains(path, probePrefix) {
			all = append(all, path)
		}
	}
	return all
}

var probing = Probing{Image: "registry.example.org/probe:v1", Nodes: 10, Within: 2 * time.Minute, Parts: []facts.Part{facts.Probing}}

// inTime runs a test in a time of its own.
func inTime(t *testing.T, test func(*testing.T)) {
	t.Helper()
	synctest.Test(t, test)
}

func TestProbe(t *testing.T) {
	inTime(t, func(t *testing.T) {
		n := probedCluster("infra-1", "infra-2", "infra-3")
		var pods []*core.Pod
		var space map[string]any
		n.each = func(r request) *http.Response {
			switch {
			case r.method == http.MethodPost && strings.HasSuffix(r.path, "/pods"):
				n.mu.Lock()
				defer n.mu.Unlock()
				pods = append(pods, asPod(decode(r)))
			case r.method == http.MethodPost && r.path == "/api/v1/namespaces":
				space = decode(r)
			}
			return nil
		}
		o := probing
		o.Names, o.Egress = []string{"example.org"}, []string{"example.org:443"}
		found, err := open(t, n.api).Probe(t.Context(), o)
		if err != nil || found.Left != "" || len(found.Unasked) != 0 {
			t.Fatalf("%+v, %v", found, err)
		}
		if all := n.left(); len(all) != 0 {
			t.Errorf("left: %q", all)
		}
		kinds := map[string]int{}
		for _, r := range found.Results {
			kinds[r.Kind]++
			if !r.OK || r.From == r.To {
				t.Errorf("%+v", r)
			}
		}
		if want := "map[api:3 dns:3 egress:3 name:3 pod:6 service:3]"; fmt.Sprint(kinds) != want {
			t.Errorf("%v, want %s", kinds, want)
		}
		if len(pods) != 6 {
			t.Fatalf("%d pods", len(pods))
		}
		for _, pod := range pods {
			restricted(t, pod)
		}
		if labels := labelsOf(space); labels["pod-security.kubernetes.io/enforce"] != "restricted" || labels["app.kubernetes.io/managed-by"] != manager {
			t.Errorf("namespace %v", space)
		}
	})
}

// restricted holds a pod to the Pod Security Standard of that name, to having no credentials, and to ending by itself.
func restricted(t *testing.T, pod *core.Pod) {
	t.Helper()
	s, c := pod.Spec, pod.Spec.Containers[0]
	is := func(b *bool, want bool) bool { return b != nil && *b == want }
	if !is(s.SecurityContext.RunAsNonRoot, true) || s.SecurityContext.SeccompProfile.Type != core.SeccompProfileTypeRuntimeDefault ||
		!is(c.SecurityContext.AllowPrivilegeEscalation, false) || !slices.Equal(c.SecurityContext.Capabilities.Drop, []core.Capability{"ALL"}) ||
		s.HostNetwork || s.HostPID || s.HostIPC || len(s.Volumes) != 0 || len(s.Containers) != 1 {
		t.Errorf("%s is not restricted: %+v", pod.Name, s)
	}
	if !is(s.AutomountServiceAccountToken, false) || s.ActiveDeadlineSeconds == nil || *s.ActiveDeadlineSeconds > 300 || s.RestartPolicy != core.RestartPolicyNever {
		t.Errorf("%s has credentials, or lives for ever: %+v", pod.Name, s)
	}
	on := s.Affinity.NodeAffinity.RequiredDuringSchedulingIgnoredDuringExecution.NodeSelectorTerms[0].MatchFields[0].Values
	if s.NodeName != "" || !slices.Equal(on, []string{pod.Annotations[nodeAnnotation]}) || c.Image != "registry.example.org/probe:v1" || c.Args[0] != "probe-pod" {
		t.Errorf("%s: %+v", pod.Name, s)
	}
}

// TestProbeNodes probes some of many nodes, spread over all, and leaves out those that can run no pod of it.
func TestProbeNodes(t *testing.T) {
	inTime(t, func(t *testing.T) {
		var names []string
		for i := range 100 {
			names = append(names, fmt.Sprintf("n%03d", i))
		}
		n := probedCluster(names...)
		n.put("/api/v1/nodes/n050", `{"kind":"Node","apiVersion":"v1","metadata":{"name":"n050"},"status":{"conditions":[{"type":"Ready","status":"Unknown","reason":"NodeStatusUnknown","message":"Kubelet stopped posting\u001b[2J"}]}}`)
		n.put("/api/v1/nodes/n075", `{"kind":"Node","apiVersion":"v1","metadata":{"name":"n075","labels":{"kubernetes.io/os":"windows"}}}`)
		o := probing
		o.Nodes = 4
		found, err := open(t, n.api).Probe(t.Context(), o)
		want := `[{n000 } {n025 } {n050 the node is not ready: Kubelet stopped posting\x1b[2J} {n075 its operating system is windows}]`
		if err != nil || found.Others != 96 || fmt.Sprint(found.Nodes) != want {
			t.Errorf("%v %d %v\nwant %s", err, found.Others, found.Nodes, want)
		}
		if pods := n.asked("POST /api/v1/namespaces/cilium"); len(pods) != 5 { // a Service, and two pods on two nodes
			t.Errorf("%q", pods)
		}
	})
	inTime(t, func(t *testing.T) {
		n := probedCluster()
		if found, err := open(t, n.api).Probe(t.Context(), probing); err != nil || len(found.Nodes) != 0 || len(n.asked("POST /api/v1/namespaces")) != 0 {
			t.Errorf("no nodes: %+v, %v", found, err)
		}
	})
}

// TestWhatCannotBeProbed says in the cluster's words what holds a pod up, and what is known of the other nodes all the
// same.
func TestWhatCannotBeProbed(t *testing.T) {
	waits := func(reason, message string) *core.PodStatus {
		return &core.PodStatus{Phase: core.PodPending, ContainerStatuses: []core.ContainerStatus{{
			State: core.ContainerState{Waiting: &core.ContainerStateWaiting{Reason: reason, Message: message}},
		}}}
	}
	on := func(node string, r role, s *core.PodStatus) func(*core.Pod) *core.PodStatus {
		return func(p *core.Pod) *core.PodStatus {
			if p.Annotations[nodeAnnotation] == node && strings.HasPrefix(p.Name, string(r)) {
				return s
			}
			return nil
		}
	}
	second := func(code int, why metav1.StatusReason, text string) func(request) *http.Response {
		return func(r request) *http.Response {
			if r.method == http.MethodPost && strings.HasSuffix(r.path, "/pods") && asPod(decode(r)).Name == "serve-2" {
				return refuse(code, why, text)
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		change func(*nodesOf)
		why    string
		soon   bool // without waiting for it until the end
	}{
		"an image that cannot be pulled": {func(n *nodesOf) {
			n.status = on("infra-2", serveRole, waits("ImagePullBackOff", `Back-off pulling image "registry.example.org/probe:v1"`))
		}, "its pod did not answer: ImagePullBackOff: Back-off pulling image", true},
		"a node without room": {func(n *nodesOf) {
			n.status = on("infra-2", serveRole, &core.PodStatus{Phase: core.PodPending, Conditions: []core.PodCondition{
				{Type: core.PodScheduled, Status: core.ConditionFalse, Reason: "Unschedulable", Message: "0/3 nodes are available: 1 Too many pods"},
			}})
		}, "Unschedulable: 0/3 nodes are available: 1 Too many pods", false},
		"a pod that never starts": {func(n *nodesOf) {
			n.status = on("infra-2", serveRole, waits("ContainerCreating", ""))
		}, "its pod did not answer: ContainerCreating", false},
		"a quota": {func(n *nodesOf) {
			n.each = second(http.StatusForbidden, metav1.StatusReasonForbidden, "exceeded quota: none")
		}, "its pod could not be made: forbidden: exceeded quota: none", true},
		"pod security": {func(n *nodesOf) {
			n.each = second(http.StatusForbidden, metav1.StatusReasonForbidden, `violates PodSecurity "restricted:latest"`)
		}, "violates PodSecurity", true},
		"an asker that hangs": {func(n *nodesOf) {
			n.status = on("infra-2", askRole, &core.PodStatus{Phase: core.PodRunning})
		}, "its pod did not come to an end: Running", false},
		"an image of something else": {func(n *nodesOf) {
			n.status = on("infra-2", askRole, &core.PodStatus{Phase: core.PodFailed, ContainerStatuses: []core.ContainerStatus{{
				State: core.ContainerState{Terminated: &core.ContainerStateTerminated{ExitCode: 2}},
			}}})
			n.log = func(node string) string {
				return map[string]string{"infra-2": "error: unknown command \"probe-pod\"\x1b[2J\n"}[node]
			}
		}, `its pod told of 0 of 5: error: unknown command "probe-pod"\x1b[2J`, true},
		"a log that ends early": {func(n *nodesOf) {
			n.log = func(node string) string {
				return map[string]string{"infra-2": `{"result":{"kind":"pod","to":"infra-1","address":"10.244.0.1:7246","ok":true,"tries":1}}` + "\n"}[node]
			}
		}, "its pod told of 1 of 5: Succeeded", true},
		"a log that says too much": {func(n *nodesOf) {
			n.log = func(node string) string {
				return map[string]string{"infra-2": strings.Repeat(`{"result":{"kind":"pod","to":"else","address":"1.1.1.1:1","ok":true,"tries":1}}`+"\n", 5) + `{"done":5}`}[node]
			}
		}, "its pod told of 0 of 5", true},
		"a log that cannot be read": {func(n *nodesOf) {
			n.each = func(r request) *http.Response {
				if strings.HasSuffix(r.path, "ask-2/log") {
					return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `pods "x" is forbidden: User "ann" cannot get resource "pods/log"`)
				}
				return nil
			}
		}, `its pod's log could not be read: forbidden: User "ann" cannot get resource "pods/log"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				n := probedCluster("infra-1", "infra-2", "infra-3")
				c.change(n)
				began := time.Now()
				found, err := open(t, n.api).Probe(t.Context(), probing)
				if err != nil || found.Nodes[0].Why != "" || !strings.Contains(found.Nodes[1].Why, c.why) || found.Nodes[2].Why != "" {
					t.Fatalf("%v, %q, want %q", err, found.Nodes, c.why)
				}
				if took := time.Since(began); (took < 5*time.Second) != c.soon {
					t.Errorf("it took %s", took)
				}
				from := map[string]bool{}
				for _, r := range found.Results {
					from[r.From] = true
				}
				if !from["infra-1"] || from["infra-2"] || !from["infra-3"] || len(n.left()) != 0 {
					t.Errorf("results from %v; left %q", from, n.left())
				}
			})
		})
	}
}

// TestUnasked is what cannot be asked from any node.
func TestUnasked(t *testing.T) {
	inTime(t, func(t *testing.T) {
		n := probedCluster("infra-1")
		n.each = func(r request) *http.Response {
			if strings.Contains(r.path, "/services") {
				return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `services is forbidden: User "ann" cannot do that`)
			}
			return nil
		}
		found, err := open(t, n.api).Probe(t.Context(), probing)
		if err != nil || !strings.Contains(found.Unasked[facts.ProbeService], `User "ann" cannot`) || !strings.Contains(found.Unasked[facts.ProbeAPI], `User "ann" cannot`) {
			t.Errorf("%+v %v", found, err)
		}
		// The DNS server that the pod is given will do.
		if len(found.Results) != 1 || found.Results[0].Kind != facts.ProbeDNS || found.Results[0].Address != "" {
			t.Errorf("%+v", found.Results)
		}
	})
}

// TestNotAllowed makes nothing where it may not be removed again.
func TestNotAllowed(t *testing.T) {
	inTime(t, func(t *testing.T) {
		n := probedCluster("infra-1")
		n.each = func(r request) *http.Response {
			if strings.Contains(r.path, "selfsubjectaccessreviews") {
				o := decode(r)
				ask := o["spec"].(map[string]any)["resourceAttributes"].(map[string]any)
				o["status"] = map[string]any{"allowed": ask["verb"] != "delete" && ask["subresource"] != "log"}
				return answered(http.StatusCreated, o)
			}
			return nil
		}
		_, err := open(t, n.api).Probe(t.Context(), probing)
		if err == nil || !strings.Contains(err.Error(), "may not delete namespaces, get pods/log; grant it: kubectl apply -f deploy/rbac-probe.yaml") {
			t.Error(err)
		}
		for _, w := range n.writes() {
			if !strings.Contains(w.path, "selfsubjectaccessreviews") {
				t.Errorf("%s", w)
			}
		}
	})
}

// TestKinds holds the kinds that facts have to those that the program in the pods has.
func TestKinds(t *testing.T) {
	if n := len(probe.Kinds()); n != 6 {
		t.Errorf("%d kinds", n)
	}
	for _, k := range probe.Kinds() {
		if !slices.Contains([]string{facts.ProbePod, facts.ProbeService, facts.ProbeDNS, facts.ProbeAPI, facts.ProbeEgress, "mirror"}, string(k)) {
			t.Errorf("facts do not know %s", k)
		}
	}
}
