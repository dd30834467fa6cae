package answer

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// names maps keys of cilium-config to the fields of the daemon's configuration that `cilium-dbg config -a` prints.
func names() map[string]string {
	return map[string]string{
		"cluster-name": "ClusterName", "cluster-id": "ClusterID", "kube-proxy-replacement": "KubeProxyReplacement",
		"enable-wireguard": "EnableWireguard", "encrypt-node": "EncryptNode", "enable-bgp-control-plane": "EnableBGPControlPlane",
		"enable-gateway-api": "EnableGatewayAPI", "enable-hubble": "EnableHubble", "routing-mode": "RoutingMode",
		"tunnel-protocol": "TunnelProtocol", "ipam": "IPAM", "ipv4-native-routing-cidr": "IPv4NativeRoutingCIDR",
		"auto-direct-node-routes": "EnableAutoDirectRouting", "enable-bpf-masquerade": "EnableBPFMasquerade",
		"enable-ipv4": "EnableIPv4", "enable-ipv6": "EnableIPv6", "enable-l7-proxy": "EnableL7Proxy",
		"external-envoy-proxy": "ExternalEnvoyProxy", "enable-policy": "EnablePolicy", "debug": "Debug",
		"prometheus-serve-addr": "PrometheusServeAddr", "enable-l2-announcements": "EnableL2Announcements",
		"enable-endpoint-health-checking": "EnableEndpointHealthChecking", "enable-health-checking": "EnableHealthChecking",
		"enable-k8s-networkpolicy": "EnableK8sNetworkPolicy", "identity-allocation-mode": "IdentityAllocationMode",
		"monitor-aggregation": "MonitorAggregation", "k8s-require-ipv4-pod-cidr": "K8sRequireIPv4PodCIDR",
	}
}

func options() map[string]string {
	return map[string]string{
		"ConntrackAccounting": "Disabled", "Debug": "Disabled", "DebugLB": "Disabled", "DropNotification": "Enabled",
		"MonitorAggregationLevel": "Medium", "PolicyAccounting": "Enabled", "PolicyAuditMode": "Disabled", "PolicyTracing": "Disabled",
		"PolicyVerdictNotification": "Enabled", "SourceIPVerification": "Enabled", "TraceNotification": "Enabled",
	}
}

// Config is what `cilium-dbg config -o json` prints: the options that can be changed at run time, with only the
// read-only ones, and with all both.
func (a *Agent) Config(all, only bool) any {
	if !all && !only {
		return options()
	}
	out := a.readOnly()
	if all {
		out["MonitorNumPages"], out["PolicyEnforcement"] = "64", "default"
		for k, v := range options() {
			out[k] = v
		}
	}
	return out
}

func (a *Agent) readOnly() map[string]any {
	out := map[string]any{}
	for key, name := range names() {
		value, ok := a.Birth.Config[key]
		switch {
		case !ok:
		case key == "kube-proxy-replacement":
			out[name] = value
		case value == "true" || value == "false":
			out[name] = value == "true"
		case key == "cluster-id":
			out[name] = a.clusterID()
		default:
			out[name] = value
		}
	}
	return out
}

// Option is one value, by the name that Config prints or by its key in cilium-config.
func (a *Agent) Option(name string) (string, bool) {
	if v, ok := a.Birth.Config[name]; ok {
		return v, true
	}
	all, ok := a.Config(true, false).(map[string]any)
	if !ok {
		return "", false
	}
	for k, v := range all {
		if strings.EqualFold(k, name) {
			return fmt.Sprint(v), true
		}
	}
	return "", false
}

// ConfigText is Config for people.
func (a *Agent) ConfigText(all, only bool) string {
	var b strings.Builder
	if all || only {
		b.WriteString("#### Read-only configurations ####\n")
		ro := a.readOnly()
		for _, k := range slices.Sorted(maps.Keys(ro)) {
			fmt.Fprintf(&b, "%-34s: %v\n", k, ro[k])
		}
	}
	if !only {
		b.WriteString("##### Read-write configurations #####\n")
		rw := options()
		for _, k := range slices.Sorted(maps.Keys(rw)) {
			fmt.Fprintf(&b, "%-34s: %s\n", k, rw[k])
		}
		fmt.Fprintf(&b, "%-34s: 64\n%-34s: default\n", "MonitorNumPages", "PolicyEnforcement")
	}
	return b.String()
}
