package handover

import (
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// largeJournal is from how many pods on a journal may need parts.
const largeJournal = 1000

// touches are all objects that a run of the plan may write to: its steps', those that it suspends when it stops, its
// lock and its journal.
func (p *Plan) touches(in *Input) []Touch {
	p.also = p.reads(in)
	var all []Touch
	add := func(r Ref, verb, as string) {
		i := slices.IndexFunc(all, func(t Touch) bool { return t.Ref == r })
		if i < 0 {
			all = append(all, Touch{Ref: r})
			i = len(all) - 1
		}
		if !slices.Contains(all[i].Verbs, verb) {
			all[i].Verbs = append(all[i].Verbs, verb)
		}
		if as != "" && !slices.Contains(all[i].As, as) {
			all[i].As = append(all[i].As, as)
		}
	}
	for _, s := range slices.Concat(p.Steps, p.Undo) {
		for _, a := range s.Do {
			for _, r := range a.touches() {
				for _, verb := range writes(a.Verb) {
					if a.Verb == HelmRollback && verb == "create" && lives(in.Facts.Rendered, r) {
						continue // it is there: going back patches it
					}
					add(r, verb, a.Manager)
				}
			}
		}
	}
	if p.Wiring != (Ref{}) {
		add(p.Wiring, "patch", FluxCLI) // where a run stops, it is suspended
	}
	namespace := in.Facts.Expect.Flux.Namespace
	own := []Ref{
		{APIVersion: "coordination.k8s.io/v1", Kind: "Lease", Namespace: namespace, Name: LeaseName},
		{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: JournalName},
	}
	if len(in.Facts.Live.Pods) >= largeJournal {
		for n := range JournalParts {
			own = append(own, Ref{APIVersion: "v1", Kind: "ConfigMap", Namespace: namespace, Name: JournalPart(JournalName, n+1)})
		}
	}
	for _, r := range own {
		add(r, "create", "")
		add(r, "update", "")
		if r.Kind == "Lease" {
			add(r, "delete", "")
		}
	}
	return all
}

// lives tells whether an object of the release was seen in the cluster.
func lives(r *facts.Rendered, ref Ref) bool {
	return r != nil && r.LiveSeen && slices.ContainsFunc(r.Live, func(o facts.Object) bool {
		return o.Kind == ref.Kind && o.Namespace == ref.Namespace && o.Name == ref.Name
	})
}

// writes are the verbs of the API that an action takes.
func writes(v Verb) []string {
	switch v {
	case Apply, HelmRollback:
		return []string{"create", "patch"}
	case Release, Remove:
		return []string{"delete"}
	}
	return []string{"patch"}
}

// resources are the names by which the API knows kinds that a run may write to.
var resources = map[string]string{
	"HelmRelease": "helmreleases", "Kustomization": "kustomizations", "OCIRepository": "ocirepositories",
	"HelmRepository": "helmrepositories", "GitRepository": "gitrepositories", "Bucket": "buckets", "HelmChart": "helmcharts",
	"Lease": "leases", "ConfigMap": "configmaps", "DaemonSet": "daemonsets", "Deployment": "deployments",
	"Secret": "secrets", "Service": "services", "ServiceAccount": "serviceaccounts", "Role": "roles", "RoleBinding": "rolebindings",
	"ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings", "ServiceMonitor": "servicemonitors",
	"GatewayClass": "gatewayclasses", "Namespace": "namespaces", "Job": "jobs", "CronJob": "cronjobs",
}

// resourceOf is the plural by which a kind is asked for. Kinds that are not known follow English.
func resourceOf(kind string) string {
	if r, ok := resources[kind]; ok {
		return r
	}
	lower := strings.ToLower(kind)
	switch {
	case strings.HasSuffix(lower, "y"):
		return strings.TrimSuffix(lower, "y") + "ies"
	case strings.HasSuffix(lower, "s"):
		return lower + "es"
	}
	return lower + "s"
}

// powers are the rights to change roles that allow more than whoever changes them may, and to bind such roles: the API asks
// for them where only labels change, too. A chart's binding is called as the role that it binds.
func powers(a Action) []Right {
	if a.Verb != HelmRollback && a.Verb != Disown {
		return nil
	}
	var all []Right
	for _, r := range a.Objects {
		role, bound := strings.CutSuffix(r.Kind, "Binding")
		if role != "Role" && role != "ClusterRole" {
			continue
		}
		right := Right{Verb: "escalate", Group: "rbac.authorization.k8s.io", Resource: resourceOf(role), Namespace: r.Namespace, Name: r.Name}
		if bound {
			right.Verb = "bind"
		}
		all = append(all, right)
	}
	return all
}

// Rights are what a run of the plan has to be allowed to do.
func (p *Plan) Rights() []Right {
	all := slices.Clone(p.also)
	for _, s := range slices.Concat(p.Steps, p.Undo) {
		for _, a := range s.Do {
			for _, r := range powers(a) {
				if !slices.Contains(all, r) {
					all = append(all, r)
				}
			}
		}
	}
	for _, t := range p.Touches {
		group, _, namespaced := strings.Cut(t.Ref.APIVersion, "/")
		if !namespaced {
			group = ""
		}
		for _, verb := range append([]string{"get"}, t.Verbs...) {
			r := Right{Verb: verb, Group: group, Resource: resourceOf(t.Ref.Kind), Namespace: t.Ref.Namespace, Name: t.Ref.Name}
			if verb == "create" {
				r.Name = "" // the API cannot tell by name who may create
			}
			if !slices.Contains(all, r) {
				all = append(all, r)
			}
		}
	}
	return all
}
