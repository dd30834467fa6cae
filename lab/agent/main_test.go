package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func pods(t *testing.T, faults string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{
		"u.json": `{"node":"infra-1","image":"quay.io/cilium/cilium:v1.18.2","started":"2026-11-23T00:00:00Z",
			"config":{"cluster-name":"infra","enable-wireguard":"true","enable-hubble":"true","kube-proxy-replacement":"true"}}`,
		"world.json":  `{"kubernetes":"v1.37.2","nodes":[{"name":"infra-1","ip":"172.20.1.11","podCIDR":"10.244.0.0/24","agent":true}]}`,
		"faults.json": faults,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "u.json")
}

func TestCommands(t *testing.T) {
	healthy, dead := pods(t, "{}"), pods(t, `{"infra-1":{"dead":true}}`)
	ill, garbage := pods(t, `{"infra-1":{"state":"Failure","message":"lost"}}`), pods(t, `{"infra-1":{"garbage":true}}`)
	for _, c := range []struct {
		pod, line   string
		code        int
		out, errOut string // parts of what is printed
	}{
		{healthy, "cilium-dbg status -o json", 0, `"mode": "Wireguard"`, ""},
		{healthy, "cilium status --brief", 0, "OK", ""},
		{healthy, "cilium status", 0, "Encryption:", ""},
		{healthy, "cilium-dbg status --verbose", 0, "Controller Status:", ""},
		{healthy, "cilium-dbg encrypt status -o json", 0, `"listen-port": 51871`, ""},
		{healthy, "cilium-dbg config get enable-wireguard", 0, "enable-wireguard=true", ""},
		{healthy, "cilium-dbg config -a -o json", 0, `"ClusterName": "infra"`, ""},
		{healthy, "cilium config view", 1, "", "unable to find option"},
		{healthy, "cilium-dbg version", 0, "Daemon: 1.18.2 5bd307a8", ""},
		{healthy, "cilium-health status -o json", 0, `"name": "infra/infra-1"`, ""},
		{healthy, "hubble status", 0, "Healthcheck", ""},
		{healthy, "hubble status -o json", 0, `"max_flows": "4095"`, ""},
		{healthy, "cilium-dbg fly", 1, "", "answer status"},
		{ill, "cilium-dbg status -o json", 0, "lost", ""},
		{ill, "cilium-dbg status", 1, "Failure", ""},
		{dead, "cilium-dbg status -o json", 1, "", "Is the agent running?"},
		{dead, "cilium-dbg status --brief", 1, "", "daemon unreachable"},
		{dead, "hubble status", 1, "", "connection refused"},
		{garbage, "cilium-dbg status -o json", 0, `{"cilium"`, ""},
		{"", "cilium-dbg status", 127, "", "not found"},
		{"/no/such", "cilium-dbg status", 1, "", "connection refused"},
	} {
		var out, errOut bytes.Buffer
		code := run(strings.Fields(c.line), c.pod, &out, &errOut)
		if code != c.code || !strings.Contains(out.String(), c.out) || !strings.Contains(errOut.String(), c.errOut) {
			t.Errorf("%s: exit %d, stdout %.200q, stderr %q", c.line, code, out.String(), errOut.String())
		}
		if c.code == 0 && strings.HasSuffix(c.line, "json") && c.pod != garbage && !json.Valid(out.Bytes()) {
			t.Errorf("%s: no JSON", c.line)
		}
	}
}
