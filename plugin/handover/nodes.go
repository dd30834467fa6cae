package handover

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// placesOf tells one set of Cilium's running pods from another, place by place, so that nodes that come or go can be told
// apart from pods that were replaced: by each node's name a digest of the pods that are bound to it, and by the owner of
// pods that are bound to none, "ReplicaSet/name", where each of them is, as "node/digest" in their order.
func placesOf(f facts.Facts) map[string]string {
	bound, roaming := map[string][]string{}, map[string][]string{}
	for _, n := range f.Live.Nodes {
		bound[n.Name] = nil
	}
	for _, p := range ciliumPods(f) {
		line := podLine(p)
		if _, there := bound[p.Node]; there && p.Bound() {
			bound[p.Node] = append(bound[p.Node], line)
		} else if !p.Bound() {
			owner := or(p.Owner, p.Name)
			roaming[owner] = append(roaming[owner], p.Node+"/"+digest(line)[:12])
		}
	}
	out := map[string]string{}
	for node, lines := range bound {
		slices.Sort(lines)
		out[node] = digest(strings.Join(lines, "\n"))[:12]
	}
	for workload, pods := range roaming {
		slices.Sort(pods)
		out[moving+workload] = strings.Join(pods, " ")
	}
	return out
}

// moving heads the key of an owner whose pods are bound to no node; no node's name has a slash.
const moving = "pods of /"

// podLine is what tells a pod from another of its name, and from itself after a restart.
func podLine(p facts.Pod) string {
	line := p.Name + " " + p.UID
	for _, c := range p.Containers {
		line += fmt.Sprintf(" %s:%d", c.Name, c.Restarts)
	}
	return line
}

// kept is a world as journals have it: without the places of its pods, of which there are as many as nodes. A journal has
// the pods themselves.
func (s State) kept() State {
	s.Places = nil
	return s
}

// podsSince says in what the pods of a world differ from an earlier one's, on the nodes that both have.
func (s State) podsSince(was State) []string {
	if s.Pods == was.Pods {
		return nil
	}
	if was.Places == nil || s.Places == nil {
		return []string{"pods of Cilium were replaced or restarted, or nodes joined or left"}
	}
	var touched []string
	for _, key := range slices.Sorted(maps.Keys(was.Places)) {
		owner, roams := strings.CutPrefix(key, moving)
		now, there := s.Places[key]
		switch {
		case roams && !s.explains(was.Places[key], now):
			touched = append(touched, owner)
		case !roams && there && now != was.Places[key]:
			touched = append(touched, "node "+key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(s.Places)) {
		if owner, roams := strings.CutPrefix(key, moving); roams && was.Places[key] == "" {
			touched = append(touched, owner)
		}
	}
	if len(touched) == 0 {
		return nil
	}
	more := ""
	if len(touched) > 3 {
		touched, more = touched[:3], fmt.Sprintf(" and %d more", len(touched)-3)
	}
	return []string{"pods of Cilium were replaced or restarted: " + strings.Join(touched, ", ") + more}
}

// explains tells whether pods that are bound to no node differ only by those whose node has left: each may have another in
// its place.
func (s State) explains(was, now string) bool {
	before, after := strings.Fields(was), strings.Fields(now)
	left := 0
	for _, pod := range before {
		node, _, _ := strings.Cut(pod, "/")
		switch _, there := s.Places[node]; {
		case slices.Contains(after, pod):
		case there:
			return false
		default:
			left++
		}
	}
	fresh := 0
	for _, pod := range after {
		if !slices.Contains(before, pod) {
			fresh++
		}
	}
	return fresh <= left
}
