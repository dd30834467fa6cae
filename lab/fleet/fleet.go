// Package fleet is the story's fleet as data: two clusters, their networks, nodes and settings, and the values Cilium
// is bootstrapped with. Pure; it knows no cluster and no file.
package fleet

import (
	"fmt"
	"slices"
	"strings"
)

// Cluster is one of the fleet's clusters.
type Cluster struct {
	Name        string
	ID          int
	PodCIDR     string
	ServiceCIDR string
	// Network is the first two octets and the third of the nodes' network: "172.20.1".
	Network string
	// DNS is the address of the Service kube-dns.
	DNS       string
	GatewayIP string
	MeshIP    string
	ASN       int
}

// Nodes is the number of nodes each cluster has.
const Nodes = 3

// All returns the fleet's clusters, in the order in which they are handed over.
func All() []Cluster {
	return []Cluster{
		{
			Name: "infra", ID: 1, PodCIDR: "10.244.0.0/16", ServiceCIDR: "10.245.0.0/16", Network: "172.20.1",
			DNS: "10.245.0.10", GatewayIP: "10.25.11.120", MeshIP: "10.25.11.100", ASN: 64512,
		},
		{
			Name: "apps", ID: 2, PodCIDR: "10.246.0.0/16", ServiceCIDR: "10.247.0.0/16", Network: "172.20.2",
			DNS: "10.247.0.10", GatewayIP: "10.25.11.121", MeshIP: "10.25.11.101", ASN: 64513,
		},
	}
}

// Names are the clusters' names.
func Names() []string {
	var names []string
	for _, c := range All() {
		names = append(names, c.Name)
	}
	return names
}

// Index returns the cluster with that name and its place in the fleet.
func Index(name string) (Cluster, int, error) {
	all := All()
	i := slices.IndexFunc(all, func(c Cluster) bool { return c.Name == name })
	if i < 0 {
		return Cluster{}, 0, fmt.Errorf("cluster %q: the lab has %v; name one of them", name, Names())
	}
	return all[i], i, nil
}

// Node is one node of a cluster.
type Node struct {
	Name    string
	IP      string
	PodCIDR string
}

// Nodes returns the cluster's nodes.
func (c Cluster) Nodes() []Node {
	nodes := make([]Node, 0, Nodes)
	for i := range Nodes {
		nodes = append(nodes, Node{
			Name:    fmt.Sprintf("%s-%d", c.Name, i+1),
			IP:      fmt.Sprintf("%s.%d", c.Network, 11+i),
			PodCIDR: fmt.Sprintf("%s.%d.0/24", c.PodCIDR[:len("10.244")], i),
		})
	}
	return nodes
}

// APIService is the address of the Service kubernetes: the first of the services' network.
func (c Cluster) APIService() string {
	network, _, _ := strings.Cut(c.ServiceCIDR, "/")
	return strings.TrimSuffix(network, "0") + "1"
}

// Settings is the data of the ConfigMap cluster-settings, in the story's words.
func (c Cluster) Settings(cilium string) map[string]string {
	return map[string]string{
		"CLUSTER":              c.Name,
		"CLUSTER_ID":           fmt.Sprint(c.ID),
		"POD_CIDR_STRING":      c.PodCIDR,
		"SERVICE_CIDR":         fmt.Sprintf("[%q]", c.ServiceCIDR),
		"CILIUM_VERSION":       cilium,
		"CILIUM_GATEWAY_LB_IP": c.GatewayIP,
		"CLUSTERMESH_IP":       c.MeshIP,
		"CILIUM_BGP_LOCAL_ASN": fmt.Sprint(c.ASN),
	}
}
