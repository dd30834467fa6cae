package live

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

func testdata(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestReadStatus reads answers that agents of Cilium 1.18.2 gave, shortened.
func TestReadStatus(t *testing.T) {
	a := facts.Agent{Node: "infra-1", Pod: "cilium-1"}
	readStatus(&a, testdata(t, "status-ok.json"), nil)
	want := facts.Agent{
		Node: "infra-1", Pod: "cilium-1", Version: "1.18.2", Self: "infra/infra-node-1", KubeProxyReplacement: "True",
		Cilium:     facts.State{State: "Ok", Message: "1.18.2 (v1.18.2-5bd307a8)"},
		Kubernetes: facts.State{State: "Ok", Message: "1.37 (v1.37.2) [linux/amd64]"},
		Encryption: facts.Encryption{Mode: "Disabled"},
		Hubble:     facts.Hubble{State: "Ok", CurrentFlows: 902, MaxFlows: 4095, SeenFlows: 882},
		Health:     facts.State{State: "Ok"}, IPAM: "IPv4: 5/254 allocated from 10.10.1.0/24, ", Routing: "Native",
	}
	if !reflect.DeepEqual(a, want) {
		t.Errorf("got  %+v\nwant %+v", a, want)
	}

	var lost facts.Agent
	readStatus(&lost, testdata(t, "status-api-lost.json"), nil)
	if lost.Unread != "" || lost.Cilium.State != "Failure" || lost.Version != "1.18.2" || lost.Kubernetes.State != "Failure" ||
		!strings.Contains(lost.Kubernetes.Message, "connection refused") {
		t.Errorf("an agent that has lost the API server: %+v", lost)
	}

	var other facts.Agent
	readStatus(&other, testdata(t, "status-other-cluster.json"), nil)
	if other.Cilium.State != "Ok" || !strings.HasPrefix(other.Self, "apps/") {
		t.Errorf("an agent of the other cluster: %+v", other)
	}
}

func TestReadStatusWireGuard(t *testing.T) {
	var a facts.Agent
	readStatus(&a, []byte(`{"cilium":{"state":"Warning","msg":"1.18.2    stale"},"stale":{"z":"2026-11-22T09:00:00Z","a":"2026-11-22T09:00:00Z"},
		"controllers":[{"name":"often","status":{"consecutive-failure-count":3,"last-failure-msg":"no"}},{"name":"again","status":{"consecutive-failure-count":7}},
			{"name":"once","status":{"consecutive-failure-count":2}}],
		"encryption":{"mode":"Wireguard","wireguard":{"node-encryption":"Disabled","interfaces":[{"name":"cilium_wg0","listen-port":51871,"peer-count":2,"public-key":"c4n4ry",
			"peers":[{"endpoint":"10.25.11.13:51871","last-handshake-time":"0001-01-01T00:00:00.000Z","public-key":"c4n4ry"},
				{"endpoint":"10.25.11.12:51871","last-handshake-time":"2026-11-22T10:11:12.5+01:00","transfer-rx":5,"transfer-tx":7}]}]}}}`), nil)
	want := facts.Encryption{Mode: "Wireguard", NodeEncryption: "Disabled", Interfaces: []facts.Interface{{
		Name: "cilium_wg0", ListenPort: 51871, PeerCount: 2, Peers: []facts.Peer{
			{Endpoint: "10.25.11.12:51871", LastHandshake: time.Date(2026, 11, 22, 9, 11, 12, 5e8, time.UTC), Received: 5, Transmitted: 7},
			{Endpoint: "10.25.11.13:51871"},
		},
	}}}
	if !reflect.DeepEqual(a.Encryption, want) {
		t.Errorf("got  %+v\nwant %+v", a.Encryption, want)
	}
	if !reflect.DeepEqual(a.FailingControllers, []string{"again: ", "often: no"}) || !reflect.DeepEqual(a.Stale, []string{"a", "z"}) {
		t.Errorf("controllers %q, stale %q", a.FailingControllers, a.Stale)
	}
}

func TestReadStatusFailures(t *testing.T) {
	refused := errors.New(`cilium-dbg: Get "http://localhost/v1/healthz": dial unix /var/run/cilium/cilium.sock: connect: connection refused`)
	for name, c := range map[string]struct {
		out  string
		err  error
		want string
	}{
		"agent dead":     {"", refused, "connection refused"},
		"half an answer": {`{"cilium":{"state":"Ok"`, nil, "not JSON"},
		"empty":          {"", nil, "not JSON"},
		"help":           {"Usage: cilium-dbg status", nil, "not JSON"},
		"other JSON":     {`{"kind":"Status"}`, nil, "no cilium.state"},
		"null":           {"null", nil, "no cilium.state"},
		"a list":         {"[]", nil, "not JSON"},
		"other types":    {`{"cilium":{"state":"Ok"},"controllers":3}`, nil, "not JSON"},
		"error wins":     {`{"cilium":{"state":"Ok"}}`, refused, "connection refused"},
		"timeout":        {"", timedOut{time.Second, "https://infra"}, "timed out after 1s: no answer from https://infra"},
	} {
		a := facts.Agent{Node: "n", Pod: "p"}
		readStatus(&a, []byte(c.out), c.err)
		if !strings.Contains(a.Unread, c.want) {
			t.Errorf("%s: %q, want %q", name, a.Unread, c.want)
		}
		if a.Unread = ""; !reflect.DeepEqual(a, facts.Agent{Node: "n", Pod: "p"}) {
			t.Errorf("%s: something was believed: %+v", name, a)
		}
	}
}

func TestLastLine(t *testing.T) {
	for in, want := range map[string]string{
		"": "", "\n": "", "one\n": "one", "one\ntwo\n\n": "two",
		"Get \"http://localhost/v1/healthz\": dial unix /var/run/cilium/cilium.sock: connect: connection refused\nIs the agent running?\n": `Get "http://localhost/v1/healthz": dial unix /var/run/cilium/cilium.sock: connect: connection refused`,
		"Error: unknown flag\nUsage:\n  cilium-dbg": "Error: unknown flag",
	} {
		if got := lastLine(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestReadBGP(t *testing.T) {
	var b facts.AgentBGP
	readBGP(&b, testdata(t, "bgp-peers.json"), nil)
	want := []facts.BGPPeer{{Address: "172.20.1.12", ASN: 65002, State: "established"}, {Address: "172.20.1.99", ASN: 65009, State: "active"}}
	if !reflect.DeepEqual(b.Peers, want) || b.Unread != "" || b.Disabled {
		t.Errorf("%+v", b)
	}
	disabled := "Error: cannot get peers list: [GET /bgp/peers][500] getBgpPeersInternalServerError  \"BGP control plane is disabled\""
	for name, c := range map[string]struct {
		out  string
		err  error
		want facts.AgentBGP
	}{
		"no peers":        {"[]", nil, facts.AgentBGP{}},
		"null":            {"null", nil, facts.AgentBGP{}},
		"disabled":        {"", errors.New("cilium-dbg: " + disabled), facts.AgentBGP{Disabled: true}},
		"disabled, named": {"", errors.New("cilium-dbg: Error: cannot get peers list: [GET /bgp/peers][501] getBgpPeersDisabled"), facts.AgentBGP{Disabled: true}},
		"disabled, said":  {disabled, nil, facts.AgentBGP{Disabled: true}},
		"both":            {disabled, errors.New("command terminated with exit code 1"), facts.AgentBGP{Disabled: true}},
		"dead":            {"", errors.New("connection refused"), facts.AgentBGP{Unread: "connection refused"}},
		"garbage":         {"{", nil, facts.AgentBGP{Unread: "cilium-dbg bgp peers: its answer is not JSON"}},
	} {
		var got facts.AgentBGP
		readBGP(&got, []byte(c.out), c.err)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got %+v, want %+v", name, got, c.want)
		}
	}
}

func TestForbidden(t *testing.T) {
	unread := func(s string) string { return s }
	const no = `forbidden: User "viewer" cannot create resource "pods/exec"`
	for name, c := range map[string]struct {
		all  []string
		want bool
	}{
		"nobody": {nil, false}, "all": {[]string{no, no}, true}, "some": {[]string{no, ""}, false},
		"each its own": {[]string{no, no + " of that pod"}, false}, "all dead": {[]string{"timed out", "timed out"}, false},
	} {
		if err := forbidden(c.all, unread); (err != nil) != c.want || err != nil && err.Error() != no {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBounded(t *testing.T) {
	var b bounded
	chunk := strings.Repeat("x", 1<<20)
	for range 10 {
		if n, err := b.Write([]byte(chunk)); n != len(chunk) || err != nil {
			t.Fatal(n, err)
		}
	}
	if b.Len() != maxAnswer || !b.over {
		t.Errorf("%d bytes, over %v", b.Len(), b.over)
	}
	var whole bounded
	if n, err := whole.ReadFrom(strings.NewReader(strings.Repeat("x", maxAnswer+1))); n != maxAnswer+1 || err != nil || whole.Len() != maxAnswer || !whole.over {
		t.Errorf("read %d, %v; kept %d", n, err, whole.Len())
	}
}

func FuzzStatus(f *testing.F) {
	for _, name := range []string{"status-ok.json", "status-api-lost.json", "bgp-peers.json"} {
		f.Add(testdata(f, name))
	}
	f.Add([]byte(`{"cilium":{"state":"Ok"},"encryption":null,"hubble":{"state":null},"controllers":[null],"stale":{"":null}}`))
	f.Fuzz(func(t *testing.T, out []byte) {
		var a facts.Agent
		if readStatus(&a, out, nil); (a.Unread == "") != (a.Cilium.State != "") {
			t.Errorf("read and unread at once: %+v", a)
		}
		var b facts.AgentBGP
		if readBGP(&b, out, nil); b.Unread != "" && (b.Disabled || b.Peers != nil) {
			t.Errorf("read and unread at once: %+v", b)
		}
	})
}
