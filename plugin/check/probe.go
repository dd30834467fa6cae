package check

import (
	"fmt"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// probeLimits are what every check of a probe has to say of itself.
const probeLimits = " Asked by short-lived pods of verify --probe, which are removed again. A policy that denies by default stops them as well: allow the namespaces labelled app.kubernetes.io/managed-by=cilium-gitops. For the full suite: cilium connectivity test."

func probeChecks() []Check {
	return []Check{{
		ID: "CG715", Phase: Validation, AC: "AC-7",
		Title:  "pods on different nodes reach one another",
		Hint:   "Where one node is in every failed pair it is that node: cilium-dbg status --all-health on its agent (CG708). Where all pairs fail it is the mode: routing, tunnel port (8472/UDP for VXLAN) or a firewall between the nodes.",
		About:  "From a pod on every probed node to a pod on every other: a TCP connection whose bytes come back. That agents call themselves healthy is not that." + probeLimits,
		Manual: `kubectl run asker -it --rm --image=busybox --overrides='{"spec":{"nodeName":"NODE"}}' -- wget -qO- -T 3 http://IP-OF-A-POD-ON-ANOTHER-NODE:PORT/`,
		Needs:  []facts.Part{facts.Probing},
		Judge:  judgePodToPod,
	}, {
		ID: "CG716", Phase: Validation, AC: "AC-7",
		Title:  "pods on every node reach a Service by its ClusterIP",
		Hint:   "See what the agent of that node has for it: cilium-dbg service list. Where pods are reached (CG715) and Services are not, nobody replaces kube-proxy there (CG111).",
		About:  "From a pod on every probed node to the ClusterIP of the probe's own Service." + probeLimits,
		Manual: `kubectl run asker -it --rm --image=busybox --overrides='{"spec":{"nodeName":"NODE"}}' -- wget -qO- -T 3 http://CLUSTER-IP:PORT/`,
		Needs:  []facts.Part{facts.Probing},
		Judge:  judgeProbedService,
	}, {
		ID: "CG717", Phase: Validation, AC: "AC-7",
		Title:  "pods on every node reach the API server by its ClusterIP",
		Hint:   "Controllers, Flux's among them, cannot work from that node. See the agent's services: cilium-dbg service list | grep -A3 :443; see Service and endpoints: kubectl get service,endpointslices kubernetes.",
		About:  "From a pod on every probed node a TLS handshake with Service default/kubernetes. Nothing is sent, and the pod has no credentials." + probeLimits,
		Manual: `kubectl run asker -it --rm --image=busybox --overrides='{"spec":{"nodeName":"NODE"}}' -- nc -zv -w 3 kubernetes.default.svc 443`,
		Needs:  []facts.Part{facts.Probing},
		Judge:  judgeProbedAPI,
	}, {
		ID: "CG718", Phase: Validation, AC: "AC-7",
		Title: "the probe left nothing behind",
		Hint: "Its pods end at the namespace's deadline, and the next probe then removes it. Where nobody else is " +
			"probing (flux handover status; no verify --probe), remove it now: kubectl delete namespace NAME.",
		About:  "A probe makes one namespace, and everything that it makes is in there. It is removed whatever happens, and seen gone.",
		Manual: "kubectl get namespaces -l app.kubernetes.io/managed-by=cilium-gitops",
		Needs:  []facts.Part{facts.Probing},
		Judge:  judgeProbeGone,
	}, {
		ID: "CG905", Phase: Validation, AC: "AC-9", Feature: "coredns",
		Title:  "pods on every node resolve the cluster's names",
		Hint:   "Where one node alone fails, its pods do not reach the DNS pods (CG715, CG716). Where all fail, look at the DNS pods: kubectl -n kube-system logs -l k8s-app=kube-dns.",
		About:  "From a pod on every probed node a query for kubernetes.default.svc at the ClusterIP of the cluster's DNS Service. That CoreDNS is rolled out does not say that it is reached." + probeLimits,
		Manual: `kubectl run asker -it --rm --image=busybox --overrides='{"spec":{"nodeName":"NODE"}}' -- nslookup kubernetes.default.svc.cluster.local`,
		Needs:  []facts.Part{facts.Probing},
		Judge:  judgeProbedDNS,
	}, {
		ID: "CG906", Phase: Validation, AC: "AC-9", Feature: "coredns",
		Title:  "pods on every node resolve names outside the cluster",
		Hint:   "The cluster's own names resolve (CG905) and this one does not: see the servers that CoreDNS forwards to: kubectl -n kube-system get configmap coredns -o jsonpath='{.data.Corefile}'.",
		About:  "From a pod on every probed node a query for the names of --probe-dns at the cluster's DNS Service." + probeLimits,
		Manual: `kubectl run asker -it --rm --image=busybox --overrides='{"spec":{"nodeName":"NODE"}}' -- nslookup NAME`,
		Needs:  []facts.Part{facts.Probing},
		Judge:  judgeProbedNames,
	}, {
		ID: "CG907", Phase: Validation, AC: "AC-9",
		Title:  "pods on every node reach what is outside the cluster",
		Hint:   "Where one node alone fails it is its route or its firewall; where all fail it is masquerading (ipv4NativeRoutingCIDR, enable-ipv4-masquerade) or what is in the way outside.",
		About:  "From a pod on every probed node a TCP connection to each place that --probe-egress names. Only those are tried." + probeLimits,
		Manual: `kubectl run asker -it --rm --image=busybox --overrides='{"spec":{"nodeName":"NODE"}}' -- nc -zv -w 3 HOST PORT`,
		Needs:  []facts.Part{facts.Probing},
		Judge:  judgeProbedEgress,
	}}
}

// probing is what the checks of a probe have in common: which results they judge, and how those are worded.
type probing struct {
	kind string
	good string // follows "3 nodes: "
	bad  string
	want string
}

func judgePodToPod(f facts.Facts) Verdict {
	if p := f.Live.Probe; p != nil && len(p.Nodes) == 1 && p.Nodes[0].Why == "" {
		return skip("one node was probed: there is no other to reach")
	}
	return probing{kind: facts.ProbePod, good: "every pair", bad: "pods do not reach one another", want: "the bytes come back"}.verdict(f)
}

func judgeProbedService(f facts.Facts) Verdict {
	return probing{kind: facts.ProbeService, good: "the ClusterIP answers", bad: "a Service is not reached by its ClusterIP", want: "the bytes come back"}.verdict(f)
}

func judgeProbedAPI(f facts.Facts) Verdict {
	return probing{kind: facts.ProbeAPI, good: "the API server answers", bad: "the API server is not reached from pods", want: "a TLS handshake"}.verdict(f)
}

func judgeProbedDNS(f facts.Facts) Verdict {
	return probing{kind: facts.ProbeDNS, good: "names are resolved", bad: "names of the cluster are not resolved", want: "an address"}.verdict(f)
}

func judgeProbedNames(f facts.Facts) Verdict {
	if p := f.Live.Probe; p != nil && len(p.Names) == 0 {
		return skip("not asked for: no --probe-dns")
	}
	return probing{kind: facts.ProbeExternal, good: "names are resolved", bad: "names outside the cluster are not resolved", want: "an address"}.verdict(f)
}

func judgeProbedEgress(f facts.Facts) Verdict {
	if p := f.Live.Probe; p != nil && len(p.Egress) == 0 {
		return skip("not asked for: no --probe-egress")
	}
	return probing{kind: facts.ProbeEgress, good: "it is reached", bad: "what is outside the cluster is not reached", want: "a TCP connection"}.verdict(f)
}

func judgeProbeGone(f facts.Facts) Verdict {
	switch p := f.Live.Probe; {
	case p == nil:
		return unknown("there was no probe", Evidence{Where: "probe", Got: "no result"})
	case p.Left != "":
		return fail("something of the probe is left", Evidence{"namespace", p.Left, "not found"})
	}
	return pass("its namespace is gone again")
}

func (g probing) verdict(f facts.Facts) Verdict {
	p := f.Live.Probe
	if p == nil || len(p.Nodes) == 0 {
		return unknown("there was no probe", Evidence{Where: "probe", Got: "no result"})
	}
	if why, unasked := p.Unasked[g.kind]; unasked {
		return unknown("nobody could be asked", Evidence{Where: g.kind, Got: why})
	}
	var n findings
	from := map[string]int{}
	var slowest facts.ProbeResult
	again := 0
	for _, r := range p.Results {
		if r.Kind != g.kind {
			continue
		}
		from[r.From]++
		if !r.OK {
			n.failed(r.From+" -> "+target(r), fmt.Sprintf("%s, tried %s", r.Error, times(r.Tries)), g.want)
		}
		if r.OK && r.Took > slowest.Took {
			slowest = r
		}
		if r.OK && r.Tries > 1 {
			again++
		}
	}
	g.missing(p, from, &n)
	return n.verdict(g.reason(p, slowest, again), g.bad)
}

// missing are the nodes from which there is no answer.
func (g probing) missing(p *facts.Probe, from map[string]int, n *findings) {
	probed := 0
	for _, node := range p.Nodes {
		if node.Why == "" {
			probed++
		}
	}
	for _, node := range p.Nodes {
		switch {
		case node.Why != "":
			n.unseen(node.Name, node.Why)
		case from[node.Name] == 0 && (g.kind != facts.ProbePod || probed > 1):
			n.unseen(node.Name, "it told of no "+g.kind)
		}
	}
}

func target(r facts.ProbeResult) string {
	if r.Address == "" || strings.Contains(r.To, r.Address) {
		return r.To
	}
	return r.To + " (" + r.Address + ")"
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return count(n, "time")
}

// reason is the good sentence: from how many nodes, how slow the slowest was, and what took more than one try.
func (g probing) reason(p *facts.Probe, slowest facts.ProbeResult, again int) string {
	whole := count(len(p.Nodes), "node")
	if p.Others > 0 {
		whole = some(len(p.Nodes), len(p.Nodes)+p.Others, "node")
	}
	text := fmt.Sprintf("%s: %s; the slowest took %s", whole, g.good, slowest.Took.Round(100*time.Microsecond))
	if again > 0 {
		text += fmt.Sprintf("; %d not at the first try", again)
	}
	return text
}
