package answer

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var config = map[string]string{
	"cluster-name": "infra", "cluster-id": "1", "kube-proxy-replacement": "true", "enable-wireguard": "true", "enable-hubble": "true",
	"hubble-metrics-server": ":9965", "routing-mode": "native", "ipv4-native-routing-cidr": "10.244.0.0/16", "enable-bpf-masquerade": "true",
	"enable-bgp-control-plane": "true", "external-envoy-proxy": "true", "enable-ipv4-masquerade": "true",
}

// agent is a healthy agent of infra-2 that has run for an hour, after one change.
func agent(change func(*Agent)) *Agent {
	now := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	a := &Agent{
		Now: now,
		Birth: Birth{
			Node: "infra-2", Pod: "cilium-x", UID: "u", Image: "quay.io/cilium/cilium:v1.18.2@sha256:abc", Started: now.Add(-time.Hour),
			Config: map[string]string{},
		},
		World: World{Kubernetes: "v1.37.2", Nodes: []Peer{
			{"infra-1", "172.20.1.11", "10.244.0.0/24", true}, {"infra-2", "172.20.1.12", "10.244.1.0/24", true},
			{"infra-3", "172.20.1.13", "10.244.2.0/24", true},
		}},
	}
	for k, v := range config {
		a.Birth.Config[k] = v
	}
	if change != nil {
		change(a)
	}
	return a
}

func without(key string) func(*Agent) { return func(a *Agent) { delete(a.Birth.Config, key) } }

// tree is the answer as a client sees it.
func tree(t *testing.T, value any) map[string]any {
	t.Helper()
	raw, err := JSON(value)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(raw, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func at(v any, path ...string) any {
	for _, p := range path {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[p]
	}
	return v
}

func TestStatusFollowsTheConfiguration(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Agent)
		path   string
		want   any
	}{
		{"healthy", nil, "cilium.state", "Ok"},
		{"healthy", nil, "cilium.msg", "1.18.2 (v1.18.2-5bd307a8)"},
		{"healthy", nil, "cluster.self", "infra/infra-2"},
		{"healthy", nil, "kube-proxy-replacement.mode", "True"},
		{"healthy", nil, "encryption.mode", "Wireguard"},
		{"healthy", nil, "hubble.state", "Ok"},
		{"healthy", nil, "hubble-metrics.state", "Ok"},
		{"healthy", nil, "routing.inter-host-routing-mode", "Native"},
		{"healthy", nil, "masquerading.mode", "BPF"},
		{"healthy", nil, "kubernetes.msg", "1.37 (v1.37.2) [linux/amd64]"},
		{"no WireGuard", without("enable-wireguard"), "encryption.mode", "Disabled"},
		{"no Hubble", without("enable-hubble"), "hubble.state", "Disabled"},
		{"tunnel", without("routing-mode"), "routing.tunnel-protocol", "vxlan"},
		{"no replacement", func(a *Agent) { a.Birth.Config["kube-proxy-replacement"] = "false" }, "kube-proxy-replacement.mode", "False"},
		{"other version", func(a *Agent) { a.Image = "quay.io/cilium/cilium:v1.19.1" }, "cilium.msg", "1.19.1 (v1.19.1-0a5f6525)"},
		{"fault: Disabled", func(a *Agent) { a.Fault.Encryption = "Disabled" }, "encryption.mode", "Disabled"},
		{"fault: Failure", func(a *Agent) { a.Fault.State, a.Fault.Message = "Failure", "why" }, "cilium.msg", "1.18.2 (v1.18.2-5bd307a8)    why"},
	} {
		got := at(tree(t, agent(c.change).Status()), strings.Split(c.path, ".")...)
		if got != c.want {
			t.Errorf("%s: %s = %v, want %v", c.name, c.path, got, c.want)
		}
	}
}

func TestWireGuardHasAPeerForEveryOtherNode(t *testing.T) {
	for _, c := range []struct {
		change func(*Agent)
		want   int
	}{
		{nil, 2},
		{func(a *Agent) { a.Fault.PeersMissing = 1 }, 1},
		{func(a *Agent) { a.World.Nodes[0].Agent = false }, 1},
	} {
		a := agent(c.change)
		i := a.Encryption().Wireguard.Interfaces[0]
		if i.Peers != nil || int(i.PeerCount) != c.want || i.ListenPort != 51871 || i.Name != "cilium_wg0" {
			t.Errorf("%+v; want %d peers, counted and not named", i, c.want)
		}
	}
	one, other := agent(nil), agent(func(a *Agent) { a.Node = "infra-1" })
	if one.publicKey("infra-1") != other.Encryption().Wireguard.Interfaces[0].PublicKey {
		t.Error("a node is known by another key than its own")
	}
}

// What a real agent of 1.18.2 prints at the top of its status.
func TestStatusHasTheShapeOfARealOne(t *testing.T) {
	real := []string{
		"attach-mode", "auth-certificate-provider", "bandwidth-manager", "bpf-maps", "cilium", "clock-source", "cluster", "cni-chaining", "cni-file",
		"controllers", "datapath-mode", "encryption", "host-firewall", "hubble", "hubble-metrics", "identity-range", "ipam", "ipv4-big-tcp", "ipv6-big-tcp",
		"kube-proxy-replacement", "kubernetes", "kvstore", "masquerading", "nodeMonitor", "proxy", "routing", "srv6",
	}
	got := tree(t, agent(nil).Status())
	for _, key := range real {
		if _, ok := got[key]; !ok {
			t.Errorf("no %s", key)
		}
		delete(got, key)
	}
	for key := range got {
		t.Errorf("%s, which a real agent does not print", key)
	}
}

func TestTextNamesWhatPeopleGrepFor(t *testing.T) {
	text := agent(nil).StatusText(false)
	for _, want := range []string{
		"Encryption:              Wireguard", "KubeProxyReplacement:    True   [eth0 172.20.1.12 (Direct Routing)]", "Cluster health:          3/3 reachable",
		"Cilium:                  Ok   1.18.2",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	deaf := agent(func(a *Agent) { a.Deaf = map[string]bool{"infra-3": true} })
	if text := deaf.HealthText(false); !strings.Contains(text, "2/3 reachable") {
		t.Errorf("a dead neighbour is reachable:\n%s", text)
	}
}

func TestConfigIsWhatTheAgentWasBornWith(t *testing.T) {
	all, ok := agent(nil).Config(true, false).(map[string]any)
	if !ok || all["EnableWireguard"] != true || all["ClusterID"] != 1 || all["KubeProxyReplacement"] != "true" || all["PolicyEnforcement"] != "default" {
		t.Errorf("config %v", all)
	}
	for name, want := range map[string]string{"enable-wireguard": "true", "ClusterName": "infra", "policyenforcement": "default"} {
		if got, ok := agent(nil).Option(name); !ok || got != want {
			t.Errorf("%s = %q, %v", name, got, ok)
		}
	}
	if _, ok := agent(nil).Option("no-such"); ok {
		t.Error("an option that is not there has a value")
	}
	if _, err := agent(without("enable-bgp-control-plane")).BGPPeers(); err == nil {
		t.Error("BGP answers with its control plane off")
	}
}

func TestLoad(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file := write("u.json", `{"node":"infra-2","config":{"cluster-name":"infra"}}`)
	if _, err := Load(file, time.Now()); err == nil {
		t.Error("no error without a world")
	}
	write("world.json", `{"kubernetes":"v1.37.2","nodes":[{"name":"infra-2","ip":"172.20.1.12","podCIDR":"10.244.1.0/24","agent":true}]}`)
	a, err := Load(file, time.Now())
	if err != nil || a.Fault != (Fault{}) || a.Self().IP != "172.20.1.12" {
		t.Errorf("%+v, %v", a, err)
	}
	write("faults.json", `{"infra-2":{"dead":true},"infra-1":{"encryption":"Disabled"}}`)
	if a, err = Load(file, time.Now()); err != nil || !a.Fault.Dead || !slices.Contains([]bool{a.Deaf["infra-2"]}, true) {
		t.Errorf("%+v, %v", a, err)
	}
	write("faults.json", `{`)
	if _, err := Load(file, time.Now()); err == nil {
		t.Error("no error for half a file")
	}
}
