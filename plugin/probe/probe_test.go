package probe

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// serve is a server of ours on the loopback.
func serve(t *testing.T) (address string) {
	t.Helper()
	l := listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, l) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("it ended by itself: %v", err)
		}
	})
	return l.Addr().String()
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

// dead is an address at which nobody listens.
func dead(t *testing.T) string {
	t.Helper()
	l := listen(t)
	_ = l.Close()
	return l.Addr().String()
}

// asked is what comes of asking one target once.
func asked(t *testing.T, target Target) Result {
	t.Helper()
	var all []Result
	if n := (&Asker{}).Ask(t.Context(), []Target{target}, func(r Result) { all = append(all, r) }); n != 1 || len(all) != 1 {
		t.Fatalf("told %d: %+v", n, all)
	}
	if all[0].Target != target || all[0].Tries != 1 || all[0].OK == (all[0].Error != "") {
		t.Errorf("%+v", all[0])
	}
	return all[0]
}

func TestServeEchoesAndIsHealthy(t *testing.T) {
	address := serve(t)
	if r := asked(t, Target{Kind: Pod, To: "infra-2", Address: address}); !r.OK || r.Took <= 0 {
		t.Errorf("%+v", r)
	}
	if r := asked(t, Target{Kind: Service, To: "probe", Address: address}); !r.OK {
		t.Errorf("%+v", r)
	}
	for path, want := range map[string]int{Health: http.StatusOK, "/else": http.StatusNotFound} {
		answer, err := http.Get("http://" + address + path)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != want {
			t.Errorf("%s: %s", path, answer.Status)
		}
	}
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // it is open when the server ends: that must not hold it up
	for n := range 3 {
		if err := echo(conn, n, patience); err != nil {
			t.Error(err)
		}
	}
}

func TestWhatAnswersIsToldFromWhatDoesNot(t *testing.T) {
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // a handshake and no request is what is to be seen
	secure.StartTLS()
	t.Cleanup(secure.Close)
	other := listen(t) // it takes what is sent for something else
	go func() {
		for {
			conn, err := other.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "220 mail.example.org\r\n\r\n")
		}
	}()
	closes := listen(t)
	go func() {
		for {
			conn, err := closes.Accept()
			if err != nil {
				return
			}
			_, _ = io.CopyN(io.Discard, conn, message)
			_ = conn.Close()
		}
	}()
	for _, c := range []struct {
		kind          Kind
		address, want string
	}{
		{Pod, dead(t), "connection refused"},
		{Pod, other.Addr().String(), "somebody else answers"},
		{Service, closes.Addr().String(), "closed without an answer"},
		{API, secure.Listener.Addr().String(), ""},
		{API, dead(t), "connection refused"},
		{API, other.Addr().String(), "tls: "},
		{Egress, other.Addr().String(), ""},
		{Egress, dead(t), "connection refused"},
		{Egress, "127.0.0.1:none", "none"},
	} {
		r := asked(t, Target{Kind: c.kind, To: "it", Address: c.address})
		if r.OK != (c.want == "") || !strings.Contains(r.Error, c.want) {
			t.Errorf("%s %s: %+v, want %q", c.kind, c.address, r, c.want)
		}
	}
}

// TestNames looks names up at a DNS server that knows two.
func TestNames(t *testing.T) {
	address := nameServer(t, map[string]bool{"kubernetes.default.svc.cluster.local.": true, "example.org.": true})
	for name, want := range map[string]string{
		"kubernetes.default.svc.cluster.local.": "",
		"kubernetes.default.svc":                "", // no search path on this machine leads there: the usual domain does
		"example.org.":                          "",
		"absent.example.org.":                   "no such name",
		"broken.":                               "server misbehaving",
	} {
		if r := asked(t, Target{Kind: DNS, To: name, Address: address}); r.OK != (want == "") || !strings.Contains(r.Error, want) {
			t.Errorf("%s: %+v, want %q", name, r, want)
		}
	}
}

func nameServer(t *testing.T, known map[string]bool) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		packet := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(packet)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(packet[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			q := m.Questions[0]
			m.Response, m.Additionals = true, nil
			switch {
			case q.Name.String() == "broken.":
				m.RCode = dnsmessage.RCodeServerFailure
			case !known[q.Name.String()]:
				m.RCode = dnsmessage.RCodeNameError
			case q.Type == dnsmessage.TypeA:
				head := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 5}
				m.Answers = []dnsmessage.Resource{{Header: head, Body: &dnsmessage.AResource{A: [4]byte{10, 96, 0, 1}}}}
			}
			if out, err := m.Pack(); err == nil {
				_, _ = conn.WriteTo(out, from)
			}
		}
	}()
	return conn.LocalAddr().String()
}

func TestTargets(t *testing.T) {
	for text, want := range map[string]Target{
		"pod=infra-2=10.244.1.7:7246":        {Kind: Pod, To: "infra-2", Address: "10.244.1.7:7246"},
		"pod=infra-2=[fd00::7]:7246":         {Kind: Pod, To: "infra-2", Address: "[fd00::7]:7246"},
		"dns=kubernetes.default.svc=":        {Kind: DNS, To: "kubernetes.default.svc", Address: ""},
		"dns=a.example=10.96.0.10:53":        {Kind: DNS, To: "a.example", Address: "10.96.0.10:53"},
		"egress=e.example:443=e.example:443": {Kind: Egress, To: "e.example:443", Address: "e.example:443"},
	} {
		got, err := ParseTarget(text)
		if err != nil || got != want || got.String() != text {
			t.Errorf("%s: %+v %v", text, got, err)
		}
	}
	for _, text := range []string{"", "pod=infra-2", "pod==10.0.0.1:1", "pod=a=", "pod=a=10.0.0.1", "file=a=b:1", "api=a=:443", "dns=a=10.96.0.10", "pod=a=10.0.0.1:1=10.0.0.1:2", "mirror=a/b:1=10.0.0.1:1", "mirror=a/b:1=10.0.0.1:1=10.0.0.1"} {
		if got, err := ParseTarget(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}
