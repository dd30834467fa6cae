package live

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// status is the part of Cilium's models.StatusResponse that is of use here (the same keys from 1.15 to 1.20).
type status struct {
	Cilium               state                 `json:"cilium"`
	Kubernetes           state                 `json:"kubernetes"`
	KubeProxyReplacement struct{ Mode string } `json:"kube-proxy-replacement"`
	Encryption           struct {
		Mode      string `json:"mode"`
		Msg       string `json:"msg"`
		WireGuard struct {
			NodeEncryption string               `json:"node-encryption"`
			Interfaces     []wireGuardInterface `json:"interfaces"`
		} `json:"wireguard"`
	} `json:"encryption"`
	Cluster struct {
		Self         string `json:"self"`
		CiliumHealth state  `json:"ciliumHealth"`
	} `json:"cluster"`
	Hubble struct {
		state
		Observer struct {
			CurrentFlows int64 `json:"current-flows"`
			MaxFlows     int64 `json:"max-flows"`
			SeenFlows    int64 `json:"seen-flows"`
		} `json:"observer"`
	} `json:"hubble"`
	IPAM    struct{ Status string } `json:"ipam"`
	Routing struct {
		Mode string `json:"inter-host-routing-mode"`
	} `json:"routing"`
	Controllers []controller      `json:"controllers"`
	Stale       map[string]string `json:"stale"`
}

type state struct {
	State string `json:"state"`
	Msg   string `json:"msg"`
}

func (s state) facts() facts.State { return facts.State{State: s.State, Message: s.Msg} }

type wireGuardInterface struct {
	Name       string `json:"name"`
	ListenPort int    `json:"listen-port"`
	PeerCount  int    `json:"peer-count"`
	Peers      []struct {
		Endpoint      string `json:"endpoint"`
		LastHandshake string `json:"last-handshake-time"`
		Received      int64  `json:"transfer-rx"`
		Transmitted   int64  `json:"transfer-tx"`
	} `json:"peers"`
}

type controller struct {
	Name   string `json:"name"`
	Status struct {
		Failures int64  `json:"consecutive-failure-count"`
		LastMsg  string `json:"last-failure-msg"`
	} `json:"status"`
}

// forbidden finds that not one agent may be asked: then the part as a whole could not be seen, for one reason.
func forbidden[T any](all []T, unread func(T) string) error {
	for _, a := range all {
		if !strings.HasPrefix(unread(a), "forbidden: ") || unread(a) != unread(all[0]) {
			return nil
		}
	}
	if len(all) == 0 {
		return nil
	}
	return errors.New(unread(all[0]))
}

// failuresInARow is how often a controller must fail before it is worth naming: one failure heals by itself.
const failuresInARow = 3

func seeAgents(ctx context.Context, g *gatherer) error {
	agents := eachAgent(g, func(p facts.Pod) facts.Agent { return g.agent(ctx, p) })
	if err := forbidden(agents, func(a facts.Agent) string { return a.Unread }); err != nil {
		return err
	}
	g.note(func(f *facts.Facts) { f.Live.Agents = agents })
	return nil
}

// agent asks one agent. Its exit code says nothing with -o json: it is 0 when the agent is unhealthy too.
func (g *gatherer) agent(ctx context.Context, p facts.Pod) facts.Agent {
	a := facts.Agent{Node: p.Node, Pod: p.Name}
	out, err := g.askAgent(ctx, p, "status", "-o", "json")
	readStatus(&a, out, err)
	return a
}

// readStatus reads the answer of `cilium-dbg status -o json`, or why there is none.
func readStatus(a *facts.Agent, out []byte, err error) {
	var s status
	switch {
	case err != nil:
		a.Unread = reason(err)
	case json.Unmarshal(out, &s) != nil:
		a.Unread = "cilium-dbg status: its answer is not JSON"
	case s.Cilium.State == "":
		a.Unread = "cilium-dbg status: its answer has no cilium.state"
	default:
		fill(a, s)
	}
}

func fill(a *facts.Agent, s status) {
	a.Cilium, a.Kubernetes, a.Health = s.Cilium.facts(), s.Kubernetes.facts(), s.Cluster.CiliumHealth.facts()
	a.Version, _, _ = strings.Cut(s.Cilium.Msg, " ")
	a.Self = s.Cluster.Self
	a.KubeProxyReplacement = s.KubeProxyReplacement.Mode
	a.Encryption = facts.Encryption{
		Mode: s.Encryption.Mode, Message: s.Encryption.Msg, NodeEncryption: s.Encryption.WireGuard.NodeEncryption,
	}
	a.Encryption.Interfaces = interfaces(s.Encryption.WireGuard.Interfaces)
	o := s.Hubble.Observer
	a.Hubble = facts.Hubble{State: s.Hubble.State, Message: s.Hubble.Msg, CurrentFlows: o.CurrentFlows, MaxFlows: o.MaxFlows, SeenFlows: o.SeenFlows}
	a.IPAM, a.Routing = s.IPAM.Status, s.Routing.Mode
	for _, c := range s.Controllers {
		if c.Status.Failures >= failuresInARow {
			a.FailingControllers = append(a.FailingControllers, fmt.Sprintf("%s: %s", c.Name, c.Status.LastMsg))
		}
	}
	slices.Sort(a.FailingControllers)
	a.Stale = slices.Sorted(maps.Keys(s.Stale))
}

func seeBGP(ctx context.Context, g *gatherer) error {
	all := eachAgent(g, func(p facts.Pod) facts.AgentBGP { return g.bgp(ctx, p) })
	if err := forbidden(all, func(b facts.AgentBGP) string { return b.Unread }); err != nil {
		return err
	}
	g.note(func(f *facts.Facts) { f.Live.BGP = all })
	return nil
}

func (g *gatherer) bgp(ctx context.Context, p facts.Pod) facts.AgentBGP {
	b := facts.AgentBGP{Node: p.Node, Pod: p.Name}
	out, err := g.askAgent(ctx, p, "bgp", "peers", "-o", "json")
	readBGP(&b, out, err)
	return b
}

// bgpDisabled matches an agent's word that its BGP control plane is off: in its answer's name or in its text, which
// releases spell differently.
var bgpDisabled = regexp.MustCompile(`(?i)getBgpPeersDisabled|BGP control plane (is )?disabled`)

// readBGP reads the answer of `cilium-dbg bgp peers -o json`, or why there is none.
func readBGP(b *facts.AgentBGP, out []byte, err error) {
	switch {
	case err != nil && bgpDisabled.MatchString(err.Error()), bgpDisabled.Match(out):
		b.Disabled = true
		return
	case err != nil:
		b.Unread = reason(err)
		return
	}
	var peers []struct {
		Address string `json:"peer-address"`
		ASN     int64  `json:"peer-asn"`
		State   string `json:"session-state"`
	}
	if err := json.Unmarshal(out, &peers); err != nil {
		b.Unread = "cilium-dbg bgp peers: its answer is not JSON"
		return
	}
	for _, peer := range peers {
		b.Peers = append(b.Peers, facts.BGPPeer{Address: peer.Address, ASN: peer.ASN, State: peer.State})
	}
	slices.SortFunc(b.Peers, func(x, y facts.BGPPeer) int { return cmp.Compare(x.Address, y.Address) })
}
