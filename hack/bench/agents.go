package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// agents answer as Cilium's do in a cluster of that many nodes, in the size that they really have: a status of some 20 KiB, and of
// each node all others' health.
func agents(cluster string, nodes int) func(node string, command []string) ([]byte, bool) {
	probed := time.Now().UTC().Truncate(time.Second).Format(time.RFC3339)
	path := map[string]any{"primary-address": map[string]any{
		"ip":   "10.0.0.1",
		"http": map[string]any{"lastProbed": probed, "latency": 500000}, "icmp": map[string]any{"lastProbed": probed, "latency": 400000},
	}}
	var peers, controllers []any
	for i := range nodes {
		peers = append(peers, map[string]any{"name": fmt.Sprintf("%s/%s-%d", cluster, cluster, i+1), "host": path, "health-endpoint": path})
	}
	for i := range 70 {
		controllers = append(controllers, map[string]any{
			"name": fmt.Sprintf("sync-something-of-an-endpoint (%d)", i), "uuid": "d5b00426-d208-49ee-9929-1fec80d5339b",
			"configuration": map[string]any{"error-retry": true, "error-retry-base": "2s", "interval": "1s"},
			"status":        map[string]any{"success-count": 1000, "last-success-timestamp": probed, "last-failure-timestamp": "0001-01-01T00:00:00.000Z"},
		})
	}
	return func(node string, command []string) ([]byte, bool) {
		var said any
		switch {
		case command[0] == "cilium-health":
			said = map[string]any{"local": map[string]any{"name": cluster + "/" + node}, "nodes": peers}
		case slices.Contains(command, "bgp"):
			said = []any{}
		case strings.Join(command, " ") == "cilium-dbg status -o json":
			said = status(cluster, node, nodes, controllers)
		default:
			return nil, false
		}
		out, err := json.Marshal(said)
		return out, err == nil
	}
}

func status(cluster, node string, nodes int, controllers []any) map[string]any {
	fine := func(said string) map[string]any { return map[string]any{"state": "Ok", "msg": said} }
	return map[string]any{
		"cilium": fine("1.18.2 (v1.18.2-5bd307a8)"), "kubernetes": fine("1.37 (v1.37.2) [linux/amd64]"),
		"cluster":                map[string]any{"self": cluster + "/" + node, "ciliumHealth": fine("")},
		"kube-proxy-replacement": map[string]any{"mode": "True"},
		"encryption": map[string]any{"mode": "Wireguard", "wireguard": map[string]any{
			"node-encryption": "Disabled", "interfaces": []any{map[string]any{"name": "cilium_wg0", "listen-port": 51871, "peer-count": nodes - 1}},
		}},
		"hubble":  map[string]any{"state": "Ok", "observer": map[string]any{"current-flows": 4095, "max-flows": 4095, "seen-flows": 100000}},
		"ipam":    map[string]any{"status": "5/254 allocated from 10.244.1.0/24"},
		"routing": map[string]any{"inter-host-routing-mode": "Native"}, "controllers": controllers,
	}
}
