package check

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

func aroundChecks() []Check {
	return []Check{{
		ID: "CG713", Phase: Validation, AC: "AC-7", Feature: "hubble",
		Title:  "Hubble's relay is connected to every agent",
		Hint:   "The relay's log names the agent and why: kubectl -n kube-system logs deploy/hubble-relay. An expired certificate loses all of them at once (CG705); one node lost is that node's port 4244.",
		About:  "The relay is asked itself (gRPC ServerStatus through a port-forward): how many agents it is connected to, which are unavailable, and whether flows were seen. A Deployment that is ready proves none of that.",
		Manual: "kubectl -n kube-system port-forward deploy/hubble-relay 4245 & hubble status --server localhost:4245",
		Needs:  []facts.Part{facts.Relay, facts.Nodes, facts.Config, facts.Release},
		Judge:  judgeRelayNodes,
	}, {
		ID: "CG714", Phase: Validation, AC: "AC-7", Feature: "prometheus",
		Title:  "Prometheus scrapes every agent, and each target is up",
		Hint:   "Prometheus' page Status > Targets shows the reason. A ServiceMonitor that it does not select lacks the label that its serviceMonitorSelector asks for (prometheus.serviceMonitor.labels). A Prometheus elsewhere is named in fleet.yaml: prometheus: {namespace: NS, selector: LABEL=VALUE, port: 9090}.",
		About:  "Prometheus itself is asked (GET /api/v1/targets through a port-forward; its pods are found by app.kubernetes.io/name=prometheus). That ServiceMonitors exist does not prove that anybody scrapes.",
		Manual: "kubectl -n monitoring port-forward POD 9090 & curl -s 'localhost:9090/api/v1/targets?state=active'",
		Needs:  []facts.Part{facts.Targets, facts.Pods, facts.Config},
		Judge:  judgeTargets,
	}, {
		ID: "CG901", Phase: Validation, AC: "AC-9", Feature: "coredns",
		Title:  "CoreDNS is rolled out",
		Hint:   "See why it is not whole: kubectl -n kube-system describe deploy coredns. Whether a query is answered on every node: verify --probe.",
		About:  "The Deployment in Cilium's namespace that bears k8s-app kube-dns or coredns, whatever its name. Its pods are on Cilium's network: they are the first to suffer from it.",
		Manual: "kubectl -n kube-system get deploy -l 'k8s-app in (kube-dns, coredns)'",
		Needs:  []facts.Part{facts.Deployments, facts.DaemonSets},
		Judge:  judgeCoreDNS,
	}, {
		ID: "CG902", Phase: Validation, AC: "AC-9", Feature: "cert-manager",
		Title:  "cert-manager's ACME issuers are registered",
		Hint:   "kubectl describe clusterissuer NAME says what the ACME server answered, or that nobody did.",
		About:  "A ClusterIssuer's Ready condition is the result of its last registration, which may be older than the handover: its age is shown. Issuers that are not ACME reach nobody outside and are left out.",
		Manual: "kubectl get clusterissuers",
		Needs:  []facts.Part{facts.Issuers},
		Judge:  judgeIssuers,
	}, {
		ID: "CG903", Phase: Validation, AC: "AC-9",
		Title:  "Flux fetches the Git repository that Cilium's tree is in",
		Hint:   "flux get sources git -A; flux reconcile source git flux-system. What source-controller says: kubectl -n flux-system logs deploy/source-controller.",
		About:  "The source of Cilium's Kustomization and of Flux's own: Ready for its present generation, not failing to fetch, not suspended. When the last artifact was stored is shown; a fetch that finds nothing new does not move it.",
		Manual: "kubectl get gitrepositories -A",
		Needs:  []facts.Part{facts.Fetches, facts.HelmReleases},
		Judge:  func(f facts.Facts) Verdict { return judgeFetches(f, false) },
	}, {
		ID: "CG904", Phase: Validation, AC: "AC-9",
		Title:  "Flux fetches Cilium's chart",
		Hint:   "flux get sources oci -A; flux get sources chart -A; flux reconcile source oci cilium-charts -n kube-system.",
		About:  "The source of Cilium's HelmRelease: Ready for its present generation, not failing to fetch, not suspended.",
		Manual: "kubectl get ocirepositories,helmrepositories -A",
		Needs:  []facts.Part{facts.Fetches, facts.HelmReleases},
		Judge:  func(f facts.Facts) Verdict { return judgeFetches(f, true) },
	}}
}

func judgeRelayNodes(f facts.Facts) Verdict {
	if v, off := notWanted(f, "hubble"); off {
		return v
	}
	if r := f.Live.Release; r != nil && r.Computed().Text("hubble.relay.enabled") != "true" {
		return skip("hubble.relay.enabled is not true")
	}
	var n findings
	for _, r := range f.Live.Relays {
		switch {
		case r.Unread != "":
			n.unseen(r.Pod, r.Unread)
			continue
		case r.Unavailable > 0:
			n.failed(r.Pod+" unavailable nodes", fmt.Sprint(r.Unavailable)+named(r.UnavailableNodes), "0")
		case r.Connected < int64(len(f.Live.Nodes)):
			n.failed(r.Pod+" connected nodes", fmt.Sprint(r.Connected), fmt.Sprint(len(f.Live.Nodes)))
		}
		if r.SeenFlows == 0 {
			n.warned(r.Pod+" flows seen", "0", "some")
		}
	}
	if len(f.Live.Relays) == 0 {
		n.unseen("hubble-relay", "no relay to ask")
	}
	bad := "the relay does not see every agent"
	if len(n.fail) == 0 {
		bad = "the relay has seen no flow"
	}
	return n.verdict(fmt.Sprintf("%s to %s", count(len(f.Live.Relays), "relay"), count(len(f.Live.Nodes), "node")), bad)
}

// named words names after a number: " (infra-2, infra-3)".
func named(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

func judgeTargets(f facts.Facts) Verdict {
	if v, off := notWanted(f, "prometheus"); off {
		return v
	}
	if len(f.Live.Scraping) == 0 {
		where := Evidence{"pods with " + orAbsent(f.Expect.Prometheus.Selector) + " in " + anyNamespace(f.Expect.Prometheus.Namespace), "not found", "a Prometheus"}
		if f.Expect.Features["prometheus"] == "required" {
			return fail("there is no Prometheus to scrape Cilium", where)
		}
		return skip("there is no Prometheus")
	}
	var n findings
	scraped := 0
	for _, s := range f.Live.Scraping {
		if s.Unread != "" {
			n.unseen(s.Prometheus, s.Unread)
		}
		if len(s.Targets) == 0 {
			continue // it may be somebody else's
		}
		scraped++
		judgeScraping(f, s, &n)
	}
	if scraped == 0 && len(n.unknown) == 0 {
		n.failed("targets of Cilium", "0", "one for each agent at least")
	}
	return n.verdict(fmt.Sprintf("%s of Cilium up", count(targets(f), "target")), "Cilium is not scraped as it should be")
}

func anyNamespace(namespace string) string {
	if namespace == "" {
		return "any namespace"
	}
	return "namespace " + namespace
}

func targets(f facts.Facts) (all int) {
	for _, s := range f.Live.Scraping {
		all += len(s.Targets)
	}
	return all
}

func judgeScraping(f facts.Facts, s facts.Scraping, n *findings) {
	for _, t := range s.Targets {
		where := s.Prometheus + " " + t.Pool + " " + t.Instance
		switch t.Health {
		case "up":
		case "down":
			n.failed(where, "down: "+t.Error, "up")
		default: // not scraped since it was found
			n.unseen(where, orAbsent(t.Health)+": not scraped yet")
		}
	}
	for _, p := range agentPods(f) {
		if !p.Deleting && !slices.ContainsFunc(s.Targets, func(t facts.Target) bool { return t.Pod == p.Name }) {
			n.failed(s.Prometheus+" target of "+p.Node+" "+p.Name, "(absent)", "one")
		}
	}
}

func judgeCoreDNS(f facts.Facts) Verdict {
	var n findings
	found := 0
	for _, w := range slices.Concat(f.Live.Deployments, f.Live.DaemonSets) {
		if k8sApp := w.Labels["k8s-app"]; k8sApp != "kube-dns" && k8sApp != "coredns" && w.Labels["app.kubernetes.io/name"] != "coredns" {
			continue
		}
		found++
		r := rollout(w, w.Desired)
		n.fail = append(n.fail, r.fail...)
		if w.Desired == 0 {
			n.failed(place(w.Namespace, w.Kind, w.Name)+" desired", "0", "at least 1")
		}
	}
	if found == 0 {
		where := Evidence{f.Expect.Cilium.Namespace + " Deployments with k8s-app kube-dns or coredns", "not found", "one"}
		if f.Expect.Features["coredns"] == "required" {
			return fail("CoreDNS is required and there is none", where)
		}
		return skip("coredns is optional and not found")
	}
	return n.verdict("whole", "CoreDNS is not whole")
}

func judgeIssuers(f facts.Facts) Verdict {
	var n findings
	issuers, oldest := 0, time.Time{}
	for _, i := range f.Live.Issuers {
		if !i.ACME {
			continue
		}
		issuers++
		where := "ClusterIssuer/" + i.Name + " Ready"
		switch {
		case i.Ready == nil:
			n.failed(where, "(absent)", "True")
		case i.Ready.Status != "True":
			n.failed(where, strings.Trim(i.Ready.Status+" "+i.Ready.Reason+": "+i.Ready.Message, ": "), "True")
		case i.Ready.ObservedGeneration != 0 && i.Ready.ObservedGeneration < i.Generation:
			n.failed(where+" observedGeneration", fmt.Sprint(i.Ready.ObservedGeneration), fmt.Sprint(i.Generation))
		case oldest.IsZero() || i.Ready.Since.Before(oldest):
			oldest = i.Ready.Since
		}
	}
	if issuers == 0 {
		if f.Expect.Features["cert-manager"] == "required" {
			return fail("cert-manager is required and there is no ACME issuer", Evidence{"ClusterIssuers with spec.acme", "not found", "one"})
		}
		return skip("there is no ACME ClusterIssuer")
	}
	return n.verdict(fmt.Sprintf("%s; the last word of one is %s", count(issuers, "issuer"), age(f.Taken.Sub(oldest))), "an ACME issuer is not registered")
}

// judgeFetches judges the chart's source, or the others.
func judgeFetches(f facts.Facts, chart bool) Verdict {
	hr, handed := ciliumHelmRelease(f)
	if chart && !handed {
		return notHandedOver(f)
	}
	var n findings
	var words []string
	for _, s := range f.Live.Fetches {
		if (handed && s.Ref() == hr.Source) != chart {
			continue
		}
		if s.Kind == "HelmRepository" && s.Type == "oci" {
			words = append(words, s.Ref()+" is static: it is asked only for a chart")
			continue
		}
		v := ready(s.Ref(), s.Generation, s.ObservedGeneration, s.Suspend, s.Conditions)
		n.fail = append(n.fail, v.Evidence...)
		if c := conditionOf(s.Conditions, "FetchFailed"); c.Status == "True" {
			n.failed(s.Ref()+" FetchFailed", c.Reason+": "+c.Message, "False")
		}
		words = append(words, fmt.Sprintf("%s %s, stored %s", s.Ref(), orAbsent(s.Revision), age(f.Taken.Sub(s.Fetched))))
	}
	if len(words) == 0 {
		if chart {
			return unknown("the chart's source is not there", Evidence{hr.Source, "not found", "a source"})
		}
		return skip("no Kustomization of Flux's own or of Cilium's reads a source")
	}
	slices.Sort(words)
	return n.verdict(strings.Join(words, "; "), "Flux does not fetch what it is told to")
}
