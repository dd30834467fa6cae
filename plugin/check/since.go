package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Pods counts what became of Cilium's pods since a baseline, and of its nodes.
type Pods struct {
	Before   int // of the baseline, on nodes that are still there
	Same     int // of these, as they were
	Accepted int // of these, others, as somebody accepted by name
	Left     int // of the baseline, gone with their node
	Moved    int // of a Deployment, in place of one that left with its node
	New      int // on nodes that have joined

	Nodes, NodesLeft,
	NodesJoined int // nodes of the baseline that are still there; those that are not; those that are new

	changes, accepted, explained []Evidence
}

// Since compares Cilium's pods with those of f's baseline. Pods that left with their node, and pods on nodes that joined,
// are no changes; on every other node each pod has to be what it was. Where nobody looked at nodes, then or now, none is
// taken to have left or joined.
func Since(f facts.Facts) Pods {
	var n Pods
	if f.Base == nil {
		return n
	}
	nodes := nodesSince(f)
	n.Nodes, n.NodesLeft, n.NodesJoined = nodes.stayed, len(nodes.left), len(nodes.joined)
	own := f.Workloads()
	before, now := lasting(own, f.Base.Pods), lasting(own, f.Live.Pods)
	leftOf := map[string]int{} // by owner: another template has another ReplicaSet
	for _, uid := range slices.Sorted(maps.Keys(before)) {
		was := before[uid]
		if nodes.left[was.Node] {
			n.Left++
			leftOf[was.Owner]++
			continue
		}
		n.Before++
		is, there := now[uid]
		switch changed := changedPod(was, is, there); {
		case len(changed) == 0:
			n.Same++
		case f.Accepts(was.Workload()):
			n.Accepted++
			n.accepted = append(n.accepted, changed...)
		default:
			n.changes = append(n.changes, changed...)
		}
	}
	for _, uid := range slices.Sorted(maps.Keys(now)) {
		if _, there := before[uid]; !there {
			n.newPod(f, nodes, leftOf, now[uid])
		}
	}
	return n
}

// newPod tells what a pod is that the baseline lacks. One that is bound to a node and not placed yet is on none.
func (n *Pods) newPod(f facts.Facts, nodes nodeChanges, leftOf map[string]int, p facts.Pod) {
	e := Evidence{"Pod/" + p.Namespace + "/" + p.Name, "new since the baseline", "the pods of the baseline"}
	switch {
	case p.Bound() && nodes.known && (p.Node == "" || !nodes.before[p.Node]):
		n.New++
	case !p.Bound() && leftOf[p.Owner] > 0:
		leftOf[p.Owner]--
		n.Moved++
		e.Got, e.Want = "new, in place of one whose node is gone", ""
		n.explained = append(n.explained, e)
	case f.Accepts(p.Workload()):
		n.accepted = append(n.accepted, e)
	default:
		n.changes = append(n.changes, e)
	}
}

// changedPod is in what a pod of the baseline is another; none where it is what it was.
func changedPod(was, is facts.Pod, there bool) []Evidence {
	where := "Pod/" + was.Namespace + "/" + was.Name
	switch {
	case !there:
		return []Evidence{{where, "gone or replaced", "UID " + was.UID}}
	case is.Deleting && !was.Deleting:
		return []Evidence{{where, "being deleted", "left alone"}}
	}
	return restarts(where, was, is)
}

// Words is what the counts say: "11 of 11 pods on 3 nodes untouched; 1 node joined, 1 left".
func (n Pods) Words() string {
	on := ""
	if n.NodesLeft+n.NodesJoined > 0 {
		on = " on " + count(n.Nodes, "node")
	}
	text := fmt.Sprintf("%d of %s%s untouched", n.Same, count(n.Before, "pod"), on)
	if n.Accepted > 0 {
		text += fmt.Sprintf(", %d replaced as accepted", n.Accepted)
	}
	if on != "" {
		text += "; " + n.nodeWords()
	}
	return text
}

// nodeWords is which nodes and pods came and went; empty where none did.
func (n Pods) nodeWords() string {
	var all []string
	if n.NodesJoined > 0 {
		all = append(all, count(n.NodesJoined, "node")+" joined")
	}
	if n.NodesLeft > 0 {
		noun := ""
		if n.NodesJoined == 0 {
			noun = count(n.NodesLeft, "node")[len(fmt.Sprint(n.NodesLeft)):]
		}
		all = append(all, fmt.Sprintf("%d%s left", n.NodesLeft, noun))
	}
	if n.Moved > 0 {
		all = append(all, count(n.Moved, "pod")+" moved off a node that is gone")
	}
	return strings.Join(all, ", ")
}

// PodChanges are Cilium's pods that are not as they were at f's baseline, and that neither somebody accepted to be others
// nor a node explains that left or joined: gone, replaced, or with a container that restarted. Pods of Jobs, which end, do
// not count.
func PodChanges(f facts.Facts) []Evidence { return Since(f).changes }

// nodeChanges are the nodes of a baseline, those of them that are gone, and those that have joined since.
type nodeChanges struct {
	before, left, joined map[string]bool
	stayed               int
	known                bool // both sides have nodes
}

func nodesSince(f facts.Facts) nodeChanges {
	n := nodeChanges{before: map[string]bool{}, left: map[string]bool{}, joined: map[string]bool{}}
	if n.known = len(f.Base.Nodes) > 0 && len(f.Live.Nodes) > 0; !n.known {
		return n
	}
	now := map[string]bool{}
	for _, node := range f.Live.Nodes {
		now[node.Name] = true
	}
	for _, node := range f.Base.Nodes {
		n.before[node.Name] = true
		if now[node.Name] {
			n.stayed++
		} else {
			n.left[node.Name] = true
		}
	}
	for name := range now {
		if !n.before[name] {
			n.joined[name] = true
		}
	}
	return n
}

func judgeUntouched(f facts.Facts) Verdict {
	if f.Base == nil {
		return noBaseline()
	}
	n := Since(f)
	switch {
	case n.Before+n.Left == 0:
		return unknown("the baseline has no pod of Cilium", Evidence{Where: "baseline pods", Got: "none"})
	case len(n.changes) > 0:
		return fail("pods of Cilium are not those of the baseline", n.changes...)
	case n.Before == 0:
		return unknown("no pod of the baseline is left to compare", Evidence{Where: "nodes of the baseline",
			Got: "all gone"})
	}
	text := fmt.Sprintf("%d of %s untouched", n.Same, count(n.Before, "pod"))
	if n.NodesLeft+n.NodesJoined > 0 {
		text = fmt.Sprintf("%d of %s on %s untouched; %s", n.Same, count(n.Before, "pod"), count(n.Nodes, "node"),
			n.nodeWords())
	}
	if len(n.accepted) > 0 {
		text += fmt.Sprintf("; %d are others, as was accepted of %s", n.Accepted, strings.Join(f.Accepted, ", "))
	}
	v := pass("%s", text)
	v.Evidence = slices.Concat(n.accepted, n.explained)
	return v
}

func judgeReadiness(f facts.Facts) Verdict {
	if f.Base == nil {
		return noBaseline()
	}
	var n findings
	nodes := nodesSince(f)
	compared := 0
	own := f.Workloads()
	live := map[string][]facts.Workload{"DaemonSet": f.Live.DaemonSets, "Deployment": f.Live.Deployments,
		"StatefulSet": f.Live.StatefulSets}
	for _, was := range slices.Concat(f.Base.DaemonSets, f.Base.Deployments, f.Base.StatefulSets) {
		if !own.Has(was.Key()) {
			continue
		}
		compared++
		is, there := workload(live[was.Kind], was.Namespace, was.Name)
		n.readiness(f, nodes, was, is, there)
	}
	if compared == 0 {
		n.unseen("baseline workloads", "none")
	}
	return n.verdict(count(compared, "workload")+" as ready as before",
		"a workload of Cilium has fewer ready pods than at the baseline")
}

// readiness compares one workload with what it was.
func (n *findings) readiness(f facts.Facts, nodes nodeChanges, was, is facts.Workload, there bool) {
	where := place(was.Namespace, was.Kind, was.Name)
	accepted := f.Accepts(was.Key())
	left, coming := nodes.readyOf(f, was)
	switch {
	case !there && accepted && !Vital(f, was):
	case !there:
		n.failed(where, "not found", "as at the baseline")
	case is.Desired == 0 && was.Desired > 0 && Vital(f, was):
		n.failed(where+" desired", "0", fmt.Sprint(was.Desired))
	case accepted && int(is.Ready)+coming < int(is.Desired):
		n.failed(where+" ready", fmt.Sprint(is.Ready), fmt.Sprint(is.Desired))
	case accepted:
	case int(is.Ready)+left < int(was.Ready):
		n.failed(where+" ready", fmt.Sprint(is.Ready), fmt.Sprint(int(was.Ready)-left))
	case is.Ready < was.Ready && was.Kind != "DaemonSet":
		n.warned(where+" ready", fmt.Sprintf("%d, until what left with its node is ready elsewhere", is.Ready),
			fmt.Sprint(was.Ready))
	case left > 0 || len(nodes.joined) > 0:
		n.unready(f, nodes, was)
	}
}

// readyOf counts a workload's pods that were ready and left with their node, and those that are not ready yet on nodes that
// have joined.
func (n nodeChanges) readyOf(f facts.Facts, w facts.Workload) (left, coming int) {
	id := w.Key()
	for _, p := range f.Base.Pods {
		if p.Ready && n.left[p.Node] && p.Workload() == id {
			left++
		}
	}
	for _, p := range f.Live.Pods {
		if !p.Ready && n.known && !n.before[p.Node] && p.Bound() && p.Workload() == id {
			coming++
		}
	}
	return left, coming
}

// unready finds pods that were ready and are not, where new ones on other nodes would make up for them in number.
func (n *findings) unready(f facts.Facts, nodes nodeChanges, w facts.Workload) {
	id := w.Key()
	now := lasting(f.Workloads(), f.Live.Pods)
	for _, was := range f.Base.Pods {
		if is, there := now[was.UID]; there && was.Ready && !is.Ready && !nodes.left[was.Node] && was.Workload() == id {
			n.failed("Pod/"+was.Namespace+"/"+was.Name+" ready", "false", "true")
		}
	}
}

func judgeNodesSince(f facts.Facts) Verdict {
	if f.Base == nil {
		return noBaseline()
	}
	var n findings
	ready, wanted := 0, 0
	for _, was := range f.Base.Nodes {
		i := slices.IndexFunc(f.Live.Nodes, func(is facts.Node) bool { return is.Name == was.Name })
		switch {
		case !was.Ready || i < 0:
			continue
		case !f.Live.Nodes[i].Ready:
			n.failed("Node/"+was.Name, "not ready "+f.Live.Nodes[i].Reason, "ready")
		default:
			ready++
		}
		wanted++
	}
	if wanted == 0 {
		n.unseen("nodes that were ready at the baseline", "none is there any more")
	}
	text := count(ready, "node") + " ready"
	nodes := nodesSince(f)
	if more := (Pods{NodesLeft: len(nodes.left), NodesJoined: len(nodes.joined)}).nodeWords(); more != "" {
		text += "; " + more
	}
	return n.verdict(text, "a node is not ready any more")
}
