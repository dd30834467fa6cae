package handover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// claim is an object of Cilium's that says which Helm release it belongs to.
type claim struct {
	object  string // "DaemonSet/kube-system/cilium"
	release string // "namespace/name"
}

// claims are what Cilium's objects say of their release, by their annotations: the agents', the operator's, and whatever else
// of the release was read.
func claims(f facts.Facts) []claim {
	var all []claim
	names := f.Expect.Cilium
	for _, w := range slices.Concat(f.Live.DaemonSets, f.Live.Deployments) {
		if w.Release != "" && w.Namespace == names.Namespace && (w.Kind == "DaemonSet" && w.Name == names.DaemonSet || w.Kind == "Deployment" && w.Name == names.Operator) {
			all = append(all, claim{nameOf(w), w.Release})
		}
	}
	if f.Rendered == nil {
		return all
	}
	for _, o := range f.Rendered.Live {
		meta, _ := o.Body["metadata"].(map[string]any)
		annotations, _ := meta["annotations"].(map[string]any)
		name, _ := annotations["meta.helm.sh/release-name"].(string)
		namespace, _ := annotations["meta.helm.sh/release-namespace"].(string)
		object := Ref{Kind: o.Kind, Namespace: o.Namespace, Name: o.Name}.String()
		if name != "" && !slices.ContainsFunc(all, func(c claim) bool { return c.object == object }) {
			all = append(all, claim{object, namespace + "/" + name})
		}
	}
	return all
}

// claimed is the release that Cilium's objects say they belong to, the agents' first; empty where none says any.
func claimed(f facts.Facts) string {
	if all := claims(f); len(all) > 0 {
		return all[0].release
	}
	return ""
}

// claimRule refuses where Cilium's objects belong to a Helm release of which there is no record where the fleet expects it.
func claimRule() rule {
	return rule{
		id: "HP206", reason: "Cilium's objects belong to a Helm release whose record is not where the fleet file says: taken over, they would have two owners",
		hint: "Name that release in the fleet file (cilium.release, cilium.namespace), or adopt it by releaseName in the HelmRelease, in Cilium's namespace. " +
			"Flux reads records that are Secrets alone: where Helm keeps them elsewhere (HELM_DRIVER=configmap, sql), copy them into Secrets first " +
			"(docs/handover.md, \"Records elsewhere\"). Where the record is known to be lost, and no helm or helmfile has it: put it back from a backup, or " +
			"have each object forget the release: kubectl -n NAMESPACE annotate KIND NAME meta.helm.sh/release-name- meta.helm.sh/release-namespace-.",
		finds: unrecorded,
	}
}

// maxClaims bounds how many objects are named that say the same.
const maxClaims = 3

func unrecorded(in *Input) []check.Evidence {
	f := in.Facts
	if _, found := newest(f); found || !known(f, facts.Releases) {
		return nil
	}
	var out []check.Evidence
	all := claims(f)
	for i, c := range all {
		if i == maxClaims {
			out = append(out, check.Evidence{Where: "other objects", Got: fmt.Sprintf("%d say a release, too", len(all)-i)})
			break
		}
		out = append(out, check.Evidence{Where: c.object + " meta.helm.sh/release", Got: c.release, Want: "none, or a record of it"})
	}
	if len(out) == 0 {
		return nil
	}
	return append(out, found(f.Live.Search, claimed(f))...)
}

// found is where a search came upon records, and where it could not look.
func found(s *facts.RecordSearch, release string) []check.Evidence {
	where := "record of release " + release
	if s == nil {
		return []check.Evidence{{Where: where, Got: "not looked for elsewhere"}}
	}
	var out []check.Evidence
	for _, r := range s.Records {
		kind := "Secret"
		if r.Driver == "configmap" {
			kind = "ConfigMap"
		}
		out = append(out, check.Evidence{
			Where: "record of release " + r.Release, Got: fmt.Sprintf("%s %s/%s, revision %d %s", kind, r.Namespace, r.Secret, r.Revision, r.Status),
		})
	}
	if len(s.Records) == 0 && len(s.Blind) == 0 {
		out = append(out, check.Evidence{Where: where, Got: "in no Secret and no ConfigMap of any namespace: HELM_DRIVER=sql, or lost"})
	}
	if len(s.Blind) > 0 {
		out = append(out, check.Evidence{Where: where, Got: "could not be looked for in " + strings.Join(s.Blind, "; in ")})
	}
	return out
}
