package compare

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// soon is how long a certificate must be good for to be like the others.
const soon = 30 * 24 * time.Hour

func versionsOf(f facts.Facts) map[string]any {
	out := map[string]any{}
	if r := f.Live.Release; r != nil {
		out["chart"], out["app"] = plainVersion(r.ChartVersion), r.AppVersion
	}
	for _, w := range slices.Concat(f.Live.DaemonSets, f.Live.Deployments) {
		if w.Namespace == f.Expect.Cilium.Namespace && isCiliums(w.Name) {
			out["images "+w.Kind+"/"+w.Name] = strings.Join(w.Images, ", ")
		}
	}
	for _, a := range f.Live.Agents {
		if a.Unread == "" {
			add(out, "agents", a.Version)
		}
	}
	for _, p := range f.Live.Pods {
		for _, c := range p.Containers {
			if c.Name == "cilium-agent" || c.Name == "cilium-operator" {
				add(out, "running "+c.Name, c.Image)
			}
		}
	}
	return out
}

// add joins words under a key, each once and sorted.
func add(out map[string]any, key, word string) {
	words, _ := out[key].(string)
	all := strings.Split(words, ", ")
	if words == "" {
		all = nil
	}
	if !slices.Contains(all, word) {
		all = append(all, word)
		slices.Sort(all)
	}
	out[key] = strings.Join(all, ", ")
}

func isCiliums(name string) bool {
	return strings.HasPrefix(name, "cilium") || strings.HasPrefix(name, "hubble") || strings.HasPrefix(name, "clustermesh")
}

func versionPart(path string) facts.Part {
	switch {
	case path == "agents":
		return facts.Agents
	case strings.HasPrefix(path, "images DaemonSet/"):
		return facts.DaemonSets
	case strings.HasPrefix(path, "images "):
		return facts.Deployments
	case strings.HasPrefix(path, "running "):
		return facts.Pods
	}
	return facts.Release
}

func featuresOf(f facts.Facts) map[string]any {
	out := map[string]any{}
	for _, l := range check.Levels(f) {
		for level, text := range map[string]string{"declared": l.Declared, "configured": l.Configured, "effective": l.Effective} {
			if text != "" {
				out[l.Feature+" "+level] = text
			}
		}
	}
	return out
}

func featurePart(path string) facts.Part {
	feature, level, _ := strings.Cut(path, " ")
	switch {
	case level == "declared":
		return facts.Release
	case level == "configured":
		return facts.Config
	case feature == "gateway-api":
		return facts.GatewayClasses
	case feature == "prometheus":
		return facts.ServiceMonitors
	}
	return facts.Agents
}

// objectsOf is whether objects are there and well, in words that do not say how many nodes there are.
func objectsOf(f facts.Facts) map[string]any {
	out := map[string]any{}
	for _, w := range slices.Concat(f.Live.DaemonSets, f.Live.Deployments) {
		out[w.Kind+" "+w.Namespace+"/"+w.Name] = readiness(w)
	}
	for _, n := range f.Live.Nodes {
		word := "Ready"
		if !n.Ready {
			word = "not Ready"
		}
		add(out, "Node", word)
	}
	for _, c := range f.Live.CRDs {
		out["CRD "+c.Name] = strings.TrimSpace(c.Bundle + " " + c.Channel + " " + c.Schema)
	}
	for _, c := range f.Live.GatewayClasses {
		word := "not accepted"
		if c.Accepted != nil && c.Accepted.Status == "True" {
			word = "accepted"
		}
		out["GatewayClass "+c.Name] = word
	}
	for _, c := range f.Live.Certificates {
		out["Certificate "+c.Secret+" "+c.Key] = validity(c, f.Taken)
	}
	for _, r := range f.Live.Records {
		newest(out, "Helm release "+r.Namespace+"/"+r.Release, r, f.Live.Records)
	}
	for _, a := range f.Live.Agents {
		add(out, "Agent", agentState(a))
	}
	return out
}

func readiness(w facts.Workload) string {
	if w.Desired > 0 && w.Ready >= w.Desired {
		return "ready"
	}
	return fmt.Sprintf("%d of %d ready", w.Ready, w.Desired)
}

func validity(c facts.Certificate, now time.Time) string {
	switch {
	case c.Broken != "":
		return "unreadable: " + c.Broken
	case now.Before(c.NotBefore):
		return "not valid yet"
	case now.After(c.NotAfter):
		return "expired"
	case now.Add(soon).After(c.NotAfter):
		return "expires soon"
	}
	return "valid"
}

// newest notes the status of a release's newest record.
func newest(out map[string]any, key string, r facts.Record, all []facts.Record) {
	for _, other := range all {
		if other.Namespace == r.Namespace && other.Release == r.Release && other.Revision > r.Revision {
			return
		}
	}
	out[key] = r.Status
}

func agentState(a facts.Agent) string {
	switch {
	case a.Unread != "":
		return "no answer"
	case a.Cilium.State != "Ok":
		return a.Cilium.State
	case a.Kubernetes.State != "Ok":
		return "Kubernetes " + a.Kubernetes.State
	case len(a.Stale) > 0:
		return "stale"
	}
	return "Ok"
}

func objectPart(path string) facts.Part {
	kind, _, _ := strings.Cut(path, " ")
	return map[string]facts.Part{
		"DaemonSet": facts.DaemonSets, "Deployment": facts.Deployments, "Node": facts.Nodes, "CRD": facts.CRDs,
		"GatewayClass": facts.GatewayClasses, "Certificate": facts.Certificates, "Helm": facts.Releases, "Agent": facts.Agents,
	}[kind]
}

// fluxOf is what Flux's objects of Cilium say, without what is of one moment.
func fluxOf(f facts.Facts) map[string]any {
	out := map[string]any{}
	for _, h := range f.Live.HelmReleases {
		name := "HelmRelease " + h.ID()
		out[name+" release"] = h.Storage() + "/" + h.Release()
		out[name+" chart"] = strings.TrimSpace(h.Chart + " " + h.ChartVersion)
		out[name+" source"], out[name+" suspend"], out[name+" driftDetection"] = h.Source, h.Suspend, h.DriftDetection
		out[name+" interval"], out[name+" timeout"] = h.Interval, h.Timeout
		conditions(out, name, h.Conditions)
		if len(h.History) > 0 {
			out[name+" history"] = h.History[0].Status + " " + h.History[0].Chart + " " + plainVersion(h.History[0].ChartVersion)
		}
	}
	for _, k := range f.Live.Kustomizations {
		if k.Name != f.Expect.Flux.Kustomization {
			continue
		}
		name := "Kustomization " + k.Namespace + "/" + k.Name
		out[name+" path"], out[name+" source"], out[name+" suspend"], out[name+" prune"] = k.Path, k.Source, k.Suspend, k.Prune
		conditions(out, name, k.Conditions)
	}
	return out
}

func conditions(out map[string]any, name string, all []facts.Condition) {
	for _, c := range all {
		out[name+" "+c.Type] = c.Status + " " + c.Reason
	}
}

func fluxPart(path string) facts.Part {
	if strings.HasPrefix(path, "Kustomization ") {
		return facts.Kustomizations
	}
	return facts.HelmReleases
}
