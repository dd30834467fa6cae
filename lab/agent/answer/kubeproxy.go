package answer

import (
	"github.com/cilium/cilium/api/v1/models"
)

func (a *Agent) kubeProxyReplacement() *models.KubeProxyReplacement {
	on := a.on("kube-proxy-replacement")
	k := &models.KubeProxyReplacement{Mode: models.KubeProxyReplacementModeFalse, Features: features(on)}
	k.Features.BpfSocketLBHostnsOnly = a.on("bpf-lb-sock-hostns-only")
	if on {
		k.Mode = models.KubeProxyReplacementModeTrue
		k.Devices, k.DirectRoutingDevice = []string{"eth0"}, "eth0"
		k.DeviceList = []*models.KubeProxyReplacementDeviceListItems0{{Name: "eth0", IP: []string{a.Self().IP}}}
	}
	return k
}

func features(on bool) *models.KubeProxyReplacementFeatures {
	f := &models.KubeProxyReplacementFeatures{
		ExternalIPs:     &models.KubeProxyReplacementFeaturesExternalIPs{Enabled: on},
		HostPort:        &models.KubeProxyReplacementFeaturesHostPort{Enabled: on},
		Nat46X64:        &models.KubeProxyReplacementFeaturesNat46X64{},
		NodePort:        &models.KubeProxyReplacementFeaturesNodePort{Enabled: on},
		SessionAffinity: &models.KubeProxyReplacementFeaturesSessionAffinity{Enabled: on},
		SocketLB:        &models.KubeProxyReplacementFeaturesSocketLB{Enabled: on},
		SocketLBTracing: &models.KubeProxyReplacementFeaturesSocketLBTracing{Enabled: on},
	}
	if on {
		f.Annotations = []string{
			"service.cilium.io/node", "service.cilium.io/node-selector", "service.cilium.io/proxy-delegation",
			"service.cilium.io/src-ranges-policy", "service.cilium.io/type",
		}
		f.NodePort = &models.KubeProxyReplacementFeaturesNodePort{
			Enabled: true, Acceleration: "Disabled", Algorithm: "Random", DsrMode: "IP Option/Extension", Mode: "SNAT",
			PortMin: 30000, PortMax: 32767,
		}
	}
	return f
}

func bpfMaps() *models.BPFMapStatus {
	sizes := []struct {
		name string
		size int64
	}{
		{"Auth", 524288}, {"Non-TCP connection tracking", 110861}, {"TCP connection tracking", 221723}, {"Endpoints", 65535},
		{"IP cache", 512000}, {"IPv4 masquerading agent", 16384}, {"IPv6 masquerading agent", 16384}, {"IPv4 fragmentation", 8192},
		{"IPv4 service", 65536}, {"IPv6 service", 65536}, {"IPv4 service backend", 65536}, {"IPv6 service backend", 65536},
		{"IPv4 service reverse NAT", 65536}, {"IPv6 service reverse NAT", 65536}, {"Metrics", 1024}, {"Ratelimit metrics", 64},
		{"NAT", 221723}, {"Neighbor table", 221723}, {"Endpoint policy", 16384}, {"Policy stats", 65536},
		{"Session affinity", 65536}, {"Sock reverse NAT", 110861},
	}
	status := &models.BPFMapStatus{DynamicSizeRatio: 0.0025}
	for _, m := range sizes {
		status.Maps = append(status.Maps, &models.BPFMapProperties{Name: m.name, Size: m.size})
	}
	return status
}
