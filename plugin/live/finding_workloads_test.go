package live

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

const spireManifest = `---
# Source: cilium/templates/spire/agent/daemonset.yaml
apiVersion: apps/v1
kind: DaemonSet
metadata:
  name: spire-agent
  namespace: cilium-spire
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: spire-server
  namespace: cilium-spire
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: store
`

// withSpire is a server whose release has workloads in cilium-spire, and a StatefulSet whose pods have no label of Cilium's.
func withSpire(t *testing.T) *apiServer {
	t.Helper()
	s := newServer(t)
	raw, err := json.Marshal(spireManifest)
	if err != nil {
		t.Fatal(err)
	}
	record := *secret(zipped(t, []byte(strings.Replace(helm3, `"manifest":"password: `+canary+`"`, `"manifest":`+string(raw), 1))))
	record.TypeMeta = metav1.TypeMeta{Kind: "Secret", APIVersion: "v1"}
	s.answers[recordPath] = object(record)
	in := func(namespace, name string) metav1.ObjectMeta {
		return metav1.ObjectMeta{Namespace: namespace, Name: name, Annotations: map[string]string{
			"meta.helm.sh/release-name": "cilium", "meta.helm.sh/release-namespace": "kube-system",
		}}
	}
	ownedBy := func(namespace, name, kind, owner string) core.Pod {
		yes := true
		return core.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, OwnerReferences: []metav1.OwnerReference{{
			Kind: kind, Name: owner, Controller: &yes,
		}}}}
	}
	s.answers[daemonSetsPath] = object(list("DaemonSetList", "apps/v1",
		apps.DaemonSet{ObjectMeta: in("kube-system", "cilium")}, apps.DaemonSet{ObjectMeta: in("cilium-spire", "spire-agent")}))
	s.answers[podsPath] = object(list("PodList", "v1", core.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "kube-system", Name: "cilium-1", Labels: map[string]string{"k8s-app": "cilium"},
	}}, ownedBy("kube-system", "store-0", "StatefulSet", "store"), ownedBy("kube-system", "etcd-0", "StatefulSet", "etcd")))
	s.answers[spirePods] = object(list("PodList", "v1",
		ownedBy("cilium-spire", "spire-server-0", "StatefulSet", "spire-server"), ownedBy("cilium-spire", "spire-agent-1", "DaemonSet", "spire-agent"),
		ownedBy("cilium-spire", "postgres-0", "StatefulSet", "postgres")))
	s.answers["/apis/apps/v1/namespaces/cilium-spire/deployments"] = object(list("DeploymentList", "apps/v1"))
	s.answers[spireSets] = object(list("StatefulSetList", "apps/v1",
		apps.StatefulSet{ObjectMeta: in("cilium-spire", "spire-server"), Status: apps.StatefulSetStatus{ReadyReplicas: 1}},
		apps.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "cilium-spire", Name: "postgres"}}))
	s.answers["/apis/apps/v1/namespaces/kube-system/statefulsets"] = object(list("StatefulSetList", "apps/v1",
		apps.StatefulSet{ObjectMeta: in("kube-system", "store")}, apps.StatefulSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "etcd"}}))
	return s
}

const (
	spirePods = "/api/v1/namespaces/cilium-spire/pods"
	spireSets = "/apis/apps/v1/namespaces/cilium-spire/statefulsets"
)

func TestFinding_H5_EveryWorkloadOfTheRelease(t *testing.T) {
	s := withSpire(t)
	f := gather(t, s, options(facts.DaemonSets, facts.Deployments, facts.Pods, facts.Release))
	if len(f.Blind) > 0 {
		t.Fatalf("blind: %v", f.Blind)
	}
	var got []string
	for _, w := range slices.Concat(f.Live.DaemonSets, f.Live.StatefulSets) {
		got = append(got, fmt.Sprint(w.Key(), " ", w.Ready))
	}
	for _, p := range f.Live.Pods {
		got = append(got, "Pod/"+podKey(p))
	}
	want := []string{
		"DaemonSet/cilium-spire/spire-agent 0", "DaemonSet/kube-system/cilium 0", "StatefulSet/cilium-spire/spire-server 1", "StatefulSet/kube-system/store 0",
		"Pod/cilium-spire/spire-agent-1", "Pod/cilium-spire/spire-server-0", "Pod/kube-system/cilium-1", "Pod/kube-system/store-0",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if !f.Workloads().Unlabelled(f.Live.Pods) {
		t.Error("the release's pods without Cilium's label are not known")
	}
}

// TestFinding_H5_WithoutTheRecord: the annotations of DaemonSets tell of a namespace, too, and what is known beforehand.
func TestFinding_H5_WithoutTheRecord(t *testing.T) {
	f := gather(t, withSpire(t), options(facts.DaemonSets, facts.Pods))
	if n := len(f.Live.Pods); n != 2 { // the agents of both namespaces
		t.Errorf("%d pods: %+v", n, f.Live.Pods)
	}
	all := gather(t, withSpire(t), options(facts.DaemonSets, facts.Deployments, facts.Pods, facts.Release))
	o := options(facts.Pods)
	o.Workloads = all.Workloads()
	if f := gather(t, withSpire(t), o); len(f.Live.Pods) != 4 {
		t.Errorf("%d pods: %+v", len(f.Live.Pods), f.Live.Pods)
	}
}

// TestFinding_H5_ForbiddenElsewhere: pods that may not be listed are no pods that do not exist.
func TestFinding_H5_ForbiddenElsewhere(t *testing.T) {
	s := withSpire(t)
	s.answers[spirePods], s.answers[spireSets] = forbid("list", "pods"), forbid("list", "statefulsets")
	f := gather(t, s, options(facts.DaemonSets, facts.Deployments, facts.Pods, facts.Release))
	for part, what := range map[facts.Part]string{facts.Pods: `cannot list resource "pods"`, facts.Deployments: `cannot list resource "statefulsets"`} {
		if !strings.Contains(f.Blind[part], what) || slices.Contains(f.Seen, part) {
			t.Errorf("%s: blind %q, seen %v", part, f.Blind[part], f.Seen)
		}
	}
}
