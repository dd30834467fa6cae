package check

import (
	"fmt"
	"maps"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// SameWhenEmpty are the options of cilium-config that Cilium takes for the same when they are empty and when they are
// not there, as lists are. A chart's null default is an empty key to Helm 3 and no key to Flux.
func SameWhenEmpty() []string {
	return []string{"debug-verbose", "nodeport-addresses", "policy-cidr-match-mode"}
}

func handoverChecks() []Check {
	return []Check{{
		ID: "CG401", Phase: Handover, AC: "AC-4",
		Title:  "no pod of Cilium was replaced or restarted since the baseline",
		Hint:   "See why: kubectl -n kube-system get events --field-selector involvedObject.kind=Pod; kubectl -n kube-system describe pod POD. During a run: flux handover status.",
		About:  "Every pod of a workload of Cilium's release, in whichever namespace, has the UID that it had, and every container of it the ID and the count of restarts. Pods on nodes that have joined since are new, pods of nodes that are gone have left with them, and a Deployment's pod may have moved off such a node: each is counted. A node that is cordoned or drained is not gone. Generations and rollout status prove nothing: they change without a restart, and do not where a container died.",
		Manual: "kubectl -n kube-system get pods -l app.kubernetes.io/part-of=cilium -o custom-columns=POD:.metadata.name,UID:.metadata.uid,RESTARTS:.status.containerStatuses[*].restartCount",
		Needs:  []facts.Part{facts.Pods, facts.Nodes},
		Judge:  judgeUntouched,
	}, {
		ID: "CG402", Phase: Handover, AC: "AC-4",
		Title:  "every workload of Cilium has as many ready pods as at the baseline",
		Hint:   "See which is not ready: kubectl -n kube-system get pods -l app.kubernetes.io/part-of=cilium.",
		About:  "A pod that stops being ready has not restarted yet, and traffic may suffer already. Pods that left with their node are not missed; a Deployment's pod that moves off such a node is waited for.",
		Manual: "kubectl -n kube-system get ds,deploy -l app.kubernetes.io/part-of=cilium",
		Needs:  []facts.Part{facts.DaemonSets, facts.Deployments, facts.Pods, facts.Nodes},
		Judge:  judgeReadiness,
	}, {
		ID: "CG403", Phase: Handover, AC: "AC-4",
		Title:  "Helm's newest record of Cilium is the one that Flux released",
		Hint:   "A helm or helmfile that runs beside Flux is reverted within an interval: find it, and stop it. See both: helm -n kube-system history cilium; kubectl -n kube-system get helmrelease cilium -o jsonpath='{.status.history}'.",
		About:  "Name, namespace and revision at the head of the HelmRelease's history are those of the newest record in Helm's storage, which is deployed. Ready alone does not say so: a HelmRelease with another key is ready over a second release.",
		Manual: "kubectl -n kube-system get helmrelease cilium -o jsonpath='{.status.history[0]}'; kubectl -n kube-system get secrets -l owner=helm,name=cilium",
		Needs:  []facts.Part{facts.HelmReleases, facts.Releases},
		Judge:  judgeAdopted,
	}, {
		ID: "CG404", Phase: Handover, AC: "AC-4",
		Title:  "every node that was ready at the baseline, and is still there, is ready",
		Hint:   "See what it says: kubectl describe node NODE.",
		About:  "A node that loses its network is NotReady soon after, whatever its agent's pod says. A node whose object is gone was taken out of the cluster, and is counted.",
		Manual: "kubectl get nodes",
		Needs:  []facts.Part{facts.Nodes},
		Judge:  judgeNodesSince,
	}, {
		ID: "CG405", Phase: Handover, AC: "AC-4",
		Title:  "cilium-config is what it was at the baseline",
		Hint:   "Agents run on with the old configuration until their next restart. See where the change comes from: kubectl cilium-gitops diff --what values; and put it back in Git.",
		About:  "An adoption that restarts nothing can still change what agents read when they next start: encryption gone, another cluster ID. Keys that are empty and keys that are not there count as the same where Cilium takes them so.",
		Manual: "kubectl -n kube-system get configmap cilium-config -o yaml",
		Needs:  []facts.Part{facts.Config},
		Judge:  judgeSameConfig,
	}}
}

// noBaseline is why nothing can be compared.
func noBaseline() Verdict {
	return skip("there is no baseline: keep one with verify --record FILE, and compare with --baseline FILE")
}

// lasting are the pods of own, by UID.
func lasting(own facts.Workloads, pods []facts.Pod) map[string]facts.Pod {
	all := map[string]facts.Pod{}
	for _, p := range own.Pods(pods) {
		all[p.UID] = p
	}
	return all
}

func restarts(where string, was, is facts.Pod) []Evidence {
	var all []Evidence
	for _, old := range was.Containers {
		i := slices.IndexFunc(is.Containers, func(c facts.Container) bool { return c.Name == old.Name })
		if i < 0 {
			all = append(all, Evidence{where + " " + old.Name, "no such container", "as at the baseline"})
			continue
		}
		c := is.Containers[i]
		if c.Restarts != old.Restarts || c.ID != old.ID {
			all = append(all, Evidence{where + " " + c.Name, fmt.Sprintf("%d restarts, %s", c.Restarts, orAbsent(c.ID)), fmt.Sprintf("%d restarts, %s", old.Restarts, orAbsent(old.ID))})
		}
	}
	return all
}

// Vital tells whether a workload is the agents' or the operator's. That their pods are replaced can be accepted; that
// there are none cannot.
func Vital(f facts.Facts, w facts.Workload) bool {
	return w.Namespace == f.Expect.Cilium.Namespace &&
		(w.Kind == "DaemonSet" && w.Name == f.Expect.Cilium.DaemonSet || w.Kind == "Deployment" && w.Name == f.Expect.Cilium.Operator)
}

func judgeAdopted(f facts.Facts) Verdict {
	hr, ok := ciliumHelmRelease(f)
	if !ok {
		return notHandedOver(f)
	}
	if len(hr.History) == 0 {
		return skip("HelmRelease %s has released nothing yet", hr.ID())
	}
	record, found := newest(f)
	if !found {
		return fail("Helm has no record of the release", Evidence{"Helm release " + f.Expect.Cilium.Namespace + "/" + f.Expect.Cilium.Release, "not found", "a record"})
	}
	last := hr.History[0]
	var n findings
	where := "HelmRelease " + hr.ID() + " history"
	if key, own := last.Namespace+"/"+last.Name, f.Expect.Cilium.Namespace+"/"+f.Expect.Cilium.Release; key != own {
		n.failed(where+" release", key, own)
	}
	if last.Version != int64(record.Revision) {
		n.failed(where+" revision", fmt.Sprint(last.Version), fmt.Sprintf("%d, Helm's newest", record.Revision))
	}
	if record.Status != "deployed" {
		n.failed(record.Namespace+"/Secret/"+record.Secret+" status", record.Status, "deployed")
	}
	return n.verdict(fmt.Sprintf("revision %d by %s", record.Revision, orAbsent(hr.LastAction)), "the release that runs is not Flux's")
}

func judgeSameConfig(f facts.Facts) Verdict {
	switch {
	case f.Base == nil:
		return noBaseline()
	case f.Base.Config == nil:
		return unknown("the baseline has no cilium-config", Evidence{Where: "baseline cilium-config", Got: "none"})
	case f.Live.Config == nil:
		return fail("there is no ConfigMap cilium-config", Evidence{"kube-system/ConfigMap/cilium-config", "not found", "a ConfigMap"})
	}
	var n findings
	keys := maps.Clone(f.Base.Config.Data)
	if keys == nil {
		keys = map[string]string{}
	}
	maps.Copy(keys, f.Live.Config.Data)
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		was, had := f.Base.Config.Data[key]
		is, has := f.Live.Config.Data[key]
		if was == is && (had == has || slices.Contains(SameWhenEmpty(), key)) {
			continue
		}
		n.failed("cilium-config "+key, present(is, has), present(was, had))
	}
	if changed := len(n.fail); changed > 0 && f.Accepts("ConfigMap/"+f.Live.Config.Namespace+"/"+f.Live.Config.Name) {
		return pass("%s changed, as was accepted", count(changed, "key"))
	}
	return n.verdict(count(len(f.Base.Config.Data), "key")+" as before", "cilium-config has changed")
}

func present(value string, there bool) string {
	if !there {
		return "(absent)"
	}
	return fmt.Sprintf("%q", value)
}
