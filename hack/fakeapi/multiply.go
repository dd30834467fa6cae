package fakeapi

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// Multiplied is a recording with that many nodes, each with the pods that the first one has.
func Multiplied(f facts.Facts, nodes int) facts.Facts {
	if len(f.Live.Nodes) == 0 {
		return f
	}
	model := f.Live.Nodes[0]
	own := func(p facts.Pod) bool { return strings.HasPrefix(p.Owner, "DaemonSet/") }
	var each []facts.Pod
	for _, p := range f.Live.Pods {
		if p.Node == model.Name && own(p) {
			each = append(each, p)
		}
	}
	f.Live.Nodes = nil
	f.Live.Pods = slices.DeleteFunc(slices.Clone(f.Live.Pods), own)
	for i := range nodes {
		n := model
		n.Name = fmt.Sprintf("%s-%d", f.Cluster, i+1)
		n.InternalIP = fmt.Sprintf("10.%d.%d.%d", 100+i/62500, i/250%250, 1+i%250)
		n.PodCIDRs = []string{fmt.Sprintf("10.%d.%d.0/24", i/250, i%250)}
		f.Live.Nodes = append(f.Live.Nodes, n)
		for _, p := range each {
			p.Name, p.UID, p.Node = fmt.Sprintf("%s-%d", p.Name, i), fmt.Sprintf("%s-%d", p.UID, i), n.Name
			f.Live.Pods = append(f.Live.Pods, p)
		}
	}
	f.Live.DaemonSets = slices.Clone(f.Live.DaemonSets)
	for i := range f.Live.DaemonSets {
		w := &f.Live.DaemonSets[i]
		if w.Desired > 0 {
			w.Desired, w.Updated, w.Ready, w.Available = int32(nodes), int32(nodes), int32(nodes), int32(nodes)
		}
	}
	return f
}

// Superseded gives Cilium's release that many records in all, the newest of which is the recorded one.
func Superseded(f facts.Facts, records int) facts.Facts {
	newest := f.Live.Records[len(f.Live.Records)-1]
	f.Live.Records = nil
	for i := range records {
		r := newest
		r.Revision = i + 1
		r.Secret = fmt.Sprintf("sh.helm.release.v1.%s.v%d", r.Release, r.Revision)
		if i < records-1 {
			r.Status = "superseded"
		}
		f.Live.Records = append(f.Live.Records, r)
	}
	if f.Live.Release != nil {
		release := *f.Live.Release
		release.Revision = records
		f.Live.Release = &release
	}
	return f
}
