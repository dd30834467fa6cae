package facts

import "time"

// Agent is what one Cilium agent says of itself: the answer of `cilium-dbg status -o json` in its pod. Field names
// and values are Cilium's (api/v1/models in github.com/cilium/cilium, the same from 1.15 to 1.20).
type Agent struct {
	Node string `json:"node"`
	Pod  string `json:"pod"`
	// Unread is why there is no answer; all below is then empty.
	Unread string `json:"unread,omitempty"`

	Cilium     State  `json:"cilium,omitzero"`
	Version    string `json:"version,omitempty"` // "1.18.2", from .cilium.msg
	Kubernetes State  `json:"kubernetes,omitzero"`
	Self       string `json:"self,omitempty"` // "infra/infra-1": cluster name and node name

	KubeProxyReplacement string     `json:"kubeProxyReplacement,omitempty"` // True | False; before 1.16 also Strict ...
	Encryption           Encryption `json:"encryption,omitzero"`
	Hubble               Hubble     `json:"hubble,omitzero"`
	Health               State      `json:"health,omitzero"`
	IPAM                 string     `json:"ipam,omitempty"`
	Routing              string     `json:"routing,omitempty"` // Native | Tunnel
	// FailingControllers are those whose last runs failed, "name: message".
	FailingControllers []string `json:"failingControllers,omitempty"`
	Stale              []string `json:"stale,omitempty"` // probes of the agent that hang
}

// State is a model.Status: Ok | Warning | Failure | Disabled, and why.
type State struct {
	State   string `json:"state,omitempty"`
	Message string `json:"message,omitempty"`
}

// Encryption is .encryption.
type Encryption struct {
	Mode           string      `json:"mode,omitempty"` // Disabled | IPsec | Wireguard | Ztunnel
	Message        string      `json:"message,omitempty"`
	NodeEncryption string      `json:"nodeEncryption,omitempty"`
	Interfaces     []Interface `json:"interfaces,omitempty"`
}

// Interface is one WireGuard interface.
type Interface struct {
	Name       string `json:"name"`
	ListenPort int    `json:"listenPort"`
	PeerCount  int    `json:"peerCount"`
	Peers      []Peer `json:"peers,omitempty"`
}

// Peer is one WireGuard peer; its key is left out.
type Peer struct {
	Endpoint      string    `json:"endpoint,omitempty"` // "172.20.1.12:51871"
	LastHandshake time.Time `json:"lastHandshake,omitzero"`
	Received      int64     `json:"received"`    // bytes
	Transmitted   int64     `json:"transmitted"` // bytes
}

// Hubble is .hubble.
type Hubble struct {
	State        string `json:"state,omitempty"`
	Message      string `json:"message,omitempty"`
	CurrentFlows int64  `json:"currentFlows,omitempty"`
	MaxFlows     int64  `json:"maxFlows,omitempty"`
	SeenFlows    int64  `json:"seenFlows,omitempty"`
}

// AgentBGP is what one agent says of its BGP sessions: `cilium-dbg bgp peers -o json`.
type AgentBGP struct {
	Node   string `json:"node"`
	Pod    string `json:"pod"`
	Unread string `json:"unread,omitempty"`
	// Disabled is the agent's own word that its BGP control plane is off.
	Disabled bool      `json:"disabled,omitempty"`
	Peers    []BGPPeer `json:"peers,omitempty"`
}

// BGPPeer is one session.
type BGPPeer struct {
	Address string `json:"address"`
	ASN     int64  `json:"asn"`
	State   string `json:"state"` // established, active, idle ...
}
