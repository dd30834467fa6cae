package check

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

const (
	// healthLag is how long an agent's prober may take to see what is: it goes through all nodes once in one to two
	// minutes, and a node that has just started is not probed before the next round (observed: 60 to 116 s).
	healthLag = 5 * time.Minute
	// healthStart is how long an agent may take to have its health endpoint: the datapath is compiled for it after that
	// of every pod (observed on a busy machine: 85 s). A prober comes by again within two minutes.
	healthStart = 2 * time.Minute
	session     = "established"
)

func datapathChecks() []Check {
	return []Check{{
		ID: "CG709", Phase: Validation, AC: "AC-7", Feature: "gateway-api",
		Title:  "the operator started after the Gateway API CRDs it requires",
		Hint:   "The operator looks for them only when it starts: kubectl -n kube-system rollout restart deploy/cilium-operator. No agent restarts.",
		About:  "Where a required kind was missing when the operator started it has switched Gateway API off, in a line of its log, and stays so although the kind is there now. A CRD that was deleted and made again looks the same from here, which is why this only warns.",
		Manual: "kubectl get crd -o custom-columns=NAME:.metadata.name,CREATED:.metadata.creationTimestamp | grep gateway.networking; kubectl -n kube-system get pods -l name=cilium-operator",
		Needs:  []facts.Part{facts.CRDs, facts.DaemonSets, facts.Pods, facts.Config},
		Judge:  judgeGatewayOrder,
	}, {
		ID: "CG710", Phase: Validation, AC: "AC-7", Feature: "bgp",
		Title:  "every configured BGP session is established",
		Hint:   "Ask that agent and its peer: kubectl -n kube-system exec POD -c cilium-agent -- cilium-dbg bgp peers. A session that stays active finds nobody at the address, or the ASN or password differs.",
		About:  "A peer is configured by CiliumBGPClusterConfig and CiliumBGPPeerConfig; each agent says in what state its session is. Where no peer is configured there is nothing to establish.",
		Manual: "kubectl -n kube-system exec POD -c cilium-agent -- cilium-dbg bgp peers",
		Needs:  []facts.Part{facts.BGP, facts.Config},
		Judge:  judgeSessions,
	}, {
		ID: "CG711", Phase: Validation, AC: "AC-7", Feature: "wireguard",
		Title:  "WireGuard peers answer",
		Hint:   "Look at both ends: kubectl -n kube-system exec POD -c cilium-agent -- cilium-dbg encrypt status; UDP port 51871 must be open between the nodes.",
		About:  "A peer that is sent packets and never sends one back, or has never shaken hands, is a tunnel into nothing. Handshakes happen under traffic only, so that an old one is no fault by itself: it is looked at with --probe, which sends some. An agent's status only counts its peers; their handshakes are in its debuginfo.",
		Manual: "kubectl -n kube-system exec POD -c cilium-agent -- cilium-dbg debuginfo --output jsonpath='{.encryption}'",
		Needs:  []facts.Part{facts.Tunnels},
		Judge:  judgeTunnels,
	}, {
		ID: "CG712", Phase: Validation, AC: "AC-7",
		Title:  "every agent reaches every other node and its health endpoint",
		Hint:   "See it from that agent: kubectl -n kube-system exec POD -c cilium-agent -- cilium-health status --probe. A host that does not answer is a matter of the network between nodes; an endpoint alone is one of tunnels, routes or policy.",
		About:  "Each agent probes every node and, as a pod would, a health endpoint there. The prober lags: a node that has just started is seen after a minute or two, which is not called a fault here. What was not probed within five minutes is unknown.",
		Manual: "kubectl -n kube-system exec POD -c cilium-agent -- cilium-health status",
		Needs:  []facts.Part{facts.Health, facts.Nodes, facts.Pods, facts.Config},
		Judge:  judgeHealth,
	}}
}

func judgeGatewayOrder(f facts.Facts) Verdict {
	if v, off := notWanted(f, "gateway-api"); off {
		return v
	}
	m, ok := ciliumMinor(f)
	if !ok {
		return versionUnknown(f)
	}
	var n findings
	last := time.Time{}
	for _, k := range gatewayKinds(m) {
		c, ok := crd(f, k.plural+".gateway.networking.k8s.io")
		switch {
		case !ok: // CG117's to say
		case c.Created.IsZero():
			n.unseen("CustomResourceDefinition/"+c.Name+" created", "not in this recording")
		case c.Created.After(last):
			last = c.Created
		}
	}
	if last.IsZero() && len(n.unknown) == 0 {
		return skip("none of the CRDs is there")
	}
	pods := 0
	for _, p := range f.Live.Pods {
		began := p.Started("cilium-operator")
		if p.Deleting || began.IsZero() {
			continue
		}
		pods++
		switch {
		case began.Before(last) && !began.Add(clockSlack).Before(last):
			n.unseen(p.Node+" "+p.Name+" started", stamp(began)+", too close to "+stamp(last)+", when the last CRD was created")
		case began.Before(last):
			n.warned(p.Node+" "+p.Name+" started", stamp(began), "after "+stamp(last)+", when the last CRD was created")
		}
	}
	if pods == 0 {
		n.unseen("cilium-operator", "no running operator")
	}
	return n.verdict(fmt.Sprintf("%s started after %s", count(pods, "operator"), stamp(last)),
		some(len(n.warn), pods, "operator")+" older than the Gateway API CRDs: unless they were there before, Gateway API is off")
}

func judgeSessions(f facts.Facts) Verdict {
	if v, off := notWanted(f, "bgp"); off {
		return v
	}
	var n findings
	sessions := 0
	for _, a := range f.Live.BGP {
		if a.Unread != "" {
			n.unseen(a.Node+" bgp", a.Unread)
		}
		for _, peer := range a.Peers {
			sessions++
			if peer.State != session {
				n.failed(fmt.Sprintf("%s peer %s AS%d", a.Node, peer.Address, peer.ASN), orAbsent(peer.State), session)
			}
		}
	}
	if len(f.Live.BGP) == 0 {
		n.unseen("bgp", "no running agent to ask")
	}
	if sessions == 0 && len(n.unknown) == 0 {
		return skip("no BGP peer is configured")
	}
	return n.verdict(count(sessions, "session"), some(len(n.fail), sessions, "BGP session")+" not established")
}

func judgeTunnels(f facts.Facts) Verdict {
	var n findings
	peers := 0
	for _, a := range f.Live.Tunnels {
		if a.Unread != "" {
			n.unseen(a.Node+" encryption.wireguard", a.Unread)
		}
		for _, i := range a.Interfaces {
			for _, peer := range i.Peers {
				peers++
				where := a.Node + " " + i.Name + " peer " + peer.Endpoint
				switch {
				case peer.Received == 0 && peer.Transmitted > 0:
					n.failed(where, fmt.Sprintf("%d bytes sent, none received", peer.Transmitted), "an answer")
				case peer.Transmitted == 0:
					n.warned(where, "no packet yet", "traffic")
				case peer.LastHandshake.IsZero():
					n.failed(where, "never shook hands", "a handshake")
				}
			}
		}
	}
	if peers == 0 && len(n.unknown) == 0 {
		return skip("no agent encrypts with WireGuard")
	}
	bad := "WireGuard peers do not answer"
	if len(n.fail) == 0 {
		bad = "nothing has been sent through some tunnels"
	}
	return n.verdict(count(peers, "peer"), bad)
}

func judgeHealth(f facts.Facts) Verdict {
	if config(f, "enable-health-checking") == "false" {
		return skip("enable-health-checking is false: agents do not probe")
	}
	var n findings
	judged := 0
	for _, h := range f.Live.Health {
		if h.Unread != "" {
			n.unseen(h.Node+" "+h.Pod, h.Unread)
			continue
		}
		judged++
		judgePeersOf(f, h, &n)
	}
	if len(f.Live.Health) == 0 {
		n.unseen("agents", "no running agent to ask")
	}
	bad := "nodes are not reached"
	if len(n.fail) == 0 {
		bad = "nodes of other clusters are not reached"
	}
	return n.verdict(fmt.Sprintf("%s reach %s", count(judged, "agent"), count(len(f.Live.Nodes), "node")), bad)
}

// judgePeersOf judges what one agent's prober saw, of each of the cluster's nodes and of those of other clusters.
func judgePeersOf(f facts.Facts, h facts.AgentHealth, n *findings) {
	for _, node := range f.Live.Nodes {
		if !slices.ContainsFunc(h.Peers, func(p facts.HealthPeer) bool { return own(f, p.Name) && path.Base(p.Name) == node.Name }) {
			n.unseen(h.Node+" to "+node.Name, "not probed yet: a node that has just joined is probed after a minute or two")
		}
	}
	for _, peer := range h.Peers {
		tell := n.failed
		if !own(f, peer.Name) {
			tell = n.warned
		}
		for _, way := range []struct {
			name   string
			probed facts.Probed
		}{{"host", peer.Host}, {"health endpoint", peer.Endpoint}} {
			where := h.Node + " to " + peer.Name + " " + way.name
			switch at := way.probed.At; {
			case at.IsZero():
				n.unseen(where, "not probed yet")
			case f.Taken.Sub(at) > healthLag:
				n.unseen(where, "last probed "+stamp(at)+", more than five minutes ago")
			case way.probed.Error != "" && restartedSince(f, path.Base(peer.Name), at):
				n.unseen(where, "last probed "+stamp(at)+", when the agent there had just started")
			case way.probed.Error != "":
				tell(where, way.probed.Error, "an answer")
			}
		}
	}
}

// own tells whether "cluster/node" is of this cluster; a prober outside a mesh may leave the cluster out.
func own(f facts.Facts, name string) bool {
	cluster, _, named := strings.Cut(name, "/")
	return !named || cluster == config(f, "cluster-name") || config(f, "cluster-name") == ""
}

// restartedSince tells whether the agent of that node started after a probe, or so shortly before that its health
// endpoint may not have been there yet.
func restartedSince(f facts.Facts, node string, probe time.Time) bool {
	for _, p := range agentPods(f) {
		if p.Node == node && p.Started(agentContainer).Add(healthStart).After(probe) {
			return true
		}
	}
	return false
}
