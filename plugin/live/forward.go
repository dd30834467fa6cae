package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// way leads to one port of one pod, through the API server's get (WebSocket) or create (SPDY) of pods/portforward.
type way struct {
	connection httpstream.Connection
	port       int32
	calls      atomic.Int64
	refused    chan string // the pod's side: nobody listens, for instance
}

// forwarded calls ask with a way to a port of a pod, open for as long as that call takes. A pod has a third of the whole
// time to answer: it may hang where the API server does not.
func (g *gatherer) forwarded(ctx context.Context, namespace, pod string, port int32, ask func(context.Context, *way) error) error {
	patience := g.options.Timeout / 3
	inner, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	err := g.forward(inner, namespace, pod, port, ask)
	if err != nil && ctx.Err() == nil && errors.Is(inner.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("timed out after %s: no answer from port %d of pod %s/%s", patience, port, namespace, pod)
	}
	return err
}

func (g *gatherer) forward(ctx context.Context, namespace, pod string, port int32, ask func(context.Context, *way) error) error {
	dialer, err := g.forwardDialer(namespace, pod)
	if err != nil {
		return err
	}
	connection, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		return forwardError(err)
	}
	defer connection.Close()
	defer context.AfterFunc(ctx, func() { _ = connection.Close() })()
	w := &way{connection: connection, port: port, refused: make(chan string, 1)}
	if err := ask(ctx, w); err != nil {
		select {
		case why := <-w.refused:
			return errors.New(why)
		default:
			return err
		}
	}
	return nil
}

// forwardError is the API server's refusal without the words about upgrading the connection.
func forwardError(err error) error {
	if _, said, ok := strings.Cut(err.Error(), "error upgrading connection: "); ok {
		return errors.New(said)
	}
	return err
}

func (g *gatherer) forwardDialer(namespace, pod string) (httpstream.Dialer, error) {
	url := g.core.RESTClient().Post().Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(g.config)
	if err != nil {
		return nil, err
	}
	old := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	socket, err := portforward.NewSPDYOverWebsocketDialer(url, g.config)
	if err != nil {
		return nil, err
	}
	return portforward.NewFallbackDialer(socket, old, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	}), nil
}

// dial opens a connection to the port: a pair of streams, of which one carries nothing but why there is no other end.
// Both are asked for before either is granted: the pod knows them by their request, and each grant is a round trip.
func (w *way) dial(context.Context, string) (net.Conn, error) {
	call := strconv.FormatInt(w.calls.Add(1), 10)
	complaining, talking := w.open(call, core.StreamTypeError), w.open(call, core.StreamTypeData)
	complaints, data := <-complaining, <-talking
	if err := errors.Join(complaints.err, data.err); err != nil {
		return nil, fmt.Errorf("open a stream: %w", err)
	}
	_ = complaints.Close() // this side has nothing to complain of
	c := &conn{Stream: data.Stream}
	go func() {
		text, _ := io.ReadAll(io.LimitReader(complaints, 4<<10))
		if why := strings.TrimSpace(string(text)); why != "" {
			select {
			case w.refused <- why:
			default:
			}
			_ = data.Reset()
		}
	}()
	return c, nil
}

// opened is a stream, or why there is none.
type opened struct {
	httpstream.Stream
	err error
}

// open asks for a stream of a call.
func (w *way) open(call, kind string) <-chan opened {
	headers := http.Header{}
	headers.Set(core.StreamType, kind)
	headers.Set(core.PortHeader, strconv.Itoa(int(w.port)))
	headers.Set(core.PortForwardRequestIDHeader, call)
	out := make(chan opened, 1)
	go func() {
		stream, err := w.connection.CreateStream(headers)
		out <- opened{stream, err}
	}()
	return out
}

// conn is a stream as a connection. Its deadlines are those of the context that the way was opened with.
type conn struct{ httpstream.Stream }

func (*conn) LocalAddr() net.Addr              { return pipe{} }
func (*conn) RemoteAddr() net.Addr             { return pipe{} }
func (*conn) SetDeadline(time.Time) error      { return nil }
func (*conn) SetReadDeadline(time.Time) error  { return nil }
func (*conn) SetWriteDeadline(time.Time) error { return nil }

// Close ends both directions: Close of a stream ends one.
func (c *conn) Close() error { return c.Reset() }

type pipe struct{}

func (pipe) Network() string { return "port-forward" }
func (pipe) String() string  { return "port-forward" }
