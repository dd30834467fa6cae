package live

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/encoding/protowire"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

// TestReadHealth reads what a prober of Cilium 1.18.2 answered, shortened.
func TestReadHealth(t *testing.T) {
	h := facts.AgentHealth{Node: "infra-1", Pod: "cilium-1"}
	readHealth(&h, testdata(t, "health-lost.json"), nil)
	at := func(clock string) time.Time { return parseTime("2026-11-23T" + clock + "Z") }
	want := []facts.HealthPeer{
		{Name: "infra/infra-node-1", Host: facts.Probed{At: at("00:05:11")}, Endpoint: facts.Probed{At: at("00:05:12")}},
		{
			Name: "infra/infra-node-2", Host: facts.Probed{At: at("00:04:40"), Error: "Get \"http://172.20.1.12:4240/hello\": dial tcp 172.20.1.12:4240: connect: no route to host"},
			Endpoint: facts.Probed{},
		},
	}
	if h.Unread != "" || !reflect.DeepEqual(h.Peers, want) {
		t.Errorf("got %+v\nwant %+v", h, want)
	}
	for answer, why := range map[string]string{`{"local":`: "is not JSON", `{}`: "has no local.name"} {
		var bad facts.AgentHealth
		if readHealth(&bad, []byte(answer), nil); !strings.Contains(bad.Unread, why) || bad.Peers != nil {
			t.Errorf("%s: %+v", answer, bad)
		}
	}
	var failed facts.AgentHealth
	if readHealth(&failed, nil, errors.New("cilium-health: no such file")); !strings.Contains(failed.Unread, "no such file") {
		t.Errorf("%+v", failed)
	}
}

func TestReadTunnels(t *testing.T) {
	var a facts.AgentTunnels
	readTunnels(&a, []byte(`{"mode":"Wireguard","wireguard":{"interfaces":[{"name":"cilium_wg0","listen-port":51871,"peer-count":1,"public-key":"c4n4ry",
		"peers":[{"endpoint":"10.25.11.12:51871","last-handshake-time":"2026-11-22T09:11:01.000Z","public-key":"c4n4ry","transfer-rx":7,"transfer-tx":8}]}]}}`), nil)
	want := []facts.Interface{{Name: "cilium_wg0", ListenPort: 51871, PeerCount: 1, Peers: []facts.Peer{
		{Endpoint: "10.25.11.12:51871", LastHandshake: parseTime("2026-11-22T09:11:01Z"), Received: 7, Transmitted: 8},
	}}}
	if a.Unread != "" || !reflect.DeepEqual(a.Interfaces, want) {
		t.Errorf("%+v", a)
	}
	var off, bad facts.AgentTunnels
	if readTunnels(&off, []byte("\n"), nil); off.Unread != "" || off.Interfaces != nil {
		t.Errorf("without WireGuard: %+v", off)
	}
	if readTunnels(&bad, []byte("map[mode:Wireguard]"), nil); bad.Unread == "" {
		t.Errorf("no JSON: %+v", bad)
	}
}

// serverStatusAnswer is a ServerStatusResponse as relays of Cilium 1.18 encode it.
func serverStatusAnswer(connected, unavailable uint64, names ...string) []byte {
	wrap := func(b []byte, number protowire.Number, value uint64) []byte {
		inner := []byte{}
		if value > 0 {
			inner = protowire.AppendVarint(protowire.AppendTag(nil, 1, protowire.VarintType), value)
		}
		return protowire.AppendBytes(protowire.AppendTag(b, number, protowire.BytesType), inner)
	}
	var b []byte
	for number, value := range map[protowire.Number]uint64{1: 12, 2: 4095, 3: 99, 4: 1 << 60} {
		b = protowire.AppendVarint(protowire.AppendTag(b, number, protowire.VarintType), value)
	}
	b = wrap(wrap(b, 5, connected), 6, unavailable)
	for _, name := range names {
		b = protowire.AppendString(protowire.AppendTag(b, 7, protowire.BytesType), name)
	}
	b = protowire.AppendString(protowire.AppendTag(b, 8, protowire.BytesType), "v1.18.2")
	return protowire.AppendFixed64(protowire.AppendTag(b, 9, protowire.Fixed64Type), 1)
}

func TestReadRelay(t *testing.T) {
	r := facts.RelayStatus{Pod: "kube-system/hubble-relay-1"}
	if err := readRelay(&r, serverStatusAnswer(2, 1, "infra/infra-3")); err != nil {
		t.Fatal(err)
	}
	want := facts.RelayStatus{
		Pod: "kube-system/hubble-relay-1", Connected: 2, Unavailable: 1, UnavailableNodes: []string{"infra/infra-3"},
		CurrentFlows: 12, MaxFlows: 4095, SeenFlows: 99, Version: "v1.18.2",
	}
	if !reflect.DeepEqual(r, want) {
		t.Errorf("got %+v\nwant %+v", r, want)
	}
	var none facts.RelayStatus
	if err := readRelay(&none, serverStatusAnswer(0, 0)); err != nil || none.Connected != 0 {
		t.Errorf("connected to nobody: %+v, %v", none, err)
	}
	whole := serverStatusAnswer(2, 1, "infra/infra-3")
	for i := range whole { // cut off anywhere: an error, or an answer that does not say more than it was told
		var cut facts.RelayStatus
		if err := readRelay(&cut, whole[:i]); err == nil && cut.Connected > 2 {
			t.Errorf("cut at %d: %+v", i, cut)
		}
	}
	if err := readRelay(&none, nil); err == nil {
		t.Error("an empty answer says how many nodes")
	}
}

// TestAskRelay asks a server that answers one method, and one that does not know it.
func TestAskRelay(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.ForceServerCodec(wire{}), grpc.UnknownServiceHandler(func(_ any, stream grpc.ServerStream) error {
		method, _ := grpc.MethodFromServerStream(stream)
		var request []byte
		if err := stream.RecvMsg(&request); err != nil || method != serverStatus || len(request) > 0 {
			return errors.Join(err, errors.New("asked "+method))
		}
		return stream.SendMsg(serverStatusAnswer(3, 0))
	}))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	to := func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	}
	answer, err := askRelay(t.Context(), to)
	var r facts.RelayStatus
	if err != nil || readRelay(&r, answer) != nil || r.Connected != 3 {
		t.Errorf("%v %+v", err, r)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := askRelay(ctx, to); err == nil {
		t.Error("answered although nobody waits")
	}
	server.Stop()
	if _, err := askRelay(t.Context(), to); err == nil || !strings.Contains(err.Error(), "neither plain nor by TLS") {
		t.Errorf("nobody there: %v", err)
	}
}

func TestFetchTargets(t *testing.T) {
	body, err := os.ReadFile("testdata/targets.json")
	if err != nil {
		t.Fatal(err)
	}
	code := http.StatusOK
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RequestURI() != "/api/v1/targets?state=active" {
			http.NotFound(w, r)
			return
		}
		w.WriteHeader(code)
		_, _ = w.Write(body)
	}))
	t.Cleanup(server.Close)
	address := func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", server.Listener.Addr().String())
	}
	got, err := fetchTargets(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	targets, err := readTargets(got, "kube-system")
	at := parseTime("2026-11-22T09:11:41.5Z")
	want := []facts.Target{
		{Pool: "kubernetes-pods", Instance: "10.25.11.12:9962", Pod: "cilium-2", Health: "up", Scraped: at},
		{Pool: "serviceMonitor/kube-system/cilium-agent/0", Instance: "10.25.11.11:9962", Pod: "cilium-1", Health: "down", Error: "context deadline exceeded", Scraped: at},
	}
	if err != nil || !reflect.DeepEqual(targets, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, targets, want)
	}
	for _, bad := range []string{`{}`, `{"status":"error"}`, `[]`, ``} {
		if _, err := readTargets([]byte(bad), "kube-system"); err == nil {
			t.Errorf("%q is a list of targets", bad)
		}
	}
	code = http.StatusServiceUnavailable
	if _, err := fetchTargets(t.Context(), address); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("503: %v", err)
	}
	code, body = http.StatusOK, make([]byte, maxAnswer+1)
	if _, err := fetchTargets(t.Context(), address); err == nil || !strings.Contains(err.Error(), "more than 8 MiB") {
		t.Errorf("endless: %v", err)
	}
}

func TestIssuersAndFetches(t *testing.T) {
	s := newServer(t)
	condition := map[string]any{"type": "Ready", "status": "True", "reason": "Succeeded", "message": "https://me:c4n4ry@git.example.org: stored", "lastTransitionTime": "2026-11-22T08:00:00Z", "observedGeneration": 1}
	s.answers["/apis/cert-manager.io/v1/clusterissuers"] = object(list("ClusterIssuerList", "cert-manager.io/v1", map[string]any{
		"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": map[string]any{"name": "le", "generation": 2},
		"spec": map[string]any{"acme": map[string]any{"server": "https://user:pass@acme.example.org/directory"}}, "status": map[string]any{"conditions": []any{condition}},
	}, map[string]any{
		"apiVersion": "cert-manager.io/v1", "kind": "ClusterIssuer", "metadata": map[string]any{"name": "ca", "generation": 1}, "spec": map[string]any{"ca": map[string]any{"secretName": "ca"}},
	}))
	s.answers["/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations"] = object(list("KustomizationList", "kustomize.toolkit.fluxcd.io/v1",
		ofGit("flux-system"), ofGit("cilium-core"), ofGit("other")))
	s.answers["/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/flux-system"] = object(map[string]any{
		"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository", "metadata": map[string]any{"name": "flux-system", "namespace": "flux-system", "generation": 3},
		"spec": map[string]any{"url": "https://me:c4n4ry@git.example.org/fleet", "interval": "1m"},
		"status": map[string]any{"observedGeneration": 3, "lastHandledReconcileAt": "now", "conditions": []any{condition},
			"artifact": map[string]any{"revision": "main@sha1:4f1c", "lastUpdateTime": "2026-11-22T07:00:00Z"}},
	})
	f := gather(t, s, options(facts.Issuers, facts.Fetches))
	if len(f.Blind) > 0 || len(f.Live.Issuers) != 2 || f.Live.Issuers[0].ACME || !f.Live.Issuers[1].ACME ||
		f.Live.Issuers[1].Server != "https://acme.example.org/directory" || f.Live.Issuers[1].Ready == nil || f.Live.Issuers[0].Ready != nil {
		t.Errorf("%v %+v", f.Blind, f.Live.Issuers)
	}
	if len(f.Live.Fetches) != 1 {
		t.Fatalf("%+v", f.Live.Fetches)
	}
	g := f.Live.Fetches[0]
	if g.URL != "https://git.example.org/fleet" || g.ObservedGeneration != 3 || g.HandledReconcileAt != "now" || g.Interval != "1m" ||
		!g.Fetched.Equal(parseTime("2026-11-22T07:00:00Z")) || len(g.Conditions) != 1 || strings.Contains(g.Conditions[0].Message, "c4n4ry") {
		t.Errorf("%+v", g)
	}
	s.answers["/apis/source.toolkit.fluxcd.io/v1/namespaces/flux-system/gitrepositories/flux-system"] = forbid("get", "gitrepositories")
	if f := gather(t, s, options(facts.Fetches)); !strings.HasPrefix(f.Blind[facts.Fetches], "forbidden: ") {
		t.Errorf("%v", f.Blind)
	}
}

func ofGit(name string) map[string]any {
	return map[string]any{
		"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization", "metadata": map[string]any{"name": name, "namespace": "flux-system"},
		"spec": map[string]any{"interval": "10m", "prune": true, "path": "./", "sourceRef": map[string]any{"kind": "GitRepository", "name": map[bool]string{true: "elsewhere", false: "flux-system"}[name == "other"]}},
	}
}
