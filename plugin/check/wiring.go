package check

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/values"
)

func wiringChecks() []Check {
	return []Check{{
		ID: "CG205", Phase: GitOps, AC: "AC-2",
		Title:  "health checks of the agents and the operator are evaluated",
		Hint:   "Set wait: false in the Kustomization and list DaemonSet/kube-system/cilium and Deployment/kube-system/cilium-operator under healthChecks; lint finds the line.",
		About:  "With wait: true a Kustomization ignores its healthChecks and waits only for what it applied itself: the HelmRelease, not the DaemonSet.",
		Manual: "kubectl -n flux-system get kustomization cilium-core -o jsonpath='{.spec.wait} {.spec.healthChecks}'",
		Needs:  []facts.Part{facts.HelmReleases, facts.Kustomizations},
		Judge:  judgeHealthChecks,
	}, {
		ID: "CG206", Phase: GitOps, AC: "AC-2",
		Title:  "deleting the Kustomization would leave Cilium alone",
		Hint:   "Set deletionPolicy: Orphan in the Kustomization, or annotate the HelmRelease kustomize.toolkit.fluxcd.io/prune: disabled, in Git.",
		About:  "Deleting a Kustomization that prunes deletes the HelmRelease, and that uninstalls Cilium: agents and pods gone within seconds, and with kube-proxy replaced the way back with them.",
		Manual: "kubectl -n flux-system get kustomization cilium-core -o jsonpath='{.spec.prune} {.spec.deletionPolicy}'",
		Needs:  []facts.Part{facts.HelmReleases, facts.Kustomizations},
		Judge:  judgeSeatbelt,
	}, {
		ID: "CG301", Phase: GitOps, AC: "AC-3",
		Title:  "substitution left no variable in the values",
		Hint:   "A ${...} that reaches Helm was not substituted: give the Kustomization postBuild.substituteFrom, or the helmfile the same substitution as Flux.",
		About:  "Helmfile does not substitute: a bootstrap from the HelmRelease's own values installs ${CLUSTER} to the letter. Flux leaves a ${...} alone where an object opts out, or where no variable at all is defined.",
		Manual: "helm -n kube-system get values cilium | grep '\\${'",
		Needs:  []facts.Part{facts.Release, facts.HelmReleases},
		Judge:  judgeSubstituted,
	}, {
		ID: "CG302", Phase: GitOps, AC: "AC-3",
		Title: "the HelmRelease of Cilium says what cluster-settings says",
		Hint: "Reference the settings in Git as ${CLUSTER}, ${CLUSTER_ID} and ${POD_CIDR_STRING}. See what Flux " +
			"would change before it is pushed (kubectl cilium-gitops diff --what impact), then reconcile: " +
			"flux reconcile kustomization cilium-core --with-source.",
		About:  "cluster.name, cluster.id and the native routing CIDR in the HelmRelease are those of this cluster's settings, each of its type.",
		Manual: "kubectl -n kube-system get helmrelease cilium -o jsonpath='{.spec.values.cluster}'",
		Needs:  []facts.Part{facts.HelmReleases, facts.Settings},
		Judge:  judgeReleaseSettings,
	}}
}

func judgeSubstituted(f facts.Facts) Verdict {
	if f.Live.Release == nil && len(f.Live.HelmReleases) == 0 {
		return skip("there is neither a Helm release nor a HelmRelease")
	}
	var n findings
	if r := f.Live.Release; r != nil {
		leftovers(&n, "Helm release "+r.Namespace+"/"+r.Name, "", map[string]any(r.Values))
	}
	for _, hr := range f.Live.HelmReleases {
		leftovers(&n, "HelmRelease "+hr.ID(), "", map[string]any(hr.Values))
	}
	return n.verdict("no ${...} in release and HelmRelease", "variables reached the values unsubstituted")
}

func leftovers(n *findings, where string, at values.Path, value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			leftovers(n, where, at.Child(key), v[key])
		}
	case []any:
		for i := range v {
			leftovers(n, where, at.Child(fmt.Sprint(i)), v[i])
		}
	case string:
		if strings.Contains(v, "${") {
			n.failed(where+" "+string(at), v, "a value")
		}
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func judgeReleaseSettings(f facts.Facts) Verdict {
	hr, ok := ciliumHelmRelease(f)
	if !ok {
		return notHandedOver(f)
	}
	if f.Live.Settings == nil {
		return skip("the cluster has no settings")
	}
	var n findings
	for _, pair := range []struct {
		path values.Path
		key  string
	}{{"cluster.name", "CLUSTER"}, {"cluster.id", "CLUSTER_ID"}, {"ipv4NativeRoutingCIDR", "POD_CIDR_STRING"}} {
		want, defined := setting(f, pair.key)
		got := hr.Values.Text(pair.path)
		if _, inline := hr.Values.Lookup(pair.path); defined && inline && got != want {
			n.failed("HelmRelease "+hr.ID()+" "+string(pair.path), orAbsent(got), want+" (cluster-settings "+pair.key+")")
		}
	}
	if id, there := hr.Values.Lookup("cluster.id"); there {
		if _, text := id.(string); text {
			n.failed("HelmRelease "+hr.ID()+" cluster.id", fmt.Sprintf("%q, a text", id), "a number")
		}
	}
	return n.verdict("name, id and CIDR are this cluster's", "the HelmRelease is another cluster's")
}
