package check

import (
	"fmt"
	"regexp"
	"strconv"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// minor is a Cilium minor release; what it needs and prints depends on it.
type minor struct{ major, minor int }

func (m minor) atLeast(major, min int) bool {
	return m.major > major || m.major == major && m.minor >= min
}

func (m minor) String() string { return fmt.Sprintf("%d.%d", m.major, m.minor) }

var versionText = regexp.MustCompile(`v?(\d+)\.(\d+)\.\d+`)

// minorOf finds the minor release in a version or an image reference.
func minorOf(text string) (minor, bool) {
	m := versionText.FindStringSubmatch(text)
	if m == nil {
		return minor{}, false
	}
	major, _ := strconv.Atoi(m[1])
	min, _ := strconv.Atoi(m[2])
	return minor{major, min}, true
}

// imageVersion is the tag of an image reference without its v and digest: "1.18.2".
var imageTag = regexp.MustCompile(`:v?(\d+\.\d+\.\d+[^@]*)(@sha256:[0-9a-f]+)?$`)

func imageVersion(image string) (string, bool) {
	m := imageTag.FindStringSubmatch(image)
	if m == nil {
		return "", false
	}
	return m[1], true
}

// ciliumMinor is the minor release that the agent DaemonSet runs, by its image.
func ciliumMinor(f facts.Facts) (minor, bool) {
	ds, ok := daemonSet(f, f.Expect.Cilium.Namespace, f.Expect.Cilium.DaemonSet)
	if !ok {
		return minor{}, false
	}
	for _, image := range ds.Images {
		if version, ok := imageVersion(image); ok {
			return minorOf(version)
		}
	}
	return minor{}, false
}

func daemonSet(f facts.Facts, namespace, name string) (facts.Workload, bool) {
	return workload(f.Live.DaemonSets, namespace, name)
}

func deployment(f facts.Facts, namespace, name string) (facts.Workload, bool) {
	return workload(f.Live.Deployments, namespace, name)
}

func workload(all []facts.Workload, namespace, name string) (facts.Workload, bool) {
	for _, w := range all {
		if w.Namespace == namespace && w.Name == name {
			return w, true
		}
	}
	return facts.Workload{}, false
}

// place words an object as the evidence does: "kube-system/DaemonSet/cilium".
func place(namespace, kind, name string) string { return namespace + "/" + kind + "/" + name }

// agentPods are the pods of the agent DaemonSet.
func agentPods(f facts.Facts) []facts.Pod { return podsOf(f, "DaemonSet/"+f.Expect.Cilium.DaemonSet) }

func podsOf(f facts.Facts, owner string) []facts.Pod {
	var pods []facts.Pod
	for _, p := range f.Live.Pods {
		if p.Owner == owner && p.Namespace == f.Expect.Cilium.Namespace {
			pods = append(pods, p)
		}
	}
	return pods
}

// agentContainer is the name of the agent's container in its pod, 1.15 to 1.20.
const agentContainer = "cilium-agent"

// config is a key of cilium-config; "" where it is absent or there is no ConfigMap.
func config(f facts.Facts, key string) string {
	if f.Live.Config == nil {
		return ""
	}
	return f.Live.Config.Data[key]
}

func setting(f facts.Facts, key string) (string, bool) {
	if f.Live.Settings == nil {
		return "", false
	}
	value, ok := f.Live.Settings.Data[key]
	return value, ok
}
