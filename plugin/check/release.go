package check

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// quiet is how long a release must have been left alone before nobody is taken to be at work on it.
const quiet = 5 * time.Minute

func releaseChecks() []Check {
	return []Check{{
		ID: "CG120", Phase: Bootstrap, AC: "AC-1",
		Title:  "the newest Helm record of Cilium is deployed",
		Hint:   "pending-*: somebody is at work or was interrupted; look before you do anything: helm -n kube-system history cilium. Flux breaks such a lock at once. failed: mend the release with the tool that made it. None at all: Cilium was applied without Helm, there is nothing to adopt.",
		About:  "Flux adopts by release name and storage namespace, from the newest record. Where that is pending Flux unlocks it without asking, and two writers meet.",
		Manual: "helm -n kube-system history cilium",
		Needs:  []facts.Part{facts.Releases},
		Judge:  judgeDeployed,
	}, {
		ID: "CG121", Phase: Bootstrap, AC: "AC-1",
		Title:  "nobody has changed the release in the last 5 minutes",
		Hint:   "Make sure that no helm, helmfile or pipeline is running, then ask again.",
		About:  "A release that has just changed may be about to change again: a helmfile or a pipeline that is still running would write together with Flux.",
		Manual: "helm -n kube-system history cilium",
		Needs:  []facts.Part{facts.Releases},
		Judge:  judgeQuiet,
	}, {
		ID: "CG122", Phase: Bootstrap, AC: "AC-1",
		Title: "Cilium belongs to one Helm release",
		Hint: "Do not `helm uninstall` either: that deletes every object named in its record, Cilium itself. " +
			"See which release owns the DaemonSet: kubectl -n kube-system get ds cilium -o " +
			"jsonpath='{.metadata.annotations.meta\\.helm\\.sh/release-name}'. See that the other has no object " +
			"of its own: helm -n NAMESPACE get manifest NAME. Where it has none, and no HelmRelease manages " +
			"it, remove its record alone: flux handover cleanup.",
		About:  "A HelmRelease with the wrong name or storage namespace does not fail: it makes a second record over the same objects. Whoever then deletes either takes the network away. Looked at are the records in Cilium's namespace and in Flux's, and who owns the DaemonSet; HelmReleases of every namespace are CG202's.",
		Manual: "kubectl get secrets -A -l owner=helm | grep cilium; kubectl -n kube-system get ds cilium -o jsonpath='{.metadata.annotations}'",
		Needs:  []facts.Part{facts.Releases, facts.DaemonSets},
		Judge:  judgeOneRelease,
	}, {
		ID: "CG124", Phase: Bootstrap, AC: "AC-1",
		Title:  "agents and operator run the release's version",
		Hint:   "See what is still rolling: kubectl -n kube-system get pods -l app.kubernetes.io/part-of=cilium -o wide. A different image without a roll under way was set by hand.",
		About:  "The chart's appVersion, the images in DaemonSet and operator, and the images that the pods run are one version.",
		Manual: "kubectl -n kube-system exec POD -c cilium-agent -- cilium-dbg version; helm -n kube-system list",
		Needs:  []facts.Part{facts.Release, facts.DaemonSets, facts.Deployments, facts.Pods},
		Judge:  judgeVersion,
	}}
}

// newest is the record of the release with the highest revision.
func newest(f facts.Facts) (facts.Record, bool) {
	var best facts.Record
	found := false
	for _, r := range f.Live.Records {
		if r.Release == f.Expect.Cilium.Release && r.Namespace == f.Expect.Cilium.Namespace && (!found || r.Revision > best.Revision) {
			best, found = r, true
		}
	}
	return best, found
}

func noRecord(f facts.Facts) Verdict {
	return fail("there is no Helm release of Cilium",
		Evidence{f.Expect.Cilium.Namespace + "/Secret with owner=helm,name=" + f.Expect.Cilium.Release, "not found", "a record, deployed"})
}

func judgeDeployed(f facts.Facts) Verdict {
	r, ok := newest(f)
	if !ok {
		return noRecord(f)
	}
	if r.Status != "deployed" {
		return fail("the newest record is "+orAbsent(r.Status), Evidence{r.Namespace + "/Secret/" + r.Secret + " status", orAbsent(r.Status), "deployed"})
	}
	return pass("%s/%s revision %d", r.Namespace, r.Release, r.Revision)
}

func judgeQuiet(f facts.Facts) Verdict {
	r, ok := newest(f)
	if !ok {
		return noRecord(f)
	}
	if r.Modified.IsZero() {
		return unknown("the record does not say when it changed", Evidence{r.Namespace + "/Secret/" + r.Secret, "no time", "a time"})
	}
	if f.Taken.Sub(r.Modified) < quiet {
		return warn("the release has just changed",
			Evidence{r.Namespace + "/Secret/" + r.Secret + " changed", stamp(r.Modified), "before " + stamp(f.Taken.Add(-quiet))})
	}
	return pass("last changed %s", stamp(r.Modified))
}

// judgeOneRelease looks at every record that bears Cilium's name: other namespaces, and names that Flux derives
// (target namespace and name joined).
func judgeOneRelease(f facts.Facts) Verdict {
	own := f.Expect.Cilium.Namespace + "/" + f.Expect.Cilium.Release
	var n findings
	others := strangers(f)
	for _, name := range slices.Sorted(maps.Keys(others)) {
		r := others[name]
		switch {
		case r.Chart == "cilium" && r.Compared && r.Shared == 0: // all that it names is its own
		case r.Chart == "cilium":
			n.failed("Helm release "+name, fmt.Sprintf("revision %d %s", r.Revision, r.Status), "no other release of chart cilium")
		case r.Chart == "":
			n.unseen("Helm release "+name, "of which chart it is has not been read")
		}
	}
	ds, ok := daemonSet(f, f.Expect.Cilium.Namespace, f.Expect.Cilium.DaemonSet)
	if _, recorded := newest(f); ok && recorded && ds.Release != own {
		n.failed(place(ds.Namespace, ds.Kind, ds.Name)+" meta.helm.sh/release", orAbsent(ds.Release), own)
	}
	if _, recorded := newest(f); !recorded && len(n.fail) == 0 {
		return noRecord(f)
	}
	looked := f.Expect.Cilium.Namespace
	if f.Expect.Flux.Namespace != looked {
		looked += " and " + f.Expect.Flux.Namespace
	}
	return n.verdict("only "+own+" in "+looked, "more than one Helm release claims Cilium")
}

// strangers are the newest records of the releases that are not Cilium's own but sound like it.
func strangers(f facts.Facts) map[string]facts.Record {
	newest := map[string]facts.Record{}
	for _, r := range f.Live.Records {
		if r.Release == f.Expect.Cilium.Release+"-preflight" ||
			r.Release == f.Expect.Cilium.Release && r.Namespace == f.Expect.Cilium.Namespace {
			continue
		}
		name := r.Namespace + "/" + r.Release
		if known, ok := newest[name]; !ok || r.Revision > known.Revision {
			newest[name] = r
		}
	}
	return newest
}

func judgeVersion(f facts.Facts) Verdict {
	if f.Live.Release == nil {
		return noRecord(f)
	}
	want := strings.TrimPrefix(f.Live.Release.AppVersion, "v")
	var n findings
	ds, _ := daemonSet(f, f.Expect.Cilium.Namespace, f.Expect.Cilium.DaemonSet)
	operator, _ := deployment(f, f.Expect.Cilium.Namespace, f.Expect.Cilium.Operator)
	for _, w := range []facts.Workload{ds, operator} {
		for _, image := range w.Images {
			if version, ok := imageVersion(image); ok && isCilium(image) && version != want {
				n.failed(place(w.Namespace, w.Kind, w.Name)+" image", image, want)
			}
		}
	}
	running := 0
	for _, p := range f.Live.Pods {
		for _, c := range p.Containers {
			if c.Name != agentContainer && c.Name != "cilium-operator" {
				continue
			}
			running++
			version, ok := imageVersion(c.Image)
			switch {
			case !ok:
				n.unseen(p.Node+" "+p.Name+" image", c.Image+" has no version tag")
			case version != want:
				n.failed(p.Node+" "+p.Name+" image", version, want)
			}
		}
	}
	if running == 0 {
		n.unseen("pods", "no agent or operator runs")
	}
	return n.verdict(fmt.Sprintf("%s in %s", want, count(running, "pod")), "not everything runs "+want)
}

// isCilium tells Cilium's own images, which carry its version, from those of its init helpers.
func isCilium(image string) bool {
	name := image[strings.LastIndex(image, "/")+1:]
	return strings.HasPrefix(name, "cilium:") || strings.HasPrefix(name, "operator")
}
