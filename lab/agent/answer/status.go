package answer

import (
	"fmt"
	"sort"
	"strings"

	"github.com/cilium/cilium/api/v1/models"
	"github.com/go-openapi/strfmt"
)

func state(s, msg string) *models.Status { return &models.Status{State: s, Msg: msg} }

// Status is the answer of /healthz.
func (a *Agent) Status() *models.StatusResponse {
	s := &models.StatusResponse{
		AttachMode:              models.AttachModeTcx,
		AuthCertificateProvider: state(models.StatusStateDisabled, ""),
		BandwidthManager:        &models.BandwidthManager{},
		BpfMaps:                 bpfMaps(),
		Cilium:                  state(models.StatusStateOk, a.versionLine()),
		ClockSource:             &models.ClockSource{Mode: models.ClockSourceModeKtime},
		Cluster: &models.ClusterStatus{
			CiliumHealth: state(models.StatusStateOk, ""), Self: a.cluster() + "/" + a.Node,
		},
		CniChaining:          &models.CNIChainingStatus{Mode: models.CNIChainingStatusModeNone},
		CniFile:              state(models.StatusStateOk, "successfully wrote CNI configuration file to /host/etc/cni/net.d/05-cilium.conflist"),
		Controllers:          a.controllers(),
		DatapathMode:         models.DatapathModeVeth,
		Encryption:           a.Encryption(),
		HostFirewall:         &models.HostFirewall{Mode: models.HostFirewallModeDisabled},
		IdentityRange:        &models.IdentityRange{MinIdentity: int64(65536 * max(a.clusterID(), 1)), MaxIdentity: int64(65536*max(a.clusterID(), 1) + 65535)},
		IPV4BigTCP:           &models.IPV4BigTCP{MaxGRO: 65536, MaxGSO: 65536},
		IPV6BigTCP:           &models.IPV6BigTCP{MaxGRO: 65536, MaxGSO: 65536},
		Ipam:                 a.ipam(),
		KubeProxyReplacement: a.kubeProxyReplacement(),
		Kubernetes: &models.K8sStatus{
			State: models.K8sStatusStateOk, K8sAPIVersions: a.apis(),
			Msg: fmt.Sprintf("%s (%s) [linux/amd64]", minor(a.World.Kubernetes), a.World.Kubernetes),
		},
		Kvstore:      state(models.StatusStateDisabled, ""),
		Masquerading: a.masquerading(),
		NodeMonitor:  &models.MonitorStatus{Cpus: 8, Npages: 64, Pagesize: 4096},
		Proxy: &models.ProxyStatus{
			EnvoyDeploymentMode: a.envoyMode(), IP: a.address(a.Self(), "router"), PortRange: "10000-20000", TotalPorts: 1,
		},
		Routing: a.routing(),
		Srv6:    &models.Srv6{Srv6EncapMode: models.Srv6Srv6EncapModeReduced},
	}
	a.hubble(s)
	a.ail(s)
	return s
}

// ail shows in the status what is wrong with the agent.
func (a *Agent) ail(s *models.StatusResponse) {
	if a.Fault.State == "" {
		return
	}
	s.Cilium = state(a.Fault.State, a.versionLine()+"    "+a.Fault.Message)
}

// versionLine is "1.18.2 (v1.18.2-5bd307a8)".
func (a *Agent) versionLine() string {
	return fmt.Sprintf("%s (v%s-%s)", a.release(), a.release(), a.commit())
}

func (a *Agent) clusterID() int {
	var id int
	fmt.Sscan(a.get("cluster-id", "0"), &id)
	return id
}

func (a *Agent) apis() []string {
	apis := []string{
		"EndpointSliceOrEndpoint", "cilium/v2::CiliumCIDRGroup", "cilium/v2::CiliumClusterwideEnvoyConfig",
		"cilium/v2::CiliumClusterwideNetworkPolicy", "cilium/v2::CiliumEndpoint", "cilium/v2::CiliumEnvoyConfig",
		"cilium/v2::CiliumNetworkPolicy", "cilium/v2::CiliumNode", "core/v1::Pods", "networking.k8s.io/v1::NetworkPolicy",
	}
	sort.Strings(apis)
	return apis
}

func (a *Agent) ipam() *models.IPAMStatus {
	self := a.Self()
	uses := []struct{ use, owner string }{
		{"router", "router"}, {"health", "health"}, {"ingress", "ingress"}, {"pod-1", "kube-system/hubble-relay"}, {"pod-2", "spegel/spegel"},
	}
	status := &models.IPAMStatus{Allocations: models.AllocationMap{}, IPV4: []string{}}
	for _, u := range uses {
		ip := a.address(self, u.use)
		status.Allocations[ip] = u.owner
		status.IPV4 = append(status.IPV4, ip)
	}
	status.Status = fmt.Sprintf("IPv4: %d/254 allocated from %s, ", len(status.Allocations), self.PodCIDR)
	return status
}

func (a *Agent) masquerading() *models.Masquerading {
	cidr := a.get("ipv4-native-routing-cidr", a.Self().PodCIDR)
	m := &models.Masquerading{
		Enabled: a.get("enable-ipv4-masquerade", "true") == "true", Mode: models.MasqueradingModeIptables,
		EnabledProtocols:    &models.MasqueradingEnabledProtocols{IPV4: a.get("enable-ipv4-masquerade", "true") == "true"},
		SnatExclusionCidr:   cidr,
		SnatExclusionCidrV4: cidr,
	}
	if a.on("enable-bpf-masquerade") {
		m.Mode = models.MasqueradingModeBPF
	}
	return m
}

func (a *Agent) routing() *models.Routing {
	r := &models.Routing{
		InterHostRoutingMode: models.RoutingInterHostRoutingModeTunnel, IntraHostRoutingMode: models.RoutingIntraHostRoutingModeLegacy,
	}
	if a.on("enable-bpf-masquerade") && a.get("enable-host-legacy-routing", "false") != "true" {
		r.IntraHostRoutingMode = models.RoutingIntraHostRoutingModeBPF
	}
	if a.get("routing-mode", "tunnel") == "native" {
		r.InterHostRoutingMode = models.RoutingInterHostRoutingModeNative
		return r
	}
	r.TunnelProtocol = a.get("tunnel-protocol", "vxlan")
	return r
}

func (a *Agent) envoyMode() string {
	if a.on("external-envoy-proxy") {
		return "external"
	}
	return "embedded"
}

func (a *Agent) hubble(s *models.StatusResponse) {
	if !a.on("enable-hubble") {
		s.Hubble = &models.HubbleStatus{State: models.HubbleStatusStateDisabled}
		s.HubbleMetrics = &models.HubbleMetricsStatus{State: models.HubbleMetricsStatusStateDisabled}
		return
	}
	seen := int64(a.uptime().Seconds() * float64(9+a.number(4, a.Node, "flows")))
	s.Hubble = &models.HubbleStatus{State: models.HubbleStatusStateOk, Observer: &models.HubbleStatusObserver{
		CurrentFlows: min(seen, 4095), MaxFlows: 4095, SeenFlows: seen, Uptime: strfmt.Duration(a.uptime()),
	}}
	s.HubbleMetrics = &models.HubbleMetricsStatus{State: models.HubbleMetricsStatusStateDisabled}
	if a.get("hubble-metrics-server", "") != "" {
		s.HubbleMetrics.State = models.HubbleMetricsStatusStateOk
	}
}

func minor(version string) string {
	parts := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	return strings.Join(parts[:min(len(parts), 2)], ".")
}
