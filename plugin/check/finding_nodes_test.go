package check_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// fleetOf is a cluster of three nodes as it was, whose Deployments' pods say which Deployment they are of.
func fleetOf(t *testing.T) facts.Facts {
	t.Helper()
	f := healthy(t)
	for _, live := range []*facts.Live{&f.Live, f.Base} {
		for i := range live.Pods {
			if _, name, ok := strings.Cut(live.Pods[i].Owner, "ReplicaSet/"); ok {
				live.Pods[i].Labels["pod-template-hash"] = name[strings.LastIndex(name, "-")+1:]
			}
		}
	}
	return f
}

// leave takes a node out of the cluster, and the pods on it.
func leave(f *facts.Facts, node string) (pods []facts.Pod) {
	f.Live.Nodes = slices.DeleteFunc(f.Live.Nodes, func(n facts.Node) bool { return n.Name == node })
	f.Live.Pods = slices.DeleteFunc(f.Live.Pods, func(p facts.Pod) bool {
		if p.Node == node {
			pods = append(pods, p)
		}
		return p.Node == node
	})
	for i := range f.Live.DaemonSets {
		if w := &f.Live.DaemonSets[i]; w.Desired == 3 {
			w.Desired, w.Ready, w.Updated, w.Available = 2, 2, 2, 2
		}
	}
	return pods
}

// join adds a node and the DaemonSets' pods of it.
func join(f *facts.Facts, node string) {
	f.Live.Nodes = append(f.Live.Nodes, facts.Node{Name: node, Ready: true})
	for _, p := range slices.Clone(f.Live.Pods) {
		if p.Node == "infra-2" && p.Bound() {
			p.Name, p.UID, p.Node = p.Name+"-"+node, p.UID+"-"+node, node
			f.Live.Pods = append(f.Live.Pods, p)
		}
	}
	for i := range f.Live.DaemonSets {
		w := &f.Live.DaemonSets[i]
		w.Desired, w.Ready, w.Updated, w.Available = w.Desired+1, w.Ready+1, w.Updated+1, w.Available+1
	}
}

// movedTo schedules what left with its node elsewhere.
func movedTo(f *facts.Facts, node string, pods []facts.Pod) {
	for _, p := range pods {
		if !p.Bound() {
			p.Name, p.UID, p.Node = p.Name+"x", p.UID+"-moved", node
			f.Live.Pods = append(f.Live.Pods, p)
		}
	}
}

func pod(f *facts.Facts, name string) *facts.Pod {
	i := slices.IndexFunc(f.Live.Pods, func(p facts.Pod) bool { return strings.HasPrefix(p.Name, name) })
	return &f.Live.Pods[i]
}

// TestFinding_M19_NodesComeAndGo: what nodes that join or leave explain is no disturbance, and is counted; on every node
// that stays each pod is judged strictly.
func TestFinding_M19_NodesComeAndGo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*facts.Facts)
		want   map[check.ID]check.Outcome // those that do not pass
		says   string                     // of CG401
	}{
		"nothing": {func(*facts.Facts) {}, nil, "9 of 9 pods untouched"},
		"one joined": {
			func(f *facts.Facts) { join(f, "new") }, nil, "9 of 9 pods on 3 nodes untouched; 1 node joined",
		},
		"one joined, and is not ready yet": {func(f *facts.Facts) {
			join(f, "new")
			f.Live.Nodes[3].Ready = false
			pod(f, "cilium-b9wqd-new").Ready = false
			f.Live.DaemonSets[0].Ready--
		}, nil, "1 node joined"},
		"one joined, its pod on no node yet": {func(f *facts.Facts) {
			join(f, "new")
			pod(f, "cilium-b9wqd-new").Node = ""
		}, nil, "1 node joined"},
		"one left": {func(f *facts.Facts) {
			movedTo(f, "infra-2", leave(f, "infra-1"))
		}, nil, "6 of 6 pods on 2 nodes untouched; 1 node left, 1 pod moved off a node that is gone"},
		"one left, one joined": {func(f *facts.Facts) {
			gone := leave(f, "infra-1")
			join(f, "new")
			movedTo(f, "new", gone)
		}, nil, "6 of 6 pods on 2 nodes untouched; 1 node joined, 1 left, 1 pod moved"},
		"one left, its operator not ready elsewhere yet": {func(f *facts.Facts) {
			leave(f, "infra-1")
			f.Live.Deployments[0].Ready--
		}, map[check.ID]check.Outcome{"CG402": check.Warn}, "1 node left"},
		"one left, and another operator went": {func(f *facts.Facts) {
			movedTo(f, "infra-2", leave(f, "infra-1"))
			pod(f, "cilium-operator-5d4c8bf6c7-b9wqd").UID = "another"
		}, map[check.ID]check.Outcome{"CG401": check.Fail}, ""},
		"one left, and its operator came back of another template": {func(f *facts.Facts) {
			movedTo(f, "infra-2", leave(f, "infra-1"))
			p := pod(f, "cilium-operator-5d4c8bf6c7-7xk2px")
			p.Owner, p.Labels = "ReplicaSet/cilium-operator-77",
				map[string]string{"app.kubernetes.io/part-of": "cilium", "pod-template-hash": "77"}
		}, map[check.ID]check.Outcome{"CG401": check.Fail}, ""},
		"one left, and an agent elsewhere was replaced": {func(f *facts.Facts) {
			movedTo(f, "infra-2", leave(f, "infra-1"))
			pod(f, "cilium-zt5mh").UID = "another"
		}, map[check.ID]check.Outcome{"CG401": check.Fail}, ""},
		"one joined, and hides one that is not ready": {func(f *facts.Facts) {
			join(f, "new")
			pod(f, "cilium-zt5mh").Ready = false
			f.Live.DaemonSets[0].Ready--
		}, map[check.ID]check.Outcome{"CG402": check.Fail}, ""},
		"drained, and still there": {func(f *facts.Facts) {
			node := f.Live.Nodes[0]
			gone := leave(f, "infra-1")
			f.Live.Nodes = append(f.Live.Nodes, node)
			movedTo(f, "infra-2", gone)
		}, map[check.ID]check.Outcome{"CG401": check.Fail, "CG402": check.Fail}, ""},
		"one more operator": {func(f *facts.Facts) {
			join(f, "new")
			p := *pod(f, "cilium-operator")
			p.Name, p.UID, p.Node = "cilium-operator-3", "third", "new"
			f.Live.Pods = append(f.Live.Pods, p)
		}, map[check.ID]check.Outcome{"CG401": check.Fail}, ""},
		"a node that is not ready": {func(f *facts.Facts) {
			f.Live.Nodes[1].Ready = false
		}, map[check.ID]check.Outcome{"CG404": check.Fail}, ""},
		"all left": {func(f *facts.Facts) {
			join(f, "new")
			for _, n := range []string{"infra-1", "infra-2", "infra-3"} {
				leave(f, n)
			}
		}, map[check.ID]check.Outcome{"CG401": check.Unknown, "CG404": check.Unknown}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := fleetOf(t)
			c.change(&f)
			for _, id := range []check.ID{"CG401", "CG402", "CG404"} {
				v := run(byID(t, id), f)
				if v.Outcome != c.want[id] {
					t.Errorf("%s: %s, want %s: %s %v", id, v.Outcome, c.want[id], v.Reason, v.Evidence)
				}
				if id == "CG401" && !strings.Contains(v.Reason, c.says) {
					t.Errorf("says %q, want %q", v.Reason, c.says)
				}
			}
		})
	}
}
