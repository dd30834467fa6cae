package fleet

import (
	"encoding/json"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

func TestSettingsAreTheStorys(t *testing.T) {
	want := map[string]map[string]string{
		"infra": {
			"CLUSTER": "infra", "CLUSTER_ID": "1", "POD_CIDR_STRING": "10.244.0.0/16", "SERVICE_CIDR": `["10.245.0.0/16"]`,
			"CILIUM_VERSION": "1.18.2", "CILIUM_GATEWAY_LB_IP": "10.25.11.120", "CLUSTERMESH_IP": "10.25.11.100", "CILIUM_BGP_LOCAL_ASN": "64512",
		},
		"apps": {
			"CLUSTER": "apps", "CLUSTER_ID": "2", "POD_CIDR_STRING": "10.246.0.0/16", "SERVICE_CIDR": `["10.247.0.0/16"]`,
			"CILIUM_VERSION": "1.18.2", "CILIUM_GATEWAY_LB_IP": "10.25.11.121", "CLUSTERMESH_IP": "10.25.11.101", "CILIUM_BGP_LOCAL_ASN": "64513",
		},
	}
	if len(All()) != len(want) {
		t.Errorf("%d clusters", len(All()))
	}
	for _, c := range All() {
		got := c.Settings("1.18.2")
		for key, value := range want[c.Name] {
			if got[key] != value {
				t.Errorf("%s %s = %q, want %q", c.Name, key, got[key], value)
			}
		}
		var cidrs []string
		if err := json.Unmarshal([]byte(got["SERVICE_CIDR"]), &cidrs); err != nil {
			t.Errorf("%s SERVICE_CIDR is no JSON list: %v", c.Name, err)
		}
	}
}

func TestValuesDifferInTheClustersOwnOnly(t *testing.T) {
	trees := map[string]map[string]any{}
	for _, c := range All() {
		raw, err := c.Values()
		if err != nil {
			t.Fatal(err)
		}
		var tree map[string]any
		if err := yaml.Unmarshal(raw, &tree); err != nil {
			t.Fatal(err)
		}
		own, ok := tree["cluster"].(map[string]any)
		if !ok || own["name"] != c.Name || own["id"] != float64(c.ID) || tree["ipv4NativeRoutingCIDR"] != c.PodCIDR {
			t.Errorf("%s: cluster %v, ipv4NativeRoutingCIDR %v", c.Name, own, tree["ipv4NativeRoutingCIDR"])
		}
		delete(tree, "cluster")
		delete(tree, "ipv4NativeRoutingCIDR")
		trees[c.Name] = tree
	}
	infra, _ := json.Marshal(trees["infra"])
	apps, _ := json.Marshal(trees["apps"])
	if string(infra) != string(apps) {
		t.Errorf("values differ beyond the cluster's own:\n%s\n%s", infra, apps)
	}
}

func TestNodesLieInTheirNetworks(t *testing.T) {
	for _, c := range All() {
		if len(c.Nodes()) == 0 {
			t.Errorf("%s has no node", c.Name)
		}
		prefix := strings.Join(strings.Split(c.PodCIDR, ".")[:2], ".") + "."
		for _, n := range c.Nodes() {
			if !strings.HasPrefix(n.PodCIDR, prefix) || !strings.HasPrefix(n.IP, c.Network+".") {
				t.Errorf("%s: %+v is outside of pod network %s or node network %s", c.Name, n, c.PodCIDR, c.Network)
			}
		}
	}
}

func TestIndexNamesTheChoices(t *testing.T) {
	if _, _, err := Index("prod"); err == nil || !strings.Contains(err.Error(), "infra") {
		t.Errorf("error of an unknown cluster: %v", err)
	}
}
