package live

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// healthResponse is the part of cilium-health's HealthStatusResponse that is of use here (api/v1/health in
// github.com/cilium/cilium). Its "endpoint" repeats the health endpoint's address for readers before 1.12.
type healthResponse struct {
	Local struct{ Name string } `json:"local"`
	Nodes []struct {
		Name     string      `json:"name"`
		Host     healthPaths `json:"host"`
		Endpoint healthPaths `json:"health-endpoint"`
	} `json:"nodes"`
}

type healthPaths struct {
	Primary struct {
		HTTP healthPath `json:"http"`
		ICMP healthPath `json:"icmp"`
	} `json:"primary-address"`
}

type healthPath struct {
	LastProbed string `json:"lastProbed"`
	Status     string `json:"status"` // why it did not answer; empty when it did
}

// probed is the path over HTTP: a node whose firewall drops ICMP is reached all the same.
func (p healthPaths) probed() facts.Probed {
	return facts.Probed{At: parseTime(p.Primary.HTTP.LastProbed), Error: facts.RedactText(p.Primary.HTTP.Status)}
}

func seeHealth(ctx context.Context, g *gatherer) error {
	all := eachAgent(g, func(p facts.Pod) facts.AgentHealth { return g.health(ctx, p) })
	if err := forbidden(all, func(h facts.AgentHealth) string { return h.Unread }); err != nil {
		return err
	}
	g.note(func(f *facts.Facts) { f.Live.Health = all })
	return nil
}

func (g *gatherer) health(ctx context.Context, p facts.Pod) facts.AgentHealth {
	h := facts.AgentHealth{Node: p.Node, Pod: p.Name}
	if p.Phase != "Running" {
		h.Unread = errNotRunning.Error() + ": pod is " + p.Phase
		return h
	}
	out, err := g.exec(ctx, p, "cilium-health", "status", "-o", "json")
	if err != nil {
		err = g.timeout(ctx, err)
	}
	readHealth(&h, out, err)
	return h
}

// readHealth reads the answer of `cilium-health status -o json`, or why there is none.
func readHealth(h *facts.AgentHealth, out []byte, err error) {
	var r healthResponse
	switch {
	case err != nil:
		h.Unread = reason(err)
		return
	case json.Unmarshal(out, &r) != nil:
		h.Unread = "cilium-health status: its answer is not JSON"
		return
	case r.Local.Name == "":
		h.Unread = "cilium-health status: its answer has no local.name"
		return
	}
	for _, n := range r.Nodes {
		h.Peers = append(h.Peers, facts.HealthPeer{Name: n.Name, Host: n.Host.probed(), Endpoint: n.Endpoint.probed()})
	}
	slices.SortFunc(h.Peers, func(a, b facts.HealthPeer) int { return cmp.Compare(a.Name, b.Name) })
}

func seeTunnels(ctx context.Context, g *gatherer) error {
	all := eachAgent(g, func(p facts.Pod) facts.AgentTunnels {
		t := facts.AgentTunnels{Node: p.Node, Pod: p.Name}
		out, err := g.askAgent(ctx, p, "debuginfo", "--output", "jsonpath={.encryption}")
		readTunnels(&t, out, err)
		return t
	})
	if err := forbidden(all, func(t facts.AgentTunnels) string { return t.Unread }); err != nil {
		return err
	}
	g.note(func(f *facts.Facts) { f.Live.Tunnels = all })
	return nil
}

// readTunnels reads .encryption of `cilium-dbg debuginfo`, or why there is none. Without WireGuard it is empty.
func readTunnels(t *facts.AgentTunnels, out []byte, err error) {
	var encryption struct {
		WireGuard struct {
			Interfaces []wireGuardInterface `json:"interfaces"`
		} `json:"wireguard"`
	}
	switch {
	case err != nil:
		t.Unread = reason(err)
	case len(bytes.TrimSpace(out)) == 0:
	case json.Unmarshal(out, &encryption) != nil:
		t.Unread = "cilium-dbg debuginfo: its answer is not JSON"
	default:
		t.Interfaces = interfaces(encryption.WireGuard.Interfaces)
	}
}

func interfaces(all []wireGuardInterface) (out []facts.Interface) {
	for _, i := range all {
		one := facts.Interface{Name: i.Name, ListenPort: i.ListenPort, PeerCount: i.PeerCount}
		for _, p := range i.Peers {
			one.Peers = append(one.Peers, facts.Peer{
				Endpoint: p.Endpoint, LastHandshake: parseTime(p.LastHandshake), Received: p.Received, Transmitted: p.Transmitted,
			})
		}
		slices.SortFunc(one.Peers, func(x, y facts.Peer) int { return cmp.Compare(x.Endpoint, y.Endpoint) })
		out = append(out, one)
	}
	return out
}
