package act

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/probe"
)

// mirrored is a cluster with Spegel on each node; images are the names that each says it has.
func mirrored(images map[string]string) *nodesOf {
	n := probedCluster()
	i := 0
	for _, node := range []string{"infra-1", "infra-2", "infra-3"} {
		names, there := images[node]
		if !there {
			continue
		}
		i++
		n.put("/api/v1/nodes/"+node, fmt.Sprintf(`{"kind":"Node","apiVersion":"v1","metadata":{"name":%q},"status":{"conditions":[{"type":"Ready","status":"True"}],"images":[%s]}}`, node, names))
		n.put("/api/v1/namespaces/spegel/pods/spegel-"+node, fmt.Sprintf(`{"kind":"Pod","apiVersion":"v1","metadata":{"name":"spegel-%[1]s","namespace":"spegel","labels":{"app.kubernetes.io/name":"spegel"}},
			"spec":{"nodeName":%[1]q,"containers":[{"name":"registry","ports":[{"name":"registry","containerPort":5000,"hostPort":30020},{"name":"metrics","containerPort":9090}]}]},
			"status":{"phase":"Running","podIP":"10.244.9.%[2]d","hostIP":"10.25.11.1%[2]d"}}`, node, i))
	}
	return n
}

const (
	imageA = `{"names":["quay.io/a:1","quay.io/a@sha256:aa"]}`
	imageB = `{"names":["quay.io/b:1"]}`
	noName = `{"names":["<none>@<none>","<none>:<none>"]}`
)

func TestMirrors(t *testing.T) {
	inTime(t, func(t *testing.T) {
		n := mirrored(map[string]string{"infra-1": imageA, "infra-2": imageB + "," + noName, "infra-3": imageA + "," + imageB})
		n.says = func(node string, target probe.Target) probe.Result {
			return probe.Result{Target: target, OK: node == "infra-1", Error: map[string]string{"infra-2": "HTTP 404 for 1 of 1 images"}[node], Tries: 1, Image: target.To}
		}
		o := probing
		o.Parts = []facts.Part{facts.Mirrors}
		found, err := open(t, n.api).Probe(t.Context(), o)
		if err != nil || len(found.Results) != 0 || len(found.Blind) != 0 || len(n.left()) != 0 || len(n.asked("POST /api/v1/namespaces/cilium")) != 2 {
			t.Fatalf("%+v, %v; %q; left %q", found.Probe, err, n.asked("POST"), n.left())
		}
		want := &facts.Mirrored{Spegels: 3, Nodes: 3, Answers: []facts.MirrorAnswer{
			{Node: "infra-1", Address: "10.25.11.11:30020", Images: []string{"quay.io/b:1"}, OK: true, Image: "quay.io/b:1", Tries: 1},
			{Node: "infra-2", Address: "10.25.11.12:30020", Images: []string{"quay.io/a@sha256:aa"}, Error: "HTTP 404 for 1 of 1 images", Tries: 1},
			{Node: "infra-3", Why: "there is nothing to ask its mirror for: no other node says that it has an image (status.images) which this one lacks"},
		}}
		for i := range found.Mirrored.Answers {
			found.Mirrored.Answers[i].Image = map[bool]string{true: found.Mirrored.Answers[i].Image}[found.Mirrored.Answers[i].OK]
		}
		if fmt.Sprint(*found.Mirrored) != fmt.Sprint(*want) {
			t.Errorf("got  %+v\nwant %+v", *found.Mirrored, *want)
		}
	})
}

// TestMirrorsThatCannotBeAsked are unknown, with the reason, and the rest of the probe is as it is.
func TestMirrorsThatCannotBeAsked(t *testing.T) {
	all := map[string]string{"infra-1": imageA, "infra-2": imageB}
	for name, c := range map[string]struct {
		images map[string]string
		change func(*nodesOf)
		holds  func(*Found) bool
	}{
		"no Spegel": {all, func(n *nodesOf) {
			n.remove("/api/v1/namespaces/spegel/pods/spegel-infra-1")
			n.remove("/api/v1/namespaces/spegel/pods/spegel-infra-2")
		}, func(f *Found) bool { return f.Mirrored.Spegels == 0 && len(f.Mirrored.Answers) == 0 }},
		"one node": {map[string]string{"infra-1": imageA}, nil, func(f *Found) bool { return f.Mirrored.Nodes == 1 && len(f.Mirrored.Answers) == 0 }},
		"forbidden": {all, func(n *nodesOf) {
			n.each = func(r request) *http.Response {
				if r.path == "/api/v1/pods" {
					return refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `pods is forbidden: User "ann" cannot list`)
				}
				return nil
			}
		}, func(f *Found) bool { return strings.Contains(f.Blind[facts.Mirrors], `User "ann" cannot list`) }},
		"a node without a pod": {all, func(n *nodesOf) {
			n.status = func(p *core.Pod) *core.PodStatus {
				if p.Annotations[nodeAnnotation] == "infra-2" && strings.HasPrefix(p.Name, "serve") {
					return &core.PodStatus{Phase: core.PodFailed, Reason: "Evicted"}
				}
				return nil
			}
		}, func(f *Found) bool {
			a := f.Mirrored.Answers
			return len(a) == 2 && a[0].OK && strings.Contains(a[1].Why, "Evicted")
		}},
		"what could not be told": {all, func(n *nodesOf) {
			n.says = func(_ string, target probe.Target) probe.Result {
				return probe.Result{Target: target, OK: target.Kind != probe.Mirror, Unseen: true, Error: "its metrics could not be read", Tries: 1}
			}
		}, func(f *Found) bool {
			return len(f.Mirrored.Answers) == 2 && !slices.ContainsFunc(f.Mirrored.Answers, func(a facts.MirrorAnswer) bool {
				return a.Why != "its metrics could not be read" || a.Error != "" || a.OK
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				n := mirrored(c.images)
				if c.change != nil {
					c.change(n)
				}
				o := probing
				o.Parts = []facts.Part{facts.Probing, facts.Mirrors}
				found, err := open(t, n.api).Probe(t.Context(), o)
				if err != nil || !c.holds(found) || len(found.Results) == 0 || len(n.left()) != 0 {
					t.Errorf("%v, %+v, %v; left %q", err, found.Mirrored, found.Blind, n.left())
				}
			})
		})
	}
}

// TestIssue asks cert-manager in the probe's own namespace, makes no pods for it, and tells its answers apart.
func TestIssue(t *testing.T) {
	status := func(ready, reason string) string {
		return fmt.Sprintf(`{"conditions":[{"type":"Ready","status":%q,"reason":%q,"message":"said\u001b[2J"}]}`, ready, reason)
	}
	create := func(code int, why metav1.StatusReason, text string) func(request) *http.Response {
		return func(r request) *http.Response {
			if r.method == http.MethodPost && strings.HasSuffix(r.path, "/issuers") {
				return refuse(code, why, text)
			}
			return nil
		}
	}
	for name, c := range map[string]struct {
		status string
		each   func(request) *http.Response
		holds  func(*facts.Issuance) bool
		none   bool // no namespace is made
	}{
		"it issues": {status: status("True", "Ready"), holds: func(i *facts.Issuance) bool { return i.Issued && i.Error == "" && i.Why == "" && i.Took > 0 }},
		"it does not": {status: status("False", "DoesNotExist"), holds: func(i *facts.Issuance) bool {
			return !i.Issued && i.Why == "" && strings.HasPrefix(i.Error, "not within 2m0s; the Certificate's Ready is False DoesNotExist: said") && !strings.Contains(i.Error, "\x1b")
		}},
		"it says nothing": {status: `{}`, holds: func(i *facts.Issuance) bool { return !i.Issued && strings.HasSuffix(i.Error, "Ready is (absent)") }},
		"it is not there": {each: create(http.StatusNotFound, metav1.StatusReasonNotFound, "the server could not find the requested resource"),
			holds: func(i *facts.Issuance) bool { return i.Absent && i.Why == "" && !i.Issued }},
		"its webhook is gone": {each: create(http.StatusInternalServerError, metav1.StatusReasonInternalError, `Internal error occurred: failed calling webhook "webhook.cert-manager.io": no endpoints`),
			holds: func(i *facts.Issuance) bool { return strings.Contains(i.Error, "no endpoints") && i.Why == "" }},
		"a quota": {each: create(http.StatusForbidden, metav1.StatusReasonForbidden, "exceeded quota: none"),
			holds: func(i *facts.Issuance) bool {
				return strings.Contains(i.Why, "the Issuer could not be made: forbidden: exceeded quota")
			}},
		"no rights": {each: func(r request) *http.Response {
			if !strings.Contains(r.path, "selfsubjectaccessreviews") {
				return nil
			}
			o := decode(r)
			o["status"] = map[string]any{"allowed": o["spec"].(map[string]any)["resourceAttributes"].(map[string]any)["group"] != "cert-manager.io"}
			return answered(http.StatusCreated, o)
		}, holds: func(i *facts.Issuance) bool {
			return strings.Contains(i.Why, "may not create issuers, create certificates")
		}, none: true},
	} {
		t.Run(name, func(t *testing.T) {
			inTime(t, func(t *testing.T) {
				n := probedCluster("infra-1")
				n.each = c.each
				taken := n.after
				n.after = func(r request) error {
					if r.method == http.MethodPost && strings.HasSuffix(r.path, "/certificates") {
						o := decode(r)
						time.AfterFunc(time.Second, func() {
							if c.status != "{}" {
								o["status"] = decode(request{body: c.status})
							}
							n.mu.Lock()
							defer n.mu.Unlock()
							n.store(r.path+"/"+issuedName, o)
						})
					}
					return taken(r)
				}
				o := probing
				o.Parts = []facts.Part{facts.Issuing}
				found, err := open(t, n.api).Probe(t.Context(), o)
				if err != nil || !c.holds(found.Issuance) || len(n.left()) != 0 {
					t.Errorf("%v, %+v; left %q", err, found.Issuance, n.left())
				}
				if made := len(n.asked("POST /api/v1/namespaces")); made != map[bool]int{false: 1}[c.none] {
					t.Errorf("%q", n.asked("POST"))
				}
			})
		})
	}
}
