package facts

import (
	"maps"
	"slices"
	"strings"
)

// partOf is the label by which Cilium's chart marks most of its pods; those of SPIRE, for one, do not have it.
const partOf = "app.kubernetes.io/part-of"

// Workloads tells the workloads of Cilium's release, and their pods, from those of others. The zero value knows none.
type Workloads struct {
	namespace string          // Cilium's
	ours      map[string]bool // "Kind/namespace/name"
	others    map[string]bool
}

// Workloads are those of f's release: of the baseline where f has one, so that they are the same from one look to the
// next. A workload is the release's if Helm's record has it or if its annotations name the release; in Cilium's own
// namespace one without such annotations is if it bears Cilium's label, as after an installation without Helm.
func (f Facts) Workloads() Workloads {
	l := &f.Live
	if f.Base != nil {
		l = f.Base
	}
	w := Workloads{namespace: f.Expect.Cilium.Namespace, ours: map[string]bool{}, others: map[string]bool{}}
	own := f.Expect.Cilium.Namespace + "/" + f.Expect.Cilium.Release
	for _, one := range slices.Concat(l.DaemonSets, l.Deployments, l.StatefulSets) {
		switch {
		case one.Release == own, one.Release == "" && one.Namespace == w.namespace && one.Labels[partOf] == "cilium":
			w.ours[one.Key()] = true
		case one.Release != "":
			w.others[one.Key()] = true
		}
	}
	for _, key := range f.Own {
		w.ours[key] = true
	}
	for _, key := range f.Accepted { // a workload among these is the release's, whatever the baseline has of it
		if kind, _, _ := strings.Cut(key, "/"); slices.Contains([]string{"DaemonSet", "Deployment", "StatefulSet"}, kind) {
			w.ours[key] = true
		}
	}
	if l.Release != nil {
		for _, key := range l.Release.Workloads {
			w.ours[key] = true
			delete(w.others, key)
		}
	}
	return w
}

// Plus is both together.
func (w Workloads) Plus(v Workloads) Workloads {
	out := Workloads{namespace: w.namespace, ours: map[string]bool{}, others: map[string]bool{}}
	if out.namespace == "" {
		out.namespace = v.namespace
	}
	for _, one := range []Workloads{w, v} {
		maps.Copy(out.ours, one.ours)
		maps.Copy(out.others, one.others)
	}
	return out
}

// Has tells whether a workload, "Kind/namespace/name", is the release's.
func (w Workloads) Has(key string) bool { return w.ours[key] }

// Pod tells whether a pod belongs to a workload of the release, and so runs for good: the pods of Jobs end. Where it is
// not known whose its workload is, a pod of Cilium's namespace is the release's if it bears Cilium's label.
func (w Workloads) Pod(p Pod) bool {
	if strings.HasPrefix(p.Owner, "Job/") {
		return false
	}
	key := p.Workload()
	switch {
	case w.ours[key]:
		return true
	case w.others[key]:
		return false
	}
	return p.Namespace == w.namespace && p.Labels[partOf] == "cilium"
}

// Pods are those of all that belong to a workload of the release, in their order.
func (w Workloads) Pods(all []Pod) []Pod {
	var own []Pod
	for _, p := range all {
		if w.Pod(p) {
			own = append(own, p)
		}
	}
	return own
}

// Keys are the workloads of the release, "Kind/namespace/name", in order.
func (w Workloads) Keys() []string { return slices.Sorted(maps.Keys(w.ours)) }

// Elsewhere are the namespaces other than Cilium's in which the release has workloads, in order.
func (w Workloads) Elsewhere() []string {
	var all []string
	for key := range w.ours {
		if parts := strings.Split(key, "/"); len(parts) == 3 && parts[1] != w.namespace && !slices.Contains(all, parts[1]) {
			all = append(all, parts[1])
		}
	}
	slices.Sort(all)
	return all
}

// Unlabelled tells whether the release has pods in Cilium's namespace that do not bear Cilium's label.
func (w Workloads) Unlabelled(all []Pod) bool {
	return slices.ContainsFunc(all, func(p Pod) bool {
		return p.Namespace == w.namespace && p.Labels[partOf] != "cilium" && w.Pod(p)
	})
}
