package facts

import "time"

// The parts that tell whether what is configured also works.
const (
	Health  Part = "health"  // cilium-health status of every agent, by exec
	Tunnels Part = "tunnels" // WireGuard's peers as every agent has them, by exec; looked at with a probe alone
	Relay   Part = "relay"   // the relay's own ServerStatus, by port-forward
	Targets Part = "targets" // what Prometheus says of scraping Cilium, by port-forward
	Issuers Part = "issuers" // cert-manager's ClusterIssuers
	Fetches Part = "fetches" // the sources that Flux fetches Cilium's Git tree and chart from
)

// AgentHealth is what one agent's prober says: `cilium-health status -o json`.
type AgentHealth struct {
	Node   string `json:"node"`
	Pod    string `json:"pod"`
	Unread string `json:"unread,omitempty"`
	// Peers are the nodes that it probes, itself among them.
	Peers []HealthPeer `json:"peers,omitempty"`
}

// HealthPeer is one probed node, by "cluster/node". A prober goes through all nodes in a minute or two; what has not
// been probed yet has a zero time.
type HealthPeer struct {
	Name     string `json:"name"`
	Host     Probed `json:"host,omitzero"`     // the node's own address
	Endpoint Probed `json:"endpoint,omitzero"` // the health endpoint: a pod, reached as pods are
}

// Probed is the last probe of one address.
type Probed struct {
	At    time.Time `json:"at,omitzero"`
	Error string    `json:"error,omitempty"` // empty: it answered
}

// AgentTunnels are the WireGuard interfaces of one agent with their peers, which its status only counts:
// .encryption.wireguard of `cilium-dbg debuginfo`.
type AgentTunnels struct {
	Node       string      `json:"node"`
	Pod        string      `json:"pod"`
	Unread     string      `json:"unread,omitempty"`
	Interfaces []Interface `json:"interfaces,omitempty"`
}

// RelayStatus is one relay's answer to observer.Observer/ServerStatus (api/v1/observer in github.com/cilium/cilium).
type RelayStatus struct {
	Pod    string `json:"pod"`
	Unread string `json:"unread,omitempty"`

	Connected        int64    `json:"connected"`
	Unavailable      int64    `json:"unavailable"`
	UnavailableNodes []string `json:"unavailableNodes,omitempty"` // perhaps not all of them
	CurrentFlows     int64    `json:"currentFlows,omitempty"`
	MaxFlows         int64    `json:"maxFlows,omitempty"`
	SeenFlows        int64    `json:"seenFlows,omitempty"`
	Version          string   `json:"version,omitempty"`
}

// Scraping is what one Prometheus says of its targets: GET /api/v1/targets.
type Scraping struct {
	Prometheus string `json:"prometheus"` // its pod, "monitoring/prometheus-0"
	Unread     string `json:"unread,omitempty"`
	// Targets are those that belong to Cilium: by their pool ("serviceMonitor/kube-system/cilium-agent/0") or their pod.
	Targets []Target `json:"targets,omitempty"`
}

// Target is one scraped endpoint.
type Target struct {
	Pool     string    `json:"pool"`
	Instance string    `json:"instance,omitempty"` // "10.25.11.11:9962"
	Pod      string    `json:"pod,omitempty"`
	Health   string    `json:"health"` // up | down | unknown
	Error    string    `json:"error,omitempty"`
	Scraped  time.Time `json:"scraped,omitzero"`
}

// Issuer is one ClusterIssuer of cert-manager.
type Issuer struct {
	Name       string     `json:"name"`
	ACME       bool       `json:"acme,omitempty"`
	Server     string     `json:"server,omitempty"` // the ACME directory
	Generation int64      `json:"generation,omitempty"`
	Ready      *Condition `json:"ready,omitempty"`
}

// PrometheusNames say where the Prometheus is that scrapes Cilium.
type PrometheusNames struct {
	Namespace string `json:"namespace,omitempty"` // default: any
	Selector  string `json:"selector,omitempty"`  // of its pods
	Port      int    `json:"port,omitempty"`
}
