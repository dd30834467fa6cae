package live

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	grpcstatus "google.golang.org/grpc/status"
	"google.golang.org/protobuf/encoding/protowire"
	core "k8s.io/api/core/v1"

	"github.com/cilium-gitops/cilium-gitops/plugin/facts"
)

const (
	relayPort = 4245 // hubble.relay.listenPort's default
	// relayPatience is how long one way of asking the relay may take; a relay that wants TLS does not answer plain words.
	relayPatience = 5 * time.Second
	serverStatus  = "/observer.Observer/ServerStatus"
)

// seeRelay asks each relay how many agents it is connected to.
func seeRelay(ctx context.Context, g *gatherer) error {
	var all []facts.RelayStatus
	for _, p := range g.podsWith(func(p facts.Pod) bool { return isRelay(p.Labels) && !p.Deleting }) {
		all = append(all, g.relay(ctx, p))
	}
	if err := forbidden(all, func(r facts.RelayStatus) string { return r.Unread }); err != nil {
		return err
	}
	g.note(func(f *facts.Facts) { f.Live.Relays = all })
	return nil
}

func isRelay(labels map[string]string) bool {
	return labels["app.kubernetes.io/name"] == "hubble-relay"
}

// podsWith are the pods that is is true of, in their order.
func (g *gatherer) podsWith(is func(facts.Pod) bool) []facts.Pod {
	g.mu.Lock()
	defer g.mu.Unlock()
	var pods []facts.Pod
	for _, p := range g.facts.Live.Pods {
		if is(p) {
			pods = append(pods, p)
		}
	}
	return sorted(pods, podKey)
}

func (g *gatherer) relay(ctx context.Context, p facts.Pod) facts.RelayStatus {
	r := facts.RelayStatus{Pod: p.Namespace + "/" + p.Name}
	if p.Phase != "Running" {
		r.Unread = "no running relay to ask: pod is " + p.Phase
		return r
	}
	g.mu.Lock()
	port := g.relayPorts[podKey(p)]
	g.mu.Unlock()
	err := g.forwarded(ctx, p.Namespace, p.Name, port, func(ctx context.Context, w *way) error {
		answer, err := askRelay(ctx, w.dial)
		if err != nil {
			return err
		}
		return readRelay(&r, answer)
	})
	if err != nil {
		r.Unread = reason(g.timeout(ctx, err))
	}
	return r
}

// relayPortOf is the port that a pod calls grpc, or the chart's default.
func relayPortOf(p *core.Pod) int32 {
	for _, c := range p.Spec.Containers {
		for _, port := range c.Ports {
			if port.Name == "grpc" {
				return port.ContainerPort
			}
		}
	}
	return relayPort
}

// dial opens a connection to the relay, whatever address it is given.
type dial func(context.Context, string) (net.Conn, error)

// askRelay asks in plain words first, which is the chart's default, and by TLS where that is not heard. The way there
// is the API server's, so that whoever answers is the pod: its certificate is not looked at.
func askRelay(ctx context.Context, to dial) ([]byte, error) {
	answer, err := callRelay(ctx, to, insecure.NewCredentials())
	if err == nil || ctx.Err() != nil || grpcstatus.Code(err) == codes.Unimplemented {
		return answer, err
	}
	answer, byTLS := callRelay(ctx, to, credentials.NewTLS(&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}))
	if byTLS == nil {
		return answer, nil
	}
	return nil, fmt.Errorf("the relay does not answer, neither plain nor by TLS: %s", plainly(err))
}

// plainly is gRPC's error without its own wrapping.
func plainly(err error) string {
	s := grpcstatus.Convert(err)
	text := strings.TrimPrefix(s.Message(), "connection error: ")
	return facts.RedactText(strings.ToLower(s.Code().String()) + ": " + text)
}

func callRelay(ctx context.Context, to dial, by credentials.TransportCredentials) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, relayPatience)
	defer cancel()
	conn, err := grpc.NewClient("passthrough:///relay", grpc.WithContextDialer(to), grpc.WithTransportCredentials(by), grpc.WithDisableServiceConfig())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	var answer []byte
	err = conn.Invoke(ctx, serverStatus, []byte{}, &answer, grpc.ForceCodec(wire{}))
	return answer, err
}

// wire passes messages as they are: the one that is asked is empty, and of the answer eight fields are read.
type wire struct{}

func (wire) Name() string { return "proto" }

func (wire) Marshal(v any) ([]byte, error) {
	b, ok := v.([]byte)
	if !ok {
		return nil, fmt.Errorf("not bytes: %T", v)
	}
	return b, nil
}

func (wire) Unmarshal(data []byte, v any) error {
	b, ok := v.(*[]byte)
	if !ok {
		return fmt.Errorf("not bytes: %T", v)
	}
	*b = append([]byte(nil), data...)
	return nil
}

var errRelayAnswer = errors.New("the relay's answer is no ServerStatusResponse")

// readRelay reads a ServerStatusResponse (api/v1/observer/observer.proto in github.com/cilium/cilium).
func readRelay(r *facts.RelayStatus, answer []byte) error {
	known := false
	err := eachField(answer, func(number protowire.Number, n uint64, b []byte) error {
		var err error
		switch number {
		case 1:
			r.CurrentFlows = int64(n)
		case 2:
			r.MaxFlows = int64(n)
		case 3:
			r.SeenFlows = int64(n)
		case 5:
			known = true
			r.Connected, err = wrapped(b)
		case 6:
			known = true
			r.Unavailable, err = wrapped(b)
		case 7:
			r.UnavailableNodes = append(r.UnavailableNodes, string(b))
		case 8:
			r.Version = string(b)
		}
		return err
	})
	if err == nil && !known {
		return errors.New("the relay's answer does not say how many nodes it is connected to")
	}
	return err
}

// wrapped is the number in a google.protobuf.UInt32Value, where zero is nothing at all.
func wrapped(b []byte) (value int64, err error) {
	err = eachField(b, func(number protowire.Number, n uint64, _ []byte) error {
		if number == 1 {
			value = int64(n)
		}
		return nil
	})
	return value, err
}

// eachField calls see with each field of a message: a number or bytes, as its type is.
func eachField(message []byte, see func(protowire.Number, uint64, []byte) error) error {
	for len(message) > 0 {
		number, kind, n := protowire.ConsumeTag(message)
		if n < 0 {
			return errRelayAnswer
		}
		message = message[n:]
		var value uint64
		var text []byte
		switch kind {
		case protowire.VarintType:
			value, n = protowire.ConsumeVarint(message)
		case protowire.BytesType:
			text, n = protowire.ConsumeBytes(message)
		default:
			n = protowire.ConsumeFieldValue(number, kind, message)
		}
		if n < 0 {
			return errRelayAnswer
		}
		message = message[n:]
		if err := see(number, value, text); err != nil {
			return err
		}
	}
	return nil
}
