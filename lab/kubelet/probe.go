package kubelet

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/cilium-gitops/cilium-gitops/lab/node"
)

// probe asks the container whether it is ready, once each time it is called. Liveness is not probed: nothing here
// restarts a program that has not ended.
func (c *container) probe(ctx context.Context) error {
	probe := c.spec.ReadinessProbe
	if len(c.plan.Argv) == 0 || !c.live || probe == nil {
		c.ready = c.live
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	switch {
	case probe.HTTPGet != nil:
		c.ready = c.get(ctx, probe.HTTPGet)
	case probe.TCPSocket != nil:
		c.ready = c.connects(ctx, probe.TCPSocket.Port)
	case probe.GRPC != nil:
		c.ready = c.connects(ctx, intstr.FromInt32(probe.GRPC.Port))
	default:
		c.ready = true
	}
	return nil
}

func (c *container) get(ctx context.Context, get *corev1.HTTPGetAction) bool {
	port := c.port(get.Port)
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", port, get.Path), nil)
	if err != nil {
		return false
	}
	for _, h := range get.HTTPHeaders {
		request.Header.Add(h.Name, h.Value)
	}
	transport := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
		return node.DialIn(ctx, c.plan.Network, address)
	}}
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode >= 200 && answer.StatusCode < 400
}

func (c *container) connects(ctx context.Context, port intstr.IntOrString) bool {
	conn, err := node.DialIn(ctx, c.plan.Network, net.JoinHostPort("127.0.0.1", strconv.Itoa(c.port(port))))
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

// port is a port's number, which may be said by name.
func (c *container) port(p intstr.IntOrString) int {
	if p.Type == intstr.String {
		for _, declared := range c.spec.Ports {
			if declared.Name == p.StrVal {
				return int(declared.ContainerPort)
			}
		}
	}
	return p.IntValue()
}
