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
	peers := a.wireguardPeers()
	node := "Disabled"
	if a.on("encrypt-node") {
		node = "OptedOut"
	}
	status.Wireguard = &models.WireguardStatus{
		NodeEncryption: node,
		Interfaces: []*models.WireguardInterface{{
			Name: "cilium_wg0", ListenPort: 51871, PublicKey: a.publicKey(a.Node), PeerCount: int64(len(peers)), Peers: peers,
		}},
	}
	return status
}

func (a *Agent) wireguardPeers() []*models.WireguardPeer {
	peers := []*models.WireguardPeer{}
	for _, p := range a.World.Nodes {
		if p.Name == a.Node || !p.Agent {
			continue
		}
		seconds := int64(a.uptime().Seconds())
		peers = append(peers, &models.WireguardPeer{
			AllowedIps: []string{p.IP + "/32", a.address(p, "health") + "/32", a.address(p, "ingress") + "/32", a.address(p, "pod-1") + "/32"},
			Endpoint:   p.IP + ":51871", PublicKey: a.publicKey(p.Name),
			LastHandshakeTime: strfmt.DateTime(a.ago(2*time.Minute, a.Node, p.Name)),
			TransferRx:        180 + seconds*(40+a.number(60, a.Node, p.Name, "rx")),
			TransferTx:        180 + seconds*(40+a.number(60, a.Node, p.Name, "tx")),
		})
	}
	return peers[:max(len(peers)-a.Fault.PeersMissing, 0)]
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
