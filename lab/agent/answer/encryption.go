package answer

import (
	"fmt"
	"strings"
	"time"

	"github.com/cilium/cilium/api/v1/models"
	"github.com/go-openapi/strfmt"
)

// Encryption is the mode in effect on the node, with WireGuard's one interface and a peer for every other node.
func (a *Agent) Encryption() *models.EncryptionStatus {
	mode := models.EncryptionStatusModeDisabled
	if a.on("enable-wireguard") {
		mode = models.EncryptionStatusModeWireguard
	}
	if a.Fault.Encryption != "" {
		mode = a.Fault.Encryption
	}
	status := &models.EncryptionStatus{Mode: mode}
	if mode != models.EncryptionStatusModeWireguard {
		return status
	}
	node := "Disabled"
	if a.on("encrypt-node") {
		node = "OptedOut"
	}
	status.Wireguard = &models.WireguardStatus{
		NodeEncryption: node,
		Interfaces: []*models.WireguardInterface{{
			Name: "cilium_wg0", ListenPort: 51871, PublicKey: a.publicKey(a.Node), PeerCount: a.peers(),
		}},
	}
	return status
}

// peers is how many there are. A real agent counts them in its status and names none.
func (a *Agent) peers() int64 {
	n := 0
	for _, p := range a.World.Nodes {
		if p.Name != a.Node && p.Agent {
			n++
		}
	}
	return int64(max(n-a.Fault.PeersMissing, 0))
}

// EncryptText is what `cilium-dbg encrypt status` prints for people.
func (a *Agent) EncryptText() string {
	e := a.Encryption()
	var b strings.Builder
	fmt.Fprintf(&b, "Encryption: %-10s\n", e.Mode)
	if e.Wireguard == nil {
		return b.String()
	}
	for _, i := range e.Wireguard.Interfaces {
		fmt.Fprintf(&b, "Interface: %s\n\tPublic key: %s\n\tNumber of peers: %d\n", i.Name, i.PublicKey, i.PeerCount)
	}
	return b.String()
}

// Tunnels is Encryption as debuginfo has it: with every peer.
func (a *Agent) Tunnels() *models.EncryptionStatus {
	e := a.Encryption()
	if e.Wireguard == nil {
		return e
	}
	for _, p := range a.World.Nodes {
		if p.Name == a.Node || !p.Agent || int64(len(e.Wireguard.Interfaces[0].Peers)) == a.peers() {
			continue
		}
		peer := &models.WireguardPeer{
			Endpoint: p.IP + ":51871", PublicKey: a.publicKey(p.Name), AllowedIps: []string{p.PodCIDR},
			LastHandshakeTime: strfmt.DateTime(a.ago(2*time.Minute, a.Node, p.Name, "handshake")),
			TransferRx:        4096 + a.number(1<<20, a.Node, p.Name, "rx"), TransferTx: 4096 + a.number(1<<20, a.Node, p.Name, "tx"),
		}
		if a.Fault.Tunnels == "dead" {
			peer.TransferRx, peer.LastHandshakeTime = 0, strfmt.DateTime{}
		}
		e.Wireguard.Interfaces[0].Peers = append(e.Wireguard.Interfaces[0].Peers, peer)
	}
	return e
}
