package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// restartWindow is how long a restart is worth a warning.
const restartWindow = 24 * time.Hour

func workloadChecks() []Check {
	return []Check{{
		ID: "CG104", Phase: Bootstrap, AC: "AC-1",
		Title:  "DaemonSet cilium is rolled out on every node",
		Hint:   "See which pods are behind: kubectl -n kube-system rollout status ds/cilium; kubectl -n kube-system get pods -l k8s-app=cilium -o wide.",
		About:  "An agent on every node, all of the present template: observedGeneration is current and desired, updated, ready and available agree with the number of nodes. A DaemonSet of 0/0 is not healthy, whatever a health check of Flux says of it.",
		Manual: "kubectl -n kube-system get ds cilium -o wide",
		Needs:  []facts.Part{facts.DaemonSets, facts.Nodes},
		Judge:  judgeAgentDaemonSet,
	}, {
		ID: "CG105", Phase: Bootstrap, AC: "AC-1",
		Title:  "every node runs one ready agent",
		Hint:   "Look at the agent of that node: kubectl -n kube-system describe pod POD; kubectl -n kube-system logs POD -c cilium-agent --previous.",
		About:  "Counts can agree while a node has none and another has two. This looks node by node.",
		Manual: "kubectl -n kube-system get pods -l k8s-app=cilium -o wide",
		Needs:  []facts.Part{facts.Pods, facts.Nodes},
		Judge:  judgeAgentPerNode,
	}, {
		ID: "CG106", Phase: Bootstrap, AC: "AC-1",
		Title:  "no container of Cilium restarted in the last 24 hours",
		Hint:   "Find out why before handing over: kubectl -n kube-system logs POD -c CONTAINER --previous.",
		About:  "A handover is judged by restarts that do not happen. Restarts that were happening anyway must be known beforehand.",
		Manual: "kubectl -n kube-system get pods -l app.kubernetes.io/part-of=cilium",
		Needs:  []facts.Part{facts.Pods},
		Judge:  judgeRestarts,
	}, {
		ID: "CG107", Phase: Bootstrap, AC: "AC-1",
		Title:  "Deployment cilium-operator is rolled out",
		Hint:   "See why its pods are not ready: kubectl -n kube-system describe deploy cilium-operator. Two replicas on one node never become ready; set operator.replicas.",
		About:  "The operator creates Cilium's CRDs, hands out identities and runs Gateway API. While it is not whole an adoption times out and looks failed.",
		Manual: "kubectl -n kube-system get deploy cilium-operator",
		Needs:  []facts.Part{facts.Deployments},
		Judge: func(f facts.Facts) Verdict {
			return judgeDeployment(f, f.Expect.Cilium.Operator)
		},
	}, {
		ID: "CG129", Phase: Bootstrap, AC: "AC-1",
		Title:  "DaemonSet cilium-envoy is rolled out where there is one",
		Hint:   "See which pods are behind: kubectl -n kube-system rollout status ds/cilium-envoy.",
		About:  "From 1.16 Envoy runs beside the agent. Gateway API and layer 7 policy go through it.",
		Manual: "kubectl -n kube-system get ds cilium-envoy",
		Needs:  []facts.Part{facts.DaemonSets},
		Judge:  judgeEnvoy,
	}}
}

// rollout compares what a workload has with what it wants.
func rollout(w facts.Workload, desired int32) findings {
	var n findings
	where := place(w.Namespace, w.Kind, w.Name)
	if w.ObservedGeneration < w.Generation {
		n.failed(where+" observedGeneration", fmt.Sprint(w.ObservedGeneration), fmt.Sprint(w.Generation))
	}
	for _, c := range []struct {
		name string
		got  int32
	}{{"desired", w.Desired}, {"updated", w.Updated}, {"ready", w.Ready}, {"available", w.Available}} {
		if c.got != desired {
			n.failed(where+" "+c.name, fmt.Sprint(c.got), fmt.Sprint(desired))
		}
	}
	if w.Total > w.Updated { // a Deployment's ready pods may be those of the old template
		n.failed(where+" pods of an older template", fmt.Sprint(w.Total-w.Updated), "0")
	}
	return n
}

func judgeAgentDaemonSet(f facts.Facts) Verdict {
	name := f.Expect.Cilium.DaemonSet
	ds, ok := daemonSet(f, f.Expect.Cilium.Namespace, name)
	if !ok {
		return fail("there is no DaemonSet "+name,
			Evidence{place(f.Expect.Cilium.Namespace, "DaemonSet", name), "not found", "a DaemonSet"})
	}
	if len(f.Live.Nodes) == 0 || ds.Desired == 0 {
		return fail("DaemonSet "+name+" is wanted on no node", Evidence{place(ds.Namespace, ds.Kind, ds.Name) + " desired", fmt.Sprint(ds.Desired), "every node"})
	}
	n := rollout(ds, int32(len(f.Live.Nodes)))
	return n.verdict(fmt.Sprintf("%d of %d", ds.Ready, len(f.Live.Nodes)), "DaemonSet "+name+" is not whole")
}

func judgeDeployment(f facts.Facts, name string) Verdict {
	d, ok := deployment(f, f.Expect.Cilium.Namespace, name)
	if !ok {
		return fail("there is no Deployment "+name,
			Evidence{place(f.Expect.Cilium.Namespace, "Deployment", name), "not found", "a Deployment"})
	}
	if d.Desired == 0 {
		return fail("Deployment "+name+" is scaled to nothing",
			Evidence{place(d.Namespace, d.Kind, d.Name) + " replicas", "0", "at least 1"})
	}
	n := rollout(d, d.Desired)
	return n.verdict(fmt.Sprintf("%d of %d", d.Ready, d.Desired), "Deployment "+name+" is not whole")
}

func judgeEnvoy(f facts.Facts) Verdict {
	ds, ok := daemonSet(f, f.Expect.Cilium.Namespace, "cilium-envoy")
	if !ok {
		return skip("no DaemonSet cilium-envoy: Envoy runs inside the agent or not at all")
	}
	n := rollout(ds, ds.Desired)
	if ds.Desired == 0 {
		n.failed(place(ds.Namespace, ds.Kind, ds.Name)+" desired", "0", "at least 1")
	}
	return n.verdict(fmt.Sprintf("%d of %d", ds.Ready, ds.Desired), "DaemonSet cilium-envoy is not whole")
}

func judgeAgentPerNode(f facts.Facts) Verdict {
	byNode := map[string][]facts.Pod{}
	for _, p := range agentPods(f) {
		if !p.Deleting {
			byNode[p.Node] = append(byNode[p.Node], p)
		}
	}
	if len(f.Live.Nodes) == 0 {
		return fail("the cluster has no nodes", Evidence{"nodes", "0", "at least 1"})
	}
	var n findings
	for _, node := range f.Live.Nodes {
		pods := byNode[node.Name]
		switch {
		case len(pods) != 1:
			n.failed(node.Name+" agents", fmt.Sprint(len(pods)), "1")
		case !pods[0].Ready:
			n.failed(node.Name+" "+pods[0].Name, unreadiness(pods[0]), "Ready")
		}
	}
	return n.verdict("one ready agent on each of "+count(len(f.Live.Nodes), "node"),
		some(len(n.fail), len(f.Live.Nodes), "node")+" without its one ready agent")
}

// unreadiness words why a pod is not ready, as far as the pod says.
func unreadiness(p facts.Pod) string {
	words := []string{"not ready", p.Phase}
	if p.Reason != "" {
		words = append(words, p.Reason)
	}
	for _, c := range p.Containers {
		if c.Waiting != "" {
			words = append(words, c.Name+": "+c.Waiting)
		}
	}
	return strings.Join(words, ", ")
}

func judgeRestarts(f facts.Facts) Verdict {
	var n findings
	pods := 0
	own := f.Workloads()
	for _, p := range f.Live.Pods {
		if p.Labels["app.kubernetes.io/part-of"] != "cilium" && !own.Pod(p) {
			continue
		}
		pods++
		for _, c := range p.Containers {
			last := c.LastEnded
			if last.IsZero() {
				last = c.Started
			}
			if c.Restarts > 0 && (last.IsZero() || f.Taken.Sub(last) < restartWindow) {
				n.warned(p.Node+" "+p.Name+" "+c.Name,
					fmt.Sprintf("%d restarts, last %s %s", c.Restarts, stamp(last), c.LastReason), "none since "+stamp(f.Taken.Add(-restartWindow)))
			}
		}
	}
	if pods == 0 {
		n.unseen("pods with app.kubernetes.io/part-of=cilium", "there are none to look at")
	}
	return n.verdict("none of "+count(pods, "pod"), count(len(n.warn), "container")+" restarted")
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "(unknown)"
	}
	return t.UTC().Format("2006-01-02 15:04:05Z")
}
