package live

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// forwarded calls ask with a local address that leads to a port of a pod, for as long as that call takes. The way is
// the API server's: get (WebSocket) or create (SPDY) of pods/portforward.
func (g *gatherer) forwarded(ctx context.Context, namespace, pod string, port int32, ask func(address string) error) error {
	dialer, err := g.forwardDialer(namespace, pod)
	if err != nil {
		return err
	}
	stop, ready := make(chan struct{}), make(chan struct{})
	var stderr bounded
	forwarder, err := portforward.NewOnAddresses(dialer, []string{"127.0.0.1"}, []string{fmt.Sprintf("0:%d", port)}, stop, ready, io.Discard, &stderr)
	if err != nil {
		return err
	}
	over := make(chan error, 1)
	go func() { over <- forwarder.ForwardPorts() }()
	defer close(stop)
	select {
	case err := <-over:
		return forwardError(err)
	case <-ctx.Done():
		return ctx.Err()
	case <-ready:
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		return err
	}
	if err := ask(fmt.Sprintf("127.0.0.1:%d", ports[0].Local)); err != nil {
		if text := lastLine(stderr.String()); text != "" && ctx.Err() == nil {
			return errors.New(text) // the pod's side: nobody listens, for instance
		}
		return err
	}
	return nil
}

// forwardError is the API server's refusal without the words about upgrading the connection.
func forwardError(err error) error {
	if err == nil {
		return errors.New("the API server ended the port-forward")
	}
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
