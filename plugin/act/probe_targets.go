package act

import (
	"cmp"
	"context"
	"net"
	"slices"
	"strconv"
	"strings"

	core "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
	"github.com/cilium-gitops/cilium-gitops/plugin/probe"
)

// nodePage is how many nodes are listed at a time.
const nodePage = 500

// choose picks the nodes to probe, spread over all by name, and returns those on which a pod can be expected to run.
func (p *prober) choose(ctx context.Context) (usable []*facts.ProbeNode, err error) {
	type candidate struct{ name, why string }
	var all []candidate
	o := metav1.ListOptions{Limit: nodePage}
	for {
		var list *core.NodeList
		err := p.listed(ctx, "Node", "", func() (err error) {
			list, err = p.core.Nodes().List(ctx, o)
			return err
		})
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			all = append(all, candidate{list.Items[i].Name, unusable(&list.Items[i])})
			p.hold(&list.Items[i])
		}
		if o.Continue = list.Continue; o.Continue == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Compare(a.name, b.name) })
	n := min(len(all), p.asked.Nodes)
	p.fact.Others = len(all) - n
	for i := range n {
		one := all[i*len(all)/n]
		p.fact.Nodes = append(p.fact.Nodes, facts.ProbeNode{Name: one.name, Why: one.why})
	}
	for i := range p.fact.Nodes {
		if p.fact.Nodes[i].Why == "" {
			usable = append(usable, &p.fact.Nodes[i])
		}
	}
	return usable, nil
}

// unusable says why no pod of a probe can run on a node; empty where one can. A node that takes no pods (cordoned,
// tainted) still has a network: the probe's pods tolerate that.
func unusable(n *core.Node) string {
	if system := n.Labels[core.LabelOSStable]; system != "" && system != "linux" {
		return "its operating system is " + system
	}
	for _, condition := range n.Status.Conditions {
		if condition.Type == core.NodeReady && condition.Status != core.ConditionTrue {
			return "the node is not ready: " + said(foreign(cmp.Or(condition.Message, condition.Reason, string(condition.Status))))
		}
	}
	return ""
}

// foreign is a cluster's sentence as an error: where errors are worded it is neutralised.
type foreign string

func (f foreign) Error() string { return string(f) }

// targets are whom each node's pod is to ask.
func (p *prober) targets(ctx context.Context, serving []*server) map[string][]probe.Target {
	all := map[string][]probe.Target{}
	if p.wants(facts.Probing) {
		all = pairs(serving, p.common(ctx))
	}
	if p.wants(facts.Mirrors) {
		for node, mirror := range p.mirrors(ctx, serving) {
			all[node] = append(all[node], mirror)
		}
	}
	return all
}

// common is what every node's pod asks.
func (p *prober) common(ctx context.Context) []probe.Target {
	var common []probe.Target
	for _, address := range p.service {
		common = append(common, probe.Target{Kind: probe.Service, To: p.namespace + "/" + probeServiceName, Address: address})
	}
	for _, address := range p.apiServer(ctx) {
		common = append(common, probe.Target{Kind: probe.API, To: "default/kubernetes", Address: address})
	}
	names := []string{dnsName}
	for _, name := range p.asked.Names {
		names = append(names, strings.TrimSuffix(name, ".")+".")
	}
	for _, server := range p.nameServers(ctx) {
		for _, name := range names {
			common = append(common, probe.Target{Kind: probe.DNS, To: name, Address: server})
		}
	}
	for _, place := range p.asked.Egress {
		common = append(common, probe.Target{Kind: probe.Egress, To: place, Address: place})
	}
	return common
}

// pairs are for each node every other, after what all ask.
func pairs(serving []*server, common []probe.Target) map[string][]probe.Target {
	all := map[string][]probe.Target{}
	for _, from := range serving {
		mine := slices.Clone(common)
		for _, to := range serving {
			for _, address := range to.addresses {
				if to != from {
					mine = append(mine, probe.Target{Kind: probe.Pod, To: to.node.Name, Address: address})
				}
			}
		}
		all[from.node.Name] = mine
	}
	return all
}

// apiServer is where pods find the API server.
func (p *prober) apiServer(ctx context.Context) []string {
	var service *core.Service
	err := p.read(ctx, func() (err error) {
		service, err = p.core.Services(metav1.NamespaceDefault).Get(ctx, "kubernetes", metav1.GetOptions{})
		return err
	})
	if err != nil {
		p.fact.Unasked[facts.ProbeAPI] = "Service default/kubernetes could not be read: " + reason(err)
		return nil
	}
	port := int32(443)
	for _, one := range service.Spec.Ports {
		if one.Name == "https" {
			port = one.Port
		}
	}
	return join(service.Spec.ClusterIPs, service.Spec.ClusterIP, port)
}

// nameServers is where the cluster's DNS Service answers; one empty address, which is the pod's own, where no such
// Service is to be seen: that is what the kubelet gives to pods.
func (p *prober) nameServers(ctx context.Context) []string {
	own := []string{""}
	var list *core.ServiceList
	err := p.read(ctx, func() (err error) {
		list, err = p.core.Services(metav1.NamespaceSystem).List(ctx, metav1.ListOptions{LabelSelector: "k8s-app in (kube-dns, coredns)"})
		return err
	})
	if err != nil {
		return own
	}
	// A cluster may have more than one: the name that kubeadm gave it is what everything else expects.
	slices.SortFunc(list.Items, func(a, b core.Service) int {
		return cmp.Or(-compare(a.Name == "kube-dns", b.Name == "kube-dns"), cmp.Compare(a.Name, b.Name))
	})
	for _, service := range list.Items {
		for _, port := range service.Spec.Ports {
			if found := join(service.Spec.ClusterIPs, service.Spec.ClusterIP, port.Port); port.Protocol == core.ProtocolUDP && port.Port == 53 && len(found) > 0 {
				return found
			}
		}
	}
	return own
}

func compare(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// addresses are HOST:PORT of those addresses, at the probe's port; one is what there is where there is no list.
func addresses(all []string, one string) []string { return join(all, one, probePort) }

func join(all []string, one string, port int32) (joined []string) {
	if len(all) == 0 {
		all = []string{one}
	}
	for _, ip := range all {
		if net.ParseIP(ip) != nil { // a headless Service has "None"
			joined = append(joined, net.JoinHostPort(ip, strconv.Itoa(int(port))))
		}
	}
	return joined
}

// result is an asker's result as a fact.
func result(from string, r probe.Result) facts.ProbeResult {
	kind, to := string(r.Kind), r.To
	if r.Kind == probe.DNS && r.To != dnsName {
		kind, to = facts.ProbeExternal, strings.TrimSuffix(r.To, ".")
	}
	return facts.ProbeResult{
		Kind: kind, From: from, To: to, Address: r.Address, OK: r.OK, Error: said(foreign(r.Error)), Took: r.Took, Tries: r.Tries,
	}
}
