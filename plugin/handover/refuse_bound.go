package handover

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// boundRules find what makes the plan another thing than what Flux would do.
func boundRules() []rule {
	return []rule{{
		id: "HP120", reason: "the values come from an object of the working tree that the cluster does not have, or has otherwise: Flux takes the cluster's",
		hint: "Bring the object into the cluster as the tree has it: push it in a commit of its own, or kubectl apply --server-side -f FILE. " +
			"Pushed together with the HelmRelease, Flux adopts Cilium at once, unless it is held: flux suspend helmrelease -n kube-system cilium. Then plan again.",
		finds: func(in *Input) []check.Evidence {
			return inputs(in, func(i facts.Input) bool {
				brings := in.HelmRelease != nil && i.By == in.HelmRelease.By && in.Kustomization != nil && pushed(in)
				return strings.HasPrefix(i.For, "HelmRelease/") && !brings // what the same Kustomization applies comes by step wire
			})
		},
	}, {
		id: "HP121", reason: "variables come from an object of the working tree that the cluster does not have, or has otherwise: Flux substitutes the cluster's",
		hint: "Have Flux apply it: flux reconcile kustomization flux-system --with-source. Not pushed yet: push the object in a commit of its own, " +
			"or kubectl apply --server-side -f FILE. Or take over in the tree what the cluster has. Then plan again.",
		finds: func(in *Input) []check.Evidence {
			return inputs(in, func(i facts.Input) bool { return strings.HasPrefix(i.For, "Kustomization/") })
		},
	}, {
		id: "HP122", reason: "the chart's version is not one exact version: Flux takes the newest that it finds when it adopts",
		hint:  "spec.chart.spec.version must be one exact version, that of the release that runs: helm -n kube-system list. Mend it in Git, then plan again.",
		finds: onRelease(inexact),
	}, {
		id: "HP123", reason: "the cluster has a HelmRelease of that name, and it releases on another cluster",
		hint: "Give one of the two another name or namespace, in Git: kubectl get helmreleases -A -o custom-columns=NS:.metadata.namespace,NAME:.metadata.name,KUBECONFIG:.spec.kubeConfig.",
		finds: onRelease(func(in *Input, r *facts.GitRelease) []check.Evidence {
			var out []check.Evidence
			for _, id := range in.Facts.Live.Elsewhere {
				out = append(out, when(id == r.Namespace+"/"+r.Name, "HelmRelease/"+id+" spec.kubeConfig", "set", "(absent)")...)
			}
			return out
		}),
	}}
}

// inputs are those objects that the cluster does not have as the tree does.
func inputs(in *Input, concerns func(facts.Input) bool) []check.Evidence {
	if in.Facts.Rendered == nil {
		return nil
	}
	var out []check.Evidence
	for _, i := range in.Facts.Rendered.Inputs {
		if !concerns(i) {
			continue
		}
		where := fmt.Sprintf("%s:%d %s, for %s", i.File, i.Line, i.Ref, i.For)
		switch {
		case i.Missing:
			out = append(out, check.Evidence{Where: where, Got: "not in the cluster", Want: "as the tree has it"})
		case len(i.Differs) > 0:
			out = append(out, check.Evidence{Where: where, Got: "otherwise in the cluster: " + strings.Join(i.Differs, ", "), Want: "as the tree has it"})
		}
	}
	return out
}

// exact is one version, and no range.
var exact = regexp.MustCompile(`^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)

// inexact finds a range where nothing pins what it comes to before the adoption: what an OCIRepository or a HelmChart has
// fetched is compared by its digest, and a chart in Git or in a Bucket has no version to choose.
func inexact(_ *Input, r *facts.GitRelease) []check.Evidence {
	c := r.Chart
	return when(c.Kind == "HelmRepository" && !exact.MatchString(c.Version),
		at(r)+" spec."+or(c.VersionFrom, "chart.spec.version"), or(c.Version, "(absent: the newest)"), "one exact version")
}
