package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// askedChecks are those of what neighbours do when they are asked to, with --probe.
func askedChecks() []Check {
	return []Check{{
		ID: "CG908", Phase: Validation, AC: "AC-9",
		Title:  "Flux fetches the Git repository when it is asked to",
		Hint:   "What source-controller says: kubectl -n flux-system logs deploy/source-controller. Where it does not even answer the request, look whether it runs: flux check.",
		About:  "With --probe the source of Cilium's Kustomization and of Flux's own is asked to fetch now (annotation reconcile.fluxcd.io/requestedAt, as flux reconcile does) and has to have handled that very request: a Ready condition may be older than the handover (CG903). Flux then applies what was pushed meanwhile, as it would at its next interval. A suspended source is not asked.",
		Manual: "kubectl -n flux-system annotate --overwrite gitrepository/flux-system reconcile.fluxcd.io/requestedAt=\"$(date +%s)\" && kubectl -n flux-system get gitrepository flux-system -o jsonpath='{.status.lastHandledReconcileAt}'",
		Needs:  []facts.Part{facts.Fetching, facts.Fetches, facts.HelmReleases},
		Judge:  func(f facts.Facts) Verdict { return judgeFetching(f, false) },
	}, {
		ID: "CG909", Phase: Validation, AC: "AC-9",
		Title:  "Flux fetches Cilium's chart when it is asked to",
		Hint:   "What source-controller says: kubectl -n flux-system logs deploy/source-controller. The registry has to be reached from its pod: name resolution (CG905, CG906), egress (CG907).",
		About:  "With --probe the source of Cilium's HelmRelease is asked to fetch now and has to have handled that very request (CG904 shows what it last said). A HelmRepository of type oci is static: nothing fetches it but a chart's version, and it is not asked.",
		Manual: "kubectl -n kube-system annotate --overwrite ocirepository/cilium-charts reconcile.fluxcd.io/requestedAt=\"$(date +%s)\" && kubectl -n kube-system get ocirepository cilium-charts -o jsonpath='{.status.lastHandledReconcileAt}'",
		Needs:  []facts.Part{facts.Fetching, facts.Fetches, facts.HelmReleases},
		Judge:  func(f facts.Facts) Verdict { return judgeFetching(f, true) },
	}, {
		ID: "CG910", Phase: Validation, AC: "AC-9", Feature: "spegel",
		Title:  "Spegel's mirror on every node answers with what other nodes have",
		Hint:   "Where one node's mirror finds nothing, its Spegel does not reach the others' (port 5001, router): kubectl logs -n NAMESPACE -l app.kubernetes.io/name=spegel. Where it refuses the connection, Cilium serves no host ports there (CG111, hostPort) or another program has the port (CG128).",
		About:  "From a pod on every probed node that node's Spegel is asked for the manifest of images that another node lists (status.images) and this one does not; one has to come, and spegel_mirror_requests_total{cache=\"hit\"} has to move. Address and ports are those of Spegel's pods: its host port, where it has one. What a node has itself it does not count, and says nothing." + probeLimits,
		Manual: "kubectl run asker -it --rm --image=curlimages/curl --overrides='{\"spec\":{\"nodeName\":\"NODE\"}}' -- -si 'http://NODE-IP:PORT/v2/REPOSITORY/manifests/TAG?ns=REGISTRY'",
		Needs:  []facts.Part{facts.Mirrors},
		Judge:  judgeMirrors,
	}, {
		ID: "CG911", Phase: Validation, AC: "AC-9", Feature: "cert-manager",
		Title:  "cert-manager issues a certificate when it is asked to",
		Hint:   "See what holds it up: kubectl -n cert-manager logs deploy/cert-manager. A webhook that does not answer is reached from the API server through Cilium: kubectl -n cert-manager get pods,endpointslices.",
		About:  "With --probe an Issuer of type selfSigned and a Certificate are made in the probe's own namespace, and go with it: cert-manager's webhook and controller have to work for it, and nobody outside is asked. Whether its ACME account is registered is CG902.",
		Manual: "kubectl -n NAMESPACE wait --for=condition=Ready --timeout=60s certificate/NAME",
		Needs:  []facts.Part{facts.Issuing},
		Judge:  judgeIssuance,
	}}
}

func judgeMirrors(f facts.Facts) Verdict {
	m := f.Live.Mirrored
	switch {
	case m == nil:
		return unknown("there was no probe", Evidence{Where: "probe", Got: "no result"})
	case m.Spegels == 0:
		return skip("there is no Spegel")
	case m.Nodes == 1:
		return skip("there is one node, and no other to mirror from")
	case len(m.Answers) == 0:
		return unknown("no mirror was asked", Evidence{Where: "probed nodes with a pod of Spegel's", Got: "none"})
	}
	var n findings
	for _, a := range m.Answers {
		switch {
		case a.Why != "":
			n.unseen(a.Node, a.Why)
		case !a.OK:
			n.failed(a.Node+" mirror "+a.Address, fmt.Sprintf("%s, tried %s", a.Error, times(a.Tries)), "one of "+strings.Join(a.Images, ", "))
		}
	}
	return n.verdict(fmt.Sprintf("%s: the mirror answers, and its counter moves", count(len(m.Answers), "node")), "a mirror does not find what other nodes have")
}

func judgeIssuance(f facts.Facts) Verdict {
	i := f.Live.Issuance
	switch {
	case i == nil:
		return unknown("there was no probe", Evidence{Where: "probe", Got: "no result"})
	case i.Absent && f.Expect.Features["cert-manager"] == "required":
		return fail("cert-manager is required and its API is not served", Evidence{"certificates.cert-manager.io", "not found", "served"})
	case i.Absent:
		return skip("cert-manager is optional and not installed")
	case i.Why != "":
		return unknown("it is not known whether a certificate was issued", Evidence{Where: "cert-manager", Got: i.Why})
	case !i.Issued:
		return fail("cert-manager issues nothing", Evidence{"a Certificate of the probe's", orAbsent(i.Error), "issued"})
	}
	return pass("a self-signed certificate in %s", i.Took.Round(100*time.Millisecond))
}

// judgeFetching judges what became of asking the chart's source, or the others.
func judgeFetching(f facts.Facts, chart bool) Verdict {
	hr, handed := ciliumHelmRelease(f)
	if chart && !handed {
		return notHandedOver(f)
	}
	var n findings
	var words, static []string
	for _, s := range f.Live.Fetches {
		switch {
		case (handed && s.Ref() == hr.Source) != chart:
		case s.Kind == "HelmRepository" && s.Type == "oci":
			static = append(static, s.Ref()+" is static: there is nothing to ask it for")
		default:
			words = append(words, judgeFetched(f, s.Ref(), &n))
		}
	}
	switch {
	case len(words) > 0:
		slices.Sort(words)
		return n.verdict(strings.Join(words, "; "), "Flux does not fetch what it is asked to")
	case len(static) > 0:
		return skip("%s", strings.Join(static, "; "))
	case chart:
		return unknown("the chart's source is not there", Evidence{hr.Source, "not found", "a source"})
	}
	return skip("no Kustomization of Flux's own or of Cilium's reads a source")
}

// judgeFetched judges what became of asking one source, and words it for when it went well.
func judgeFetched(f facts.Facts, ref string, n *findings) string {
	i := slices.IndexFunc(f.Live.Fetching, func(r facts.Fetched) bool { return r.Ref == ref })
	if i < 0 {
		n.unseen(ref, "it was not asked")
		return ""
	}
	r := f.Live.Fetching[i]
	took := r.Took.Round(100 * time.Millisecond)
	switch c := conditionOf(r.Conditions, "Ready"); {
	case r.Suspend:
		n.failed(ref+" suspend", "true", "false")
		return ""
	case r.Why != "":
		n.unseen(ref, r.Why)
		return ""
	case !r.Handled:
		said := orAbsent(strings.Trim(c.Status+" "+c.Reason+": "+c.Message, ": "))
		n.failed(ref, fmt.Sprintf("the request was not handled within %s; Ready is %s", took, said), "handled")
		return ""
	}
	n.fail = append(n.fail, ready(ref, r.Generation, r.ObservedGeneration, false, r.Conditions).Evidence...)
	if c := conditionOf(r.Conditions, "FetchFailed"); c.Status == "True" {
		n.failed(ref+" FetchFailed", c.Reason+": "+c.Message, "False")
	}
	return fmt.Sprintf("%s %s, asked and fetched in %s", ref, orAbsent(r.Revision), took)
}
