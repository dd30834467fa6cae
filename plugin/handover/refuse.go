package handover

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/check"
	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// rule is one reason why a plan must not be run: a row, and a function that finds it.
type rule struct {
	id     string // "HP101": stable, never reused
	reason string
	hint   string
	// finds is what is wrong; none where nothing is.
	finds func(in *Input) []check.Evidence
	// unknown: what is found is not known to be wrong, but could not be seen.
	unknown bool
}

func rules() []rule {
	return slices.Concat(identityRules(), profileRules(), treeRules(), boundRules(), clusterRules(), impactRules(), []rule{sharedRule(), claimRule()})
}

// RuleText says what each of the plan's own refusals means: id, reason, hint.
func RuleText() [][3]string {
	all := make([][3]string, 0, len(rules())+len(ownRules))
	for _, r := range rules() {
		all = append(all, [3]string{r.id, r.reason, r.hint})
	}
	return append(all, ownRules...)
}

// The refusals that no single look at the facts finds.
const (
	refusedStrategy = "HP401"
	refusedRights   = "HP402"
	refusedUnknown  = "HP403"
)

var ownRules = [][3]string{
	{refusedStrategy, "the strategy is not possible here", "See the table of strategies."},
	{refusedRights, "a right that the run needs is missing", "Ask whoever manages the cluster for it: kubectl auth can-i --list."},
	{refusedUnknown, "what the adoption would do is not wholly known", "See what could not be known: kubectl cilium-gitops diff --what impact."},
	{refusedAgain, "the run that stopped cannot go on: its adoption has not begun, and the cluster is not as it has to be for one", "Mend what is named here, then go on: flux handover run --resume. Or take away what the run placed, and begin anew: flux handover rollback."},
	{refusedNothing, "there is nothing to go back from: no Cilium, no record of Helm's, no object of Flux's", "Is this the cluster that is meant? kubectl config get-contexts."},
	{refusedDeleting, "the HelmRelease is being deleted, and is not suspended: Flux uninstalls Cilium", "Suspend it at once: flux suspend helmrelease -n kube-system cilium."},
	{refusedPending, "somebody else works on the Helm release", "Wait until it is done: helm -n kube-system history cilium. " +
		"Where nobody is at it any more (helm-controller or a helm that was killed), end it by hand, then go back: " +
		"helm -n kube-system rollback cilium REVISION --no-hooks; flux handover rollback."},
	{refusedRestart, "going back to the bootstrap's manifest would replace pods or delete objects", "Accept it by name: --allow DaemonSet/cilium. Or stop Flux alone: flux suspend kustomization -n flux-system cilium-core, then flux suspend helmrelease -n kube-system cilium."},
	{refusedFails, "going back would fail: it changes what the API server lets nobody change", "See all of it: kubectl cilium-gitops diff --what impact. Stop Flux alone: flux suspend helmrelease -n kube-system cilium."},
	{refusedFluxOwn, "the revision to go back to was made by Flux, not by the bootstrap", "Put the bootstrap's record back from a run's backup: kubectl -n kube-system apply --server-side -f BACKUP/release-records/."},
	{refusedOther, "another HelmRelease of Cilium's would go on acting", "Suspend it, do not delete it: flux suspend helmrelease -n NAMESPACE NAME."},
	{refusedDrillBlind, "what a drill has to know could not be seen", "See what is in the way: kubectl cilium-gitops verify --phase gitops."},
	{refusedDrillWell, "a drill begins only where everything is well: Cilium is Flux's, and both are ready", "See what is not: kubectl cilium-gitops verify --phase gitops; flux handover status."},
	{refusedDrillBusy, "something else has to come to its end first", "Go on with it: flux handover status; flux handover drill --undo."},
	{refusedDrillDanger, "the drill does harm while it lasts", "Accept it: --allow-danger."},
	{refusedDrillDrift, "Flux would not put back what is changed by hand on Cilium's objects", "Set driftDetection.mode: enabled in the HelmRelease, in Git, and leave the operator's Deployment out of its ignore rules."},
	{refusedDrillGit, "the checkout cannot be pushed from as it is", "Clean it and follow the branch that Flux reads: git status; git pull --ff-only. Or name another: --repo DIR."},
}

func identityRules() []rule {
	return []rule{{
		id: "HP101", reason: "the cluster does not say which one it is",
		hint: "The run has to get Namespace kube-system: its UID tells clusters apart.",
		finds: func(in *Input) []check.Evidence {
			return when(in.Facts.Live.UID == "" && known(in.Facts, facts.Identity), "Namespace/kube-system uid", "(unknown)", "a UID")
		},
	}, {
		id: "HP102", reason: "the working tree has no HelmRelease of Cilium for this cluster",
		hint: "Write one: kubectl cilium-gitops scaffold. Or name the tree: --repo DIR.",
		finds: func(in *Input) []check.Evidence {
			if in.HelmRelease != nil && in.Facts.Git.Cilium() != nil {
				return nil
			}
			return append(when(true, "--repo", "no HelmRelease", "the one that is to adopt Cilium"), misplaced(in)...)
		},
	}, {
		id: "HP103", reason: "the HelmRelease releases into another namespace than Cilium's",
		hint:  "Leave targetNamespace away, and have the HelmRelease in Cilium's namespace.",
		finds: onRelease(wrongNamespace),
	}, {
		id: "HP104", reason: "the HelmRelease has another chart than the release that runs",
		hint: "With another chart name Flux uninstalls before it installs. Name the chart that runs.",
		finds: onRelease(func(in *Input, r *facts.GitRelease) []check.Evidence {
			runs := in.Facts.Live.Release
			name := r.Chart.Name
			if in.Facts.Rendered != nil {
				name = in.Facts.Rendered.Chart
			}
			return when(runs != nil && name != "" && name != runs.Chart, at(r)+" chart", name, chartOf(runs))
		}),
	}}
}

// misplaced are HelmReleases of the tree that may be meant, and are not in the namespace where Flux would find the record
// of the release that runs.
func misplaced(in *Input) []check.Evidence {
	if in.Facts.Git == nil {
		return nil
	}
	names := in.Facts.Expect.Flux
	var out []check.Evidence
	for _, o := range in.Facts.Git.Objects {
		if o.Kind == "HelmRelease" && o.Name == names.HelmRelease && o.Namespace != names.HelmReleaseNamespace {
			out = append(out, check.Evidence{
				Where: fmt.Sprintf("%s:%d", o.File, o.Line), Got: "HelmRelease " + o.Namespace + "/" + o.Name,
				Want: "HelmRelease " + names.HelmReleaseNamespace + "/" + names.HelmRelease,
			})
		}
	}
	return out
}

func chartOf(r *facts.ReleaseContents) string {
	if r == nil {
		return ""
	}
	return r.Chart
}

func wrongNamespace(in *Input, r *facts.GitRelease) []check.Evidence {
	own := in.Facts.Expect.Cilium.Namespace
	return when(r.ReleaseNamespace != own, at(r)+" release namespace", r.ReleaseNamespace, own)
}

// onRelease is a finder that has nothing to find where the tree has no HelmRelease.
func onRelease(finds func(*Input, *facts.GitRelease) []check.Evidence) func(*Input) []check.Evidence {
	return func(in *Input) []check.Evidence {
		if r := in.Facts.Git.Cilium(); r != nil {
			return finds(in, r)
		}
		return nil
	}
}

// at is where a HelmRelease stands in the tree, for evidence.
func at(r *facts.GitRelease) string {
	return strings.TrimSpace(fmt.Sprintf("%s:%d HelmRelease %s/%s", r.File, r.Line, r.Namespace, r.Name))
}

// when is that evidence where wrong, else none.
func when(wrong bool, where, got, want string) []check.Evidence {
	if !wrong {
		return nil
	}
	return []check.Evidence{{Where: where, Got: got, Want: want}}
}

func clusterRules() []rule {
	return []rule{{
		id: "HP201", reason: "the HelmRelease is in the cluster and not held: the moment of adoption is Flux's, not this run's",
		hint: "Wait until it is ready, then look: kubectl cilium-gitops verify --phase gitops,handover. Or hold it first: flux suspend helmrelease -n kube-system cilium.",
		finds: func(in *Input) []check.Evidence {
			hr := heldRelease(in.Facts)
			return when(hr != nil && !hr.Suspend && !adopted(in.Facts), "HelmRelease/"+ref(hr)+" suspend", "false", "true, or adopted")
		},
	}, {
		id: "HP202", reason: "Flux has adopted Cilium before, its HelmRelease is suspended, and what Flux would do once it is let go cannot be guarded",
		hint: "Go on with the run that stopped: flux handover run --resume. Or take Cilium back, and hand it over again: " +
			"flux handover rollback; flux handover run.",
		finds: heldBefore,
	}, {
		id: "HP203", reason: "Flux's objects of Cilium are being deleted",
		hint: "Where the HelmRelease is suspended, do NOT resume it: Flux would uninstall Cilium. Have helm-controller finish the " +
			"deletion (flux check), or, where that is gone for good, take the finalizer off, which leaves Helm's release alone: " +
			"kubectl -n kube-system patch helmrelease cilium --type=merge -p '{\"metadata\":{\"finalizers\":null}}'. Where it is not " +
			"suspended, Flux uninstalls Cilium: suspend it now: flux suspend helmrelease -n kube-system cilium.",
		finds: deletions,
	}, {
		id: "HP204", reason: "somebody else manages Cilium's objects, and would change them back",
		hint:  "Take Cilium out of its hands first (an Argo CD application, Talos' inline manifests, k3s' own Helm controller).",
		finds: otherManagers,
	}, {
		id: "HP205", reason: "Helm has a record of Cilium by another name: it would have two owners",
		hint: "See which release owns the DaemonSet: kubectl -n kube-system get ds cilium -o " +
			"jsonpath='{.metadata.annotations.meta\\.helm\\.sh/release-name}'. Name that one in the fleet file " +
			"(cilium.release, cilium.namespace). Only the record of a release that owns nothing may be " +
			"removed; do not `helm uninstall` it: that deletes every object that it names.",
		finds: strangers,
	}}
}

// strangers are records of Cilium where there is none by the fleet's name; where there is one, CG122 judges.
func strangers(in *Input) []check.Evidence {
	if _, found := newest(in.Facts); found {
		return nil
	}
	var out []check.Evidence
	for _, r := range in.Facts.Live.Records {
		if r.Chart == "cilium" {
			out = append(out, check.Evidence{Where: r.Namespace + "/Secret/" + r.Secret, Got: "release " + r.Release + " " + r.Status, Want: "no release of chart cilium"})
		}
	}
	return out
}

func ref(hr *facts.HelmRelease) string {
	if hr == nil {
		return ""
	}
	return hr.ID()
}

// heldRelease is the cluster's HelmRelease of the tree's name; nil where there is none.
func heldRelease(f facts.Facts) *facts.HelmRelease {
	namespace, name := f.Expect.Flux.HelmReleaseNamespace, f.Expect.Flux.HelmRelease
	if r := f.Git.Cilium(); r != nil {
		namespace, name = r.Namespace, r.Name
	}
	for i := range f.Live.HelmReleases {
		if hr := &f.Live.HelmReleases[i]; hr.Namespace == namespace && hr.Name == name {
			return hr
		}
	}
	return nil
}

// kustomization is the cluster's Kustomization of the tree's name; nil where there is none.
func kustomization(in *Input) *facts.FluxKustomization {
	if in.Kustomization == nil {
		return nil
	}
	return liveKustomization(in.Facts, in.Kustomization.Ref)
}

func liveKustomization(f facts.Facts, r Ref) *facts.FluxKustomization {
	for i := range f.Live.Kustomizations {
		if ks := &f.Live.Kustomizations[i]; ks.Namespace == r.Namespace && ks.Name == r.Name {
			return ks
		}
	}
	return nil
}

// reconcilers are the field managers of programs that write what they manage again and again. k3s' Helm controller
// calls itself as Flux's does; its objects have no labels of Flux's, and it has another group's HelmChart.
var reconcilers = []string{"argocd", "argo-cd", "talos", "deploy@", "fleetagent", "rancher", "rke2", "k3s", "kapp", "sveltos", "crossplane", "carvel", "eno", "addon-manager"}

func otherManagers(in *Input) []check.Evidence {
	if in.Facts.Rendered == nil {
		return nil
	}
	seen := map[string]string{}
	for _, o := range in.Facts.Rendered.Live {
		for _, owner := range o.Owners {
			for _, name := range reconcilers {
				if strings.HasPrefix(strings.ToLower(owner.Manager), name) && seen[owner.Manager] == "" {
					seen[owner.Manager] = o.Key()
				}
			}
		}
	}
	var out []check.Evidence
	for manager, key := range seen {
		out = append(out, check.Evidence{Where: key + " managedFields", Got: manager, Want: "Helm alone"})
	}
	slices.SortFunc(out, func(a, b check.Evidence) int { return strings.Compare(a.Got, b.Got) })
	return out
}

// allowed tells whether the user accepts by name what happens to an object: "DaemonSet/cilium",
// "DaemonSet/kube-system/cilium".
func (in *Input) allowed(r Ref) bool {
	return slices.Contains(in.Allow, r.Kind+"/"+r.Name) || slices.Contains(in.Allow, r.String())
}
